"""The masks of a finished segmentation, read one by one as they are asked for.

An hour of film has more than a gigabyte of masks in one JSON file. It is gone through once, as a stream; what is kept
of each mask are five numbers, of which two say where in the file its counts lie.
"""

from __future__ import annotations

import json
import os
import weakref
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import ijson
import numpy as np
from numpy.typing import NDArray

from annotation.geometry import rle

_BLOCK: Final = 1 << 18  # bytes that are parsed at a time
_NEEDLE: Final = 24  # characters of a string by which it is looked for
_TRACK: Final = "tracks.item"
_FRAMES: Final = f"{_TRACK}.frames."
_COUNTS: Final = ".counts"


class MaskTracks:
    """The tracks of a file `{"size": [height, width], "tracks": [{"track_id", "label", "confidence", "frames"}]}`.

    A track may lack its label, which is then empty, and its confidence. `frames` has by frame
    `{"counts": compressed COCO RLE}` at the clip's size. The file stays open: one that takes its name later is another
    file. Reads may come from several threads at once.

    Attributes:
        size: (height, width) in pixels.
        labels: by track number.
        confidence: 0-1, by track number.
    """

    def __init__(self, path: Path) -> None:
        """Go through the file.

        Args:
            path: of the file.

        Raises:
            ValueError: it holds no tracks of masks.
            OSError: it cannot be read.
        """
        with path.open("rb") as file:
            found = _gone_through(file, path.name)
            order = np.lexsort((found.frames, found.numbers))
            self._counts = _Counts(os.dup(file.fileno()), found.size, found.at[order], found.lengths[order])
        self.size: tuple[int, int] = found.size
        self.labels: dict[int, str] = {head["track_id"]: head.get("label", "") for head in found.heads}
        self.confidence: dict[int, float] = {
            head["track_id"]: head["confidence"] for head in found.heads if "confidence" in head
        }
        self._numbers, self._frames = found.numbers[order], found.frames[order]
        # Within a frame in the order of their tracks.
        self._by_frame = np.argsort(self._frames, kind="stable").astype(np.int32)
        self._of_track: dict[int, MasksByFrame] = {}

    def is_still(self, path: Path) -> bool:
        """Whether the file that was gone through is the one that has this name now."""
        return self._counts.is_still(path)

    def encoded(self, frame: int) -> dict[int, rle.Rle]:
        """COCO RLE by track number."""
        begin, end = np.searchsorted(self._frames, (frame, frame + 1), sorter=self._by_frame)
        return {int(self._numbers[row]): self._counts.read(row) for row in self._by_frame[begin:end]}

    def masks(self, frame: int) -> dict[int, NDArray[np.uint8]]:
        """(height, width) uint8 of 0 and 1 at the clip's size, by track number."""
        return {number: rle.decode(mask) for number, mask in self.encoded(frame).items()}

    def masks_of(self, number: int) -> MasksByFrame:
        """One track's masks; none for a number that no track has."""
        if number not in self._of_track:
            begin, end = np.searchsorted(self._numbers, (number, number + 1))
            frames = array("i", self._frames[begin:end].tobytes())
            self._of_track[number] = MasksByFrame(self._counts, int(begin), frames)
        return self._of_track[number]

    def frames_of(self, labels: Collection[str]) -> set[int]:
        """The frames in which something of these labels has a mask."""
        shown = [number for number, label in self.labels.items() if label in labels]
        return set(np.unique(self._frames[np.isin(self._numbers, shown)]).tolist())


class MasksByFrame(Mapping[int, rle.Rle]):
    """COCO RLE of one track by frame, ascending; each is read when it is asked for."""

    def __init__(self, counts: _Counts, first: int, frames: array[int]) -> None:
        """Stand for the masks on these frames, whose rows follow each other from `first` on."""
        self._counts, self._first, self._frames = counts, first, frames

    def within(self, start: int, end: int) -> dict[int, rle.Rle]:
        """Those on the frames `[start, end)`."""
        begin, stop = bisect_left(self._frames, start), bisect_left(self._frames, end)
        return {self._frames[at]: self._counts.read(self._first + at) for at in range(begin, stop)}

    def __getitem__(self, frame: int) -> rle.Rle:
        if frame not in self:
            raise KeyError(frame)
        return self._counts.read(self._first + bisect_left(self._frames, frame))

    def __contains__(self, frame: object) -> bool:
        at = bisect_left(self._frames, int(frame)) if isinstance(frame, int | np.integer) else len(self)
        return at < len(self) and self._frames[at] == frame

    def __iter__(self) -> Iterator[int]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)


