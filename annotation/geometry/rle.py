"""COCO run-length encoded masks: `{"size": [height, width], "counts": ascii}`, column-major.

The packed bytes are written and read by pycocotools, so that every COCO client reads the same mask. pycocotools
answers a damaged string with garbage and no error; `validate` is what stands between a client and the database.
"""

from typing import TypedDict

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco

Mask = npt.NDArray[np.bool_] | npt.NDArray[np.uint8]

_LOWEST, _HIGHEST = 48, 111  # six bits, written from "0" on
_LONGEST_RUN = 7  # characters of five bits: 2^34 is more pixels than any picture has


class RleError(ValueError):
    """A run-length encoding that does not say what it must; the message is a sentence for the person who sent it."""


class Rle(TypedDict):
    """A whole-picture mask: size is [height, width], counts the packed column-major run lengths, zeros first."""

    size: list[int]
    counts: str


class Patch(TypedDict):
    """A mask inside a box, the small form a browser sends.

    box is [x, y, width, height] in pixels of the picture, counts the run lengths of the box alone (column-major).
    """

    box: list[int]
    counts: str


def encode(mask: Mask) -> Rle:
    """Encode one mask.

    Args:
        mask: (height, width) bool or uint8; anything but 0 is inside.

    Returns:
        The RLE; `decode(encode(mask))` is the mask again, as 0 and 1.

    Raises:
        RleError: the array is not two-dimensional or has no pixels.
    """
    if mask.ndim != 2 or mask.size == 0:
        raise RleError(f"A mask must be a (height, width) array with pixels in it; this one has shape {mask.shape}.")
    # pycocotools reads any byte but 0 as a change of value, so an id map would become nonsense: make it 0 and 1.
    binary = np.asfortranarray(mask.astype(bool, copy=False)).view(np.uint8)
    packed = coco.encode(binary)
    return {"size": [int(mask.shape[0]), int(mask.shape[1])], "counts": packed["counts"].decode("ascii")}


def decode(rle: Rle) -> npt.NDArray[np.uint8]:
    """Decode one RLE that is known to be sound.

    Args:
        rle: as `encode` or `validate` left it; from outside, call `validate` first.

    Returns:
        (height, width) uint8 of 0 and 1, C order.
    """
    return np.ascontiguousarray(coco.decode(rle), dtype=np.uint8)


def decode_box(rle: Rle, box: tuple[int, int, int, int]) -> npt.NDArray[np.uint8]:
    """Decode only the part of a sound RLE that lies in a box; cost grows with the box's columns.

    Args:
        rle: as `encode` or `validate` left it.
        box: (x, y, width, height) in pixels, within the picture.

    Returns:
        (height, width) of the box, uint8 of 0 and 1.
    """
    x, y, width, height = box
    rows = rle["size"][0]
    ends = np.clip(np.cumsum(run_lengths(rle["counts"])) - x * rows, 0, width * rows)
    lengths = np.diff(ends, prepend=0)
    values = (np.arange(lengths.size) & 1).astype(np.uint8)
    columns = np.repeat(values, lengths)
    if columns.size < width * rows:
        columns = np.pad(columns, (0, width * rows - columns.size))
    return np.ascontiguousarray(columns.reshape(width, rows)[:, y : y + height].T)


def area(rle: Rle) -> int:
    """The number of pixels inside."""
    return int(coco.area(rle))


def bbox(rle: Rle) -> tuple[int, int, int, int]:
    """The tight box (x, y, width, height) in pixels; (0, 0, 0, 0) for an empty mask."""
    x, y, width, height = coco.toBbox(rle)
    return int(x), int(y), int(width), int(height)


def run_lengths(counts: str) -> npt.NDArray[np.int64]:
    """Unpack a counts string into run lengths.

    Args:
        counts: the packed string: five bits a character, a continuation bit, and from the fourth run on the difference
            to the run two before (source: the COCO API's `maskApi.c`, rleFrString; written anew for arrays).

    Returns:
        (n,) int64 run lengths; the first one counts zeros and may be 0. Nothing is checked about their sum.

    Raises:
        RleError: characters outside the alphabet, a number that breaks off, or one that no picture could hold.
    """
    try:
        raw = np.frombuffer(counts.encode("ascii"), dtype=np.uint8)
    except UnicodeEncodeError as error:
        raise RleError(
            f"The counts hold the character {counts[error.start]!r} at {error.start}, which is not RLE."
        ) from error
    if raw.size == 0:
        raise RleError("The counts are empty; even an empty mask has one run.")
    wrong = np.flatnonzero((raw < _LOWEST) | (raw > _HIGHEST))
    if wrong.size:
        at = int(wrong[0])
        raise RleError(f"The counts hold the character {counts[at]!r} at {at}, which is not RLE.")
    bits = raw.astype(np.int64) - _LOWEST
    ends = np.flatnonzero((bits & 0x20) == 0)
    if ends.size == 0 or ends[-1] != raw.size - 1:
        raise RleError("The counts break off in the middle of a number; the string was probably cut short.")
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts + 1
    if int(lengths.max()) > _LONGEST_RUN:
        raise RleError("The counts hold a number that is larger than any picture.")
    place = np.arange(raw.size) - np.repeat(starts, lengths)
    values = np.add.reduceat((bits & 0x1F) << (5 * place), starts)
    values -= np.where(bits[ends] & 0x10, np.int64(1) << (5 * lengths), 0)
    runs = values.copy()
    runs[1::2] = np.cumsum(values[1::2])
    runs[2::2] = np.cumsum(values[2::2])
    return runs


