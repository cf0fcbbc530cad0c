"""The files of segmentation, written track by track: what they hold, said in the plainest way, is the measure."""

from __future__ import annotations

import io
import json
import random
from collections import defaultdict
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryFile
from typing import Any

import pytest

from annotation.media.mask_tracks import MaskTracks
from enrichment.track_files import Grouped, write_by_frame

ENGINE, SIZE = 'an "engine" 1', (48, 64)
Frames = dict[int, list[dict[str, Any]]]


def frames_of(seed: int, count: int = 40) -> Frames:
    """Tracks come and go, in no order of numbers; some are on two frames alone; one changes its label."""
    chance = random.Random(seed)
    found: Frames = {}
    for frame in range(count):
        numbers = [n for n in range(6) if chance.random() > n / 8 and (n != 5 or frame in {7, 9})]
        chance.shuffle(numbers)
        found[frame] = [
            {
                "track_id": number,
                "counts": "".join(chance.choices("0W\\`o1", k=chance.randrange(3, 60))),
                "bbox": [chance.randrange(40), 3, 5, 7],
                "area": chance.randrange(1, 900),
                "confidence": round(chance.random(), 4),
                "label": chance.choice(["cup", "gripper", ""]),
                "label_confidence": round(chance.random(), 1),
            }
            for number in numbers
        ]
    return found


def as_said(frames: Frames, least: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """masks.json and tracking.json of all masks at once."""
    seen: dict[int, Frames] = defaultdict(dict)
    for frame, masks in frames.items():
        for mask in masks:
            seen[mask["track_id"]][frame] = mask  # type: ignore[assignment]
    tracks = []
    for number, track in sorted(seen.items()):
        if len(track) < min(least, len(frames)):
            continue
        surest: Any = max(track.items(), key=lambda item: (item[1]["label_confidence"], item[0]))[1]  # type: ignore[call-overload]
        tracks.append(
            {
                "track_id": number,
                "label": surest["label"],
                "label_confidence": surest["label_confidence"],
                "confidence": round(fmean(mask["confidence"] for mask in track.values()), 4),  # type: ignore[call-overload]
                "frames": {
                    str(frame): {"counts": mask["counts"], "confidence": mask["confidence"]}  # type: ignore[call-overload]
                    for frame, mask in track.items()
                },
            }
        )
    labels = {track["track_id"]: track["label"] for track in tracks}
    by_frame = {
        str(frame): [
            {name: mask[name] for name in ("track_id", "bbox", "area")}
            | {"label": labels[mask["track_id"]], "confidence": mask["confidence"]}
            for mask in masks
            if mask["track_id"] in labels
        ]
        for frame, masks in frames.items()
    }
    head = {"engine": ENGINE, "size": list(SIZE)}
    return head | {"tracks": tracks}, head | {"frames": by_frame}


def compact(content: object) -> bytes:
    return (json.dumps(content, separators=(",", ":")) + "\n").encode()


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("least", [1, 5])
def test_both_files_are_what_all_masks_at_once_would_give(tmp_path: Path, seed: int, least: int) -> None:
    frames = frames_of(seed)
    by_track, by_frame = io.BytesIO(), io.BytesIO()
    with TemporaryFile() as spool:
        masks = Grouped(spool, frames.items())
        tracks = masks.tracks(least)
        masks.write(by_track, ENGINE, SIZE, tracks)
    write_by_frame(by_frame, ENGINE, SIZE, frames.items(), {track.number: track.label for track in tracks})
    masks_json, tracking_json = as_said(frames, least)
    assert by_track.getvalue() == compact(masks_json)
    assert by_frame.getvalue() == compact(tracking_json)
    for track in tracks:
        there = [mask for each in frames.values() for mask in each if mask["track_id"] == track.number]
        assert track.median_area == round(median(mask["area"] for mask in there))
    (tmp_path / "masks.json").write_bytes(by_track.getvalue())
    read = MaskTracks(tmp_path / "masks.json")
    assert {n: list(read.masks_of(n)) for n in read.labels} == {track.number: list(track.frames) for track in tracks}


def test_a_short_clip_and_one_without_masks_have_whole_files() -> None:
    for frames in (frames_of(1, count=2), {0: [], 1: []}, {}):
        file = io.BytesIO()
        with TemporaryFile() as spool:
            masks = Grouped(spool, frames.items())
            masks.write(file, ENGINE, SIZE, masks.tracks(5))
        assert file.getvalue() == compact(as_said(frames, 5)[0])