class _Counts:
    """An open file's counts: the nth begin at byte `at[n]` and are `lengths[n]` long, quotes and all."""

    def __init__(self, handle: int, size: tuple[int, int], at: NDArray[np.int64], lengths: NDArray[np.int32]) -> None:
        self._handle, self._size, self._at, self._lengths = handle, size, at, lengths
        weakref.finalize(self, os.close, handle)

    def is_still(self, path: Path) -> bool:
        try:
            return os.path.samestat(os.fstat(self._handle), path.stat())
        except FileNotFoundError:
            return False

    def read(self, row: int) -> rle.Rle:
        written = os.pread(self._handle, int(self._lengths[row]), int(self._at[row]))
        return {"size": list(self._size), "counts": json.loads(written)}


@dataclass(frozen=True)
class _Found:
    """What is known of a file: its tracks' own values, and of each mask (n,) track, frame, and where its counts lie."""

    size: tuple[int, int]
    heads: list[dict[str, Any]]
    numbers: NDArray[np.int32]
    frames: NDArray[np.int32]
    at: NDArray[np.int64]
    lengths: NDArray[np.int32]


class _Placed:
    """A file that is parsed from front to back, and tells where in it the strings lie that were met."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._held, self._begin, self._next = file, b"", 0, 0

    def read(self, size: int) -> bytes:
        """The next bytes; those before the last string that was found are let go of."""
        more = self._file.read(size)
        self._held = self._held[self._next :] + more
        self._begin, self._next = self._begin + self._next, 0
        return more

    def find(self, text: str) -> tuple[int, int]:
        """Where the string lies, quotes and all, and how long it is there; it must be the last that was parsed.

        Raises:
            ValueError: it is written with other escapes than JSON needs for the characters of COCO's counts.
        """
        length = len(text) + text.count("\\") + 2
        # It is the next thing but for a key and a number, and a short needle finds it at once; a long one does not.
        needle = json.dumps(text[:_NEEDLE])[: -1 if len(text) > _NEEDLE else None]
        at = self._held.find(needle.encode(), self._next)
        if at < 0 or self._held[at + length - 1 : at + length] != b'"':
            raise ValueError("counts are not written as COCO's compressed strings")
        self._next = at + length
        return self._begin + at, length


def _gone_through(file: BinaryIO, name: str) -> _Found:
    try:
        return _parsed(_Placed(file))
    except (ijson.JSONError, ValueError, OverflowError, IndexError) as error:
        raise ValueError(f"{name} does not hold tracks of masks ({error}); compute the layer again.") from error


def _parsed(file: _Placed) -> _Found:
    size: list[int] = []
    heads: list[dict[str, Any]] = []
    counted = []  # masks up to the end of each track
    listed = False
    frames, at, lengths = array("i"), array("q"), array("i")
    for prefix, event, value in ijson.parse(file, buf_size=_BLOCK, use_float=True):
        if prefix.startswith(_FRAMES) and prefix.endswith(_COUNTS):
            if event != "string":
                raise ValueError("counts are not compressed")
            frames.append(int(prefix[len(_FRAMES) : -len(_COUNTS)]))
            begin, length = file.find(value)
            at.append(begin)
            lengths.append(length)
        elif prefix == _TRACK and event == "start_map":
            heads.append({})
        elif prefix == _TRACK and event == "end_map":
            counted.append(len(frames))
        elif prefix == "size.item":
            size.append(value)
        elif prefix == "tracks":
            listed = listed or event == "start_array"
        elif event in {"string", "number"} and prefix.startswith(f"{_TRACK}.") and prefix.count(".") == 2:
            heads[-1][prefix[len(_TRACK) + 1 :]] = value
    if len(size) != 2 or not listed:
        raise ValueError("it has no size or no list of tracks")
    if any("track_id" not in head for head in heads):
        raise ValueError("a track has no track_id")
    return _Found(
        (size[0], size[1]),
        heads,
        np.repeat(np.array([head["track_id"] for head in heads], dtype=np.int32), np.diff([0, *counted])),
        np.array(frames, dtype=np.int32),
        np.array(at, dtype=np.int64),
        np.array(lengths, dtype=np.int32),
    )
