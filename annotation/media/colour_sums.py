"""How this machine turns a clip's YUV into RGB, as five tables, so that a browser can do exactly the same.

FFmpeg converts 8-bit 4:2:0 and 4:2:2 of even height with each pixel's nearest chroma sample, and every channel is a
clipped sum: R = y[Y] + rv[V], G = y[Y] + gu[U] + gv[V], B = y[Y] + bu[U]. The tables are read off the converter
itself, with the clip's own matrix and range, and count only when they give back a noise picture and one of the clip's
pictures to the last bit: another version that converts otherwise is noticed and not imitated wrongly.
"""

from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt

from annotation.media import planes

# Name of the layout for browsers, and by how much chroma is coarser across and down.
LAYOUTS = {"yuv420p": ("I420", 2, 2), "yuvj420p": ("I420", 2, 2), "yuv422p": ("I422", 2, 1), "yuvj422p": ("I422", 2, 1)}
_GREY = 128
_ALL = np.arange(256)

Values = npt.NDArray[np.int64]
Planes = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]


@dataclass(frozen=True)
class ColourSums:
    """Five tables of 256 whole numbers each; see the module."""

    y: tuple[int, ...]
    rv: tuple[int, ...]
    gu: tuple[int, ...]
    gv: tuple[int, ...]
    bu: tuple[int, ...]

    def to_rgb(self, picture: Planes) -> npt.NDArray[np.uint8]:
        """(height, width, 3) uint8 RGB of (Y, U, V) planes, not turned."""
        luma, u, v = picture
        height, width = luma.shape
        across, down = -(-width // u.shape[1]), -(-height // u.shape[0])
        u, v = (np.repeat(np.repeat(c, down, 0), across, 1)[:height, :width] for c in (u, v))
        y, rv, gu, gv, bu = (np.array(table) for table in (self.y, self.rv, self.gu, self.gv, self.bu))
        channels = [y[luma] + rv[v], y[luma] + gu[u] + gv[v], y[luma] + bu[u]]
        return np.clip(np.stack(channels, axis=-1), 0, 255).astype(np.uint8)


def sums_of(sample: av.VideoFrame) -> ColourSums | None:
    """The tables for pictures like this one, or None when they would not be exact.

    Args:
        sample: a decoded frame of the clip.
    """
    if sample.format.name not in LAYOUTS or sample.height % 2:
        return None
    converter = _Converter(sample)
    found = _read_off(converter)
    noise = np.random.default_rng(0)
    _, across, down = LAYOUTS[sample.format.name]
    shapes = [(48, 66), (48 // down, 66 // across), (48 // down, 66 // across)]
    y, u, v = (noise.integers(0, 256, shape, dtype=np.uint8) for shape in shapes)
    if not np.array_equal(found.to_rgb((y, u, v)), converter((y, u, v))):
        return None
    upright = planes.RgbConverter()(sample)
    turned = np.rot90(found.to_rgb(planes_of(sample)), -planes.clockwise(sample) // 90)
    return found if np.array_equal(turned, upright) else None


def planes_of(frame: av.VideoFrame) -> Planes:
    """The three planes of an 8-bit planar frame, without padding."""

    def rows(number: int) -> npt.NDArray[np.uint8]:
        plane = frame.planes[number]
        data = np.frombuffer(memoryview(plane), dtype=np.uint8)[: plane.height * plane.line_size]
        return data.reshape(plane.height, plane.line_size)[:, : plane.width]

    return rows(0), rows(1), rows(2)


class _Converter:
    """FFmpeg's own conversion of made-up planes, with a frame's format, matrix and range."""

    def __init__(self, like: av.VideoFrame) -> None:
        self._like = like
        self._convert = planes.RgbConverter()

    def __call__(self, picture: Planes) -> npt.NDArray[np.uint8]:
        height, width = picture[0].shape
        frame = av.VideoFrame(width, height, self._like.format.name)
        frame.time_base = Fraction(1, 1000)
        frame.colorspace, frame.color_range = self._like.colorspace, self._like.color_range
        for plane, values in zip(frame.planes, picture, strict=True):
            padded = np.zeros((plane.height, plane.line_size), np.uint8)
            padded[:, : plane.width] = values
            plane.update(padded.tobytes())
        return self._convert(frame)

    def colours(self, y: Values | int, u: Values | int, v: Values | int) -> Values:
        """(256, 3) RGB of 256 colours, each laid out as a block of 2 x 2 pixels."""
        _, across, down = LAYOUTS[self._like.format.name]

        def plane(values: Values | int, wide: int, high: int) -> npt.NDArray[np.uint8]:
            row = np.broadcast_to(np.asarray(values), (256,)).astype(np.uint8)
            return np.repeat(np.repeat(row[None], high, 0), wide, 1)

        made = self((plane(y, 2, 2), plane(u, 2 // across, 2 // down), plane(v, 2 // across, 2 // down)))
        return made[0, ::2].astype(np.int64)


def _read_off(converter: _Converter) -> ColourSums:
    """A sum shows itself wherever it is not clipped, so each table is looked at over many levels of the others."""
    grey = converter.colours(_ALL, _GREY, _GREY)[:, 1]
    inner = [int(level) for level in np.flatnonzero((grey > 0) & (grey < 255))[::8]]
    blue = _offsets(converter, grey, inner, channel=2, by_u=True)
    luma = grey.copy()
    # The darkest and brightest levels show themselves only under a strong chroma that lifts or lowers them.
    for u in range(8, 248, 8):
        shown = converter.colours(_ALL, u, _GREY)[:, 2]
        seen = (shown > 0) & (shown < 255)
        luma[seen] = shown[seen] - blue[u]
    # The strongest chroma is in turn seen only over those levels.
    levels = [*inner, *range(0, 24, 4), *range(232, 256, 4), 255]
    return ColourSums(
        y=tuple(luma.tolist()),
        rv=tuple(_offsets(converter, luma, levels, channel=0, by_u=False).tolist()),
        gu=tuple(_offsets(converter, luma, levels, channel=1, by_u=True).tolist()),
        gv=tuple(_offsets(converter, luma, levels, channel=1, by_u=False).tolist()),
        bu=tuple(_offsets(converter, luma, levels, channel=2, by_u=True).tolist()),
    )


def _offsets(converter: _Converter, luma: Values, levels: list[int], *, channel: int, by_u: bool) -> Values:
    """(256,) what each value of U or V adds to a channel."""
    table = np.zeros(256, np.int64)
    for level in levels:
        shown = converter.colours(level, _ALL if by_u else _GREY, _GREY if by_u else _ALL)[:, channel]
        seen = (shown > 0) & (shown < 255)
        table[seen] = shown[seen] - luma[level]
    return table
