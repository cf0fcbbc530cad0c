"""Clips whose pictures say their own number, as digits for people and as a strip of bars for tests.

The strip lies along the lower edge: 24 cells of equal width, of which white, black at the left and black, white at the
right say how bright white and black are, and between them stand 16 bits of the number and 4 bits that check it, the
highest first. It is laid out in shares of the picture's size, so it survives scaling as well as compression.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from annotation.scene.spec import U8
from annotation.scene.video import PictureWriter

CELLS = 24
STRIP = 1 / 6  # of the picture's height
MIN_WIDTH, MIN_HEIGHT = 72, 48
_BITS, _CHECK = 16, 4


def draw_numbered_picture(number: int, width: int, height: int) -> U8:
    """(height, width, 3) uint8 RGB with the number in it; the background's colour and a moving bar differ too.

    Raises ValueError when the number does not fit in 16 bits or the picture is too small to read.
    """
    if not 0 <= number < 1 << _BITS:
        raise ValueError(f"Number {number} does not fit in {_BITS} bits; use 0 to {(1 << _BITS) - 1}.")
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        raise ValueError(
            f"A numbered picture of {width}x{height} cannot be read back; make it {MIN_WIDTH}x{MIN_HEIGHT} or more."
        )
    hue = np.array([number * 37 % 180, 90, 120], dtype=np.uint8)
    picture: U8 = np.empty((height, width, 3), dtype=np.uint8)
    picture[:] = cv2.cvtColor(hue[None, None], cv2.COLOR_HSV2RGB)[0, 0]
    bar = number * 7 % width
    picture[:, bar : bar + max(2, width // 40)] = (230, 230, 230)
    _draw_digits(picture, str(number))
    top = height - round(height * STRIP)
    edges = np.round(np.arange(CELLS + 1) * width / CELLS).astype(int)
    for cell, bright in enumerate(_cells(number)):
        picture[top:, edges[cell] : edges[cell + 1]] = 235 if bright else 16
    return picture


def read_frame_number(image: U8) -> int:
    """The number in a picture that `draw_numbered_picture` made, after compression or scaling.

    image: (height, width, 3) uint8 RGB, or (height, width) grey. Raises ValueError when there is no readable number.
    """
    grey = image.astype(np.float64) if image.ndim == 2 else image.astype(np.float64).mean(axis=2)
    height, width = grey.shape
    rows = slice(round(height * (1 - STRIP * 0.7)), max(round(height * (1 - STRIP * 0.3)), 1))
    line = grey[rows].mean(axis=0)
    starts = (np.arange(CELLS) + 0.3) * width / CELLS
    ends = (np.arange(CELLS) + 0.7) * width / CELLS
    level = np.array([line[int(a) : max(int(a) + 1, int(b))].mean() for a, b in zip(starts, ends, strict=True)])
    white, black = (level[0] + level[-1]) / 2, (level[1] + level[-2]) / 2
    if white - black < 40:
        raise ValueError(f"No frame number can be read: white is {white:.0f} and black {black:.0f} in the strip.")
    bits = (level > (white + black) / 2).tolist()
    number = sum(int(bit) << (_BITS - 1 - i) for i, bit in enumerate(bits[2 : 2 + _BITS]))
    if bits != _cells(number):
        raise ValueError(
            "No frame number can be read: the strip's check bits contradict it, so the picture is damaged."
        )
    return number


def write_numbered_video(
    path: Path | str,
    *,
    frames: int,
    width: int = 160,
    height: int = 120,
    fps: float = 30.0,
    pts: Sequence[float] | None = None,
    b_frames: int = 0,
    gop: int = 12,
    codec: str = "libx264",
) -> tuple[float, ...]:
    """Write `frames` numbered pictures and return the time of each in seconds.

    pts: times in seconds, increasing, one per frame, for a clip of variable rate; None is frame number / fps. Raises
    ValueError when the times do not fit or the codec is unknown, OSError when the file cannot be written.
    """
    times = tuple(pts) if pts is not None else tuple(i / fps for i in range(frames))
    if len(times) != frames or any(b <= a for a, b in pairwise(times)):
        raise ValueError(f"The {len(times)} times must increase and be one for each of the {frames} frames.")
    with PictureWriter(
        path,
        codec=codec,
        size=(width, height),
        fps=fps,
        b_frames=b_frames,
        gop=gop,
        options={"crf": "18", "preset": "veryfast"},
        variable=pts is not None,
    ) as writer:
        for number, seconds in enumerate(times):
            writer.write(draw_numbered_picture(number, width, height), seconds)
    return times


def _cells(number: int) -> list[bool]:
    check = (number ^ (number >> 4) ^ (number >> 8) ^ (number >> 12)) & 0b1111
    word = number << _CHECK | check
    bits = [bool(word >> i & 1) for i in reversed(range(_BITS + _CHECK))]
    return [True, False, *bits, False, True]


def _draw_digits(picture: U8, text: str) -> None:
    height, width = picture.shape[:2]
    font, room = cv2.FONT_HERSHEY_DUPLEX, height * (1 - STRIP)
    (across, up), _ = cv2.getTextSize(text, font, 1.0, 1)
    size = min(room * 0.6 / up, width * 0.85 / across)
    corner = (round((width - across * size) / 2), round((room + up * size) / 2))
    thickness = max(1, round(size * 2.2))
    cv2.putText(picture, text, corner, font, size, (20, 20, 24), thickness * 3, cv2.LINE_AA)
    cv2.putText(picture, text, corner, font, size, (250, 250, 250), thickness, cv2.LINE_AA)
