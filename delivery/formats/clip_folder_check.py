"""Is a delivered clip folder sound? Its lists agree with each other, and its masks and actions with the clip."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from annotation.geometry import rle
from annotation.media import manifest as manifests
from annotation.media.errors import ClipFolderError
from delivery import sums
from delivery.formats.coco_check import amodal_sentences, edit_sentences, mask_sentences
from delivery.json_stream import JsonError, elements
from delivery.problems import Problem

# What every delivered clip folder has, whatever else was computed.
_REQUIRED = (
    "video.mp4", "frames.npz", "metadata.json", "provenance.json", "segmentation/masks.json",
    "segmentation/tracking.json", "actions/segments.json", "manifest.json",
)  # fmt: skip


def check(folder: Path, found: dict[str, int]) -> Iterator[Problem]:
    """Every problem of one clip's folder, with paths inside it."""
    found["clips"] += 1
    missing = [name for name in _REQUIRED if not (folder / name).is_file()]
    if missing:
        yield from (Problem(name, "It is missing.") for name in missing)
        return
    yield from _lists(folder)
    try:
        provenance = json.loads((folder / "provenance.json").read_bytes())
        clip = provenance["clip"]
        height, width, length = int(clip["height"]), int(clip["width"]), int(clip["frame_count"])
        frames = provenance["frames"]
    except (ValueError, KeyError, TypeError) as error:
        yield Problem("provenance.json", f"It does not say what the clip is ({error!r}).")
        return
    found["frames"] += len(frames)
    masks = _Masks(height, width, length, set(frames), found)
    for name, look in (
        ("segmentation/masks.json", masks.track),
        ("segmentation/tracking.json", masks.frame),
        ("actions/segments.json", lambda field, value: _segment(field, value, length, found)),
    ):
        try:
            for field, value in elements(folder / name, mappings=["frames"]):
                yield from (Problem(name, sentence) for sentence in look(field, value))
        except (JsonError, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
            yield Problem(name, f"It is not as this format has it: {error!r}.")
    if masks.seen["masks"] != masks.seen["tracking"]:
        yield Problem("segmentation/tracking.json", "It does not list the same masks as segmentation/masks.json.")


def _lists(folder: Path) -> Iterator[Problem]:
    """manifest.json and SHA256SUMS must name the same files with the same hashes; the root's list proves the bytes."""
    try:
        content = manifests.parse((folder / "manifest.json").read_bytes(), where=folder.name)
        listed = {each.path: each.sha256 for each in sums.read(folder)}
    except (ClipFolderError, ValueError, OSError) as error:
        yield Problem("manifest.json", f"The lists of files cannot be read: {error}")
        return
    listed.pop("manifest.json", None)
    told = {path: entry["sha256"] for path, entry in content["files"].items()}
    for path in sorted(path for path in told.keys() | listed.keys() if told.get(path) != listed.get(path)):
        yield Problem(path, "manifest.json and SHA256SUMS do not say the same of it.")
    for path, entry in content["files"].items():
        if entry["layer"] not in content["layers"]:
            yield Problem(path, f"It belongs to the layer {entry['layer']}, which the manifest does not name.")


class _Masks:
    """Checks masks.json by track and tracking.json by frame, and that both list the same masks."""

    def __init__(self, height: int, width: int, length: int, frames: set[int], found: dict[str, int]) -> None:
        self._size = (height, width)
        self._length = length
        self._frames = frames
        self._found = found
        self._tracks = 0
        self._last_frame = -1
        # Sums over a hash of each mask's facts: equal lists have equal sums, and nothing needs to be remembered.
        self.seen = {"masks": 0, "tracking": 0}

    def track(self, field: str, value: Any) -> Iterator[str]:
        if field == "size" and value not in self._size:
            yield f"The size holds {value}; the clip is {self._size[0]} high and {self._size[1]} wide."
        if field != "tracks":
            return
        number, label = value["track_id"], value["label"]
        if number <= self._tracks or not isinstance(label, str) or not label:
            yield f"Track {number} is there twice or out of order, or has no label."
        self._tracks = max(self._tracks, number)
        self._found["tracks"] += 1
        for name, mask in value["frames"].items():
            self._found["masks"] += 1
            frame = int(name)
            if frame not in self._frames or not 0 <= frame < self._length:
                yield f"Track {number} has a mask on frame {name}, which is not an annotated frame of the clip."
            whole = rle.Rle(size=list(self._size), counts=mask["counts"])
            for sentence in (*mask_sentences(whole, *self._size, mask), *edit_sentences(mask)):
                yield f"Track {number}, frame {name}: {sentence}"
            if "amodal" in mask:
                for sentence in amodal_sentences(whole, rle.Rle(size=list(self._size), counts=mask["amodal"])):
                    yield f"Track {number}, frame {name}: {sentence}"
            self.seen["masks"] += _told(frame, number, label, mask["area"], mask["bbox"])

    def frame(self, field: str, value: Any) -> Iterator[str]:
        if field != "frames":
            return
        frame = int(value[0])
        if frame <= self._last_frame:
            yield f"Frame {frame} is there twice or out of order."
        self._last_frame = frame
        for each in value[1]:
            self.seen["tracking"] += _told(frame, each["track_id"], each["label"], each["area"], each["bbox"])


def _told(frame: int, track: int, label: str, area: int, box: list[int]) -> int:
    return hash((frame, track, label, area, tuple(box)))


def _segment(field: str, value: Any, length: int, found: dict[str, int]) -> Iterator[str]:
    if field != "segments":
        return
    found["segments"] += 1
    if value["id"] < 1 or not 0 <= value["start"] < value["end"] <= length:
        yield f"Segment {value['id']} is [{value['start']}, {value['end']}), not within the clip's {length} frames."
    if not value["start_time"] < value["end_time"] or not isinstance(value["descriptions"], list):
        yield f"Segment {value['id']} ends before it starts, or has no list of descriptions."
