"""COCO keypoints of a clip in a file: written and read annotation by annotation."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from enrichment import json_files
from enrichment.engines.keypoints import Points
from enrichment.json_files import compact, write_joined

FILE: Final = "pose/keypoints.json"


def write(
    file: BinaryIO,
    images: Iterable[Mapping[str, Any]],
    category: Mapping[str, Any],
    annotations: Iterable[Mapping[str, Any]],
    info: Mapping[str, Any],
) -> None:
    """Write a file whose one category is a person."""
    file.write(b'{"images":[')
    write_joined(file, map(compact, images))
    file.write(f'],"categories":[{compact(category)}],"annotations":['.encode())
    write_joined(file, map(compact, annotations))
    file.write(f'],"info":{compact(info)}}}\n'.encode())


class Stored:
    """An open file; each part is gone through anew."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    @property
    def category(self) -> dict[str, Any]:
        """The first one."""
        return dict(next(json_files.values(self._file, "categories.item")))

    @property
    def names(self) -> list[str]:
        """Of the keypoints."""
        return list(self.category.get("keypoints", ()))

    @property
    def info(self) -> dict[str, Any]:
        """What computed it."""
        return dict(next(json_files.values(self._file, "info"), {}))

    def images(self) -> Iterator[dict[str, Any]]:
        """One after the other; nothing else must be read meanwhile."""
        return json_files.values(self._file, "images.item")

    def annotations(self) -> Iterator[dict[str, Any]]:
        """One after the other; nothing else must be read meanwhile."""
        return json_files.values(self._file, "annotations.item")


@contextmanager
def stored(path: Path) -> Iterator[Stored]:
    """A finished layer's file; raises ValueError where it is no such file, also while it is read inside the block."""
    try:
        with path.open("rb") as opened:
            yield Stored(opened)
    except (json_files.Broken, StopIteration) as error:
        raise _no_keypoints(path, error) from error


class PoseReader:
    """The keypoints of a finished layer, 12 bytes of memory each; raises ValueError when the file holds none."""

    def __init__(self, path: Path) -> None:
        with stored(path) as told:
            try:
                category = told.category
                self.names: list[str] = list(category.get("keypoints", ()))
                self.bones = [(int(a) - 1, int(b) - 1) for a, b in category.get("skeleton", ())]
                self._frames, self._tracks, self._points = _rows(told.annotations(), len(self.names))
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise _no_keypoints(path, error) from error

    @property
    def tracks(self) -> list[int]:
        """The numbers of everybody there is."""
        return list(np.unique(self._tracks).tolist())

    @property
    def rows(self) -> list[tuple[int, int]]:
        """(frame, track) of everybody on every frame, frame by frame, as the file lists them."""
        return list(zip(self._frames.tolist(), self._tracks.tolist(), strict=True))

    def people(self, frame: int) -> list[tuple[int, Points]]:
        """(track, (keypoints, 3) float32 x, y in pixels and confidence 0-1) of everybody on a frame."""
        begin, end = np.searchsorted(self._frames, (frame, frame + 1))
        return [(int(self._tracks[row]), self._points[row]) for row in range(begin, end)]

    def sightings(self, track: int, keypoint: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The frames that somebody is on, (n,) rising, and where a keypoint is there, (n, 3) as `people` has it."""
        theirs = self._tracks == track
        return self._frames[theirs], self._points[theirs, self.names.index(keypoint)]


def _no_keypoints(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path.name} does not hold COCO keypoints ({error}).")


def _rows(
    annotations: Iterable[dict[str, Any]], names: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Frames (n,), rising, tracks (n,), and (n, keypoints, 3) of everybody on every frame.

    Args:
        annotations: COCO's.
        names: how many keypoints there are where nobody is.
    """
    frames, tracks, points = array("q"), array("q"), array("f")
    width = 0
    for one in annotations:
        frames.append(int(one["image_id"]))
        tracks.append(int(one.get("track_id", 0)))
        width = width or len(one["keypoints"])
        if len(one["keypoints"]) != width or width % 3:
            raise ValueError(f"annotation {one.get('id')} has {len(one['keypoints'])} numbers")
        points.extend(one["keypoints"])
    found: NDArray[np.float32] = np.asarray(points, dtype=np.float32).reshape(len(frames), width // 3 or names, 3)
    order = np.argsort(np.asarray(frames), kind="stable")
    if (np.diff(order) != 1).any():
        found = found[order]
    return np.asarray(frames)[order], np.asarray(tracks)[order], found


def cached(path: Path) -> PoseReader:
    """As `PoseReader`, for pages that show frame after frame of a clip; the last one is kept."""
    return _cached(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _cached(path: Path, changed: int) -> PoseReader:
    """`changed` makes a rewritten file a new entry."""
    return PoseReader(path)