def validate(rle: object, *, height: int, width: int) -> Rle:
    """Check that a mask from outside is one, and of this picture.

    Args:
        rle: whatever came in, for example from JSON.
        height: rows of the picture.
        width: columns of the picture.

    Returns:
        A new dict with exactly the two keys, safe to store and decode.

    Raises:
        RleError: with a sentence: no object with size and counts, another size than the picture's, characters that are
            not RLE, negative runs, or runs that do not add up to height x width.
    """
    if not isinstance(rle, dict) or not {"size", "counts"} <= rle.keys():
        raise RleError('A mask must be an object with "size" [height, width] and "counts".')
    size, counts = rle["size"], rle["counts"]
    if not _is_ints(size, 2):
        raise RleError(f'The mask\'s "size" must be [height, width]; it is {str(size)[:80]}.')
    if [*size] != [height, width]:
        raise RleError(
            f"The mask is {size[1]} x {size[0]} pixels but the picture is {width} x {height}; "
            'send it in the picture\'s own size, "size" as [height, width].'
        )
    _check_counts(counts, height=height, width=width, what="picture")
    return {"size": [height, width], "counts": counts}


def crop(rle: Rle) -> Patch:
    """The same mask as a patch: its tight box and the run lengths inside. An empty mask gives a box of 0 x 0."""
    x, y, width, height = bbox(rle)
    if not width or not height:
        return {"box": [0, 0, 0, 0], "counts": ""}
    inside = decode(rle)[y : y + height, x : x + width]
    return {"box": [x, y, width, height], "counts": encode(inside)["counts"]}


def paste(patch: object, *, height: int, width: int) -> npt.NDArray[np.uint8]:
    """Lay a box-local mask from outside onto an empty picture.

    Args:
        patch: a `Patch`, checked here as `validate` checks an RLE.
        height: rows of the picture.
        width: columns of the picture.

    Returns:
        (height, width) uint8 of 0 and 1.

    Raises:
        RleError: no box and counts, a box that leaves the picture, or counts that do not fill the box.
    """
    if not isinstance(patch, dict) or not {"box", "counts"} <= patch.keys():
        raise RleError('A mask patch must be an object with "box" [x, y, width, height] and "counts".')
    box, counts = patch["box"], patch["counts"]
    if not _is_ints(box, 4):
        raise RleError(f'The patch\'s "box" must be four whole numbers [x, y, width, height]; it is {str(box)[:80]}.')
    x, y, box_width, box_height = box
    full = np.zeros((height, width), dtype=np.uint8)
    if box_width == 0 and box_height == 0 and counts == "":
        return full
    if x < 0 or y < 0 or box_width < 1 or box_height < 1 or x + box_width > width or y + box_height > height:
        raise RleError(f"The patch's box {box} does not lie inside the picture of {width} x {height} pixels.")
    _check_counts(counts, height=box_height, width=box_width, what="box")
    full[y : y + box_height, x : x + box_width] = decode({"size": [box_height, box_width], "counts": counts})
    return full


def _is_ints(value: object, length: int) -> bool:
    """Whether value is a list or tuple of that many ints; True is not an int here."""
    if not isinstance(value, list | tuple) or len(value) != length:
        return False
    return all(isinstance(item, int) and not isinstance(item, bool) for item in value)


def _check_counts(counts: object, *, height: int, width: int, what: str) -> None:
    if not isinstance(counts, str):
        raise RleError(
            f'The mask\'s "counts" must be a compressed string; it is a {type(counts).__name__}. '
            "A list of numbers is the uncompressed form: compress it first."
        )
    runs = run_lengths(counts)
    if int(runs.min()) < 0:
        raise RleError(
            f"The mask's run {int(np.argmin(runs))} is negative ({int(runs.min())}); the counts are damaged."
        )
    total = int(runs.sum())
    if total != height * width:
        raise RleError(
            f"The mask's runs add up to {total} pixels but the {what} of {width} x {height} has {height * width}; "
            "the counts were cut short or belong to another size."
        )
