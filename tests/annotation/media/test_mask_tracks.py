"""Masks read out of a file that is never in memory as a whole."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotation.geometry import rle
from annotation.media.mask_tracks import _BLOCK, MaskTracks

SIZE = (48, 64)


def counts_of(seed: int) -> str:
    """Of a ragged mask; most have a backslash among their characters."""
    return rle.encode((np.random.default_rng(seed).random(SIZE) > 0.7).astype(np.uint8))["counts"]


def content() -> dict[str, Any]:
    """Two tracks whose frames overlap, one without a label; more than two blocks of the file are theirs."""
    frames = {str(n): {"counts": counts_of(n), "confidence": 0.5} for n in range(900)}
    others = {str(n): {"counts": counts_of(-n % 7), "confidence": 0.25} for n in (1, 2, 5, 700)}
    return {
        "engine": "none 1",
        "size": SIZE,
        "tracks": [
            {"track_id": 3, "label": "cup", "label_confidence": 0.5, "confidence": 0.7, "frames": frames},
            {"track_id": 8, "label": "", "label_confidence": 0.0, "confidence": 0.1, "frames": others},
        ],
    }


def written(folder: Path, told: object, **style: Any) -> Path:
    path = folder / "masks.json"
    path.write_text(json.dumps(told, **style))
    return path


@pytest.mark.parametrize("style", [{"separators": (",", ":")}, {"indent": 1}, {"sort_keys": True}])
def test_masks_are_those_of_the_file_however_it_is_laid_out(tmp_path: Path, style: dict[str, Any]) -> None:
    told = content()
    path = written(tmp_path, told, **style)
    assert path.stat().st_size > 2 * _BLOCK
    assert any("\\" in mask["counts"] for mask in told["tracks"][0]["frames"].values())
    tracks = MaskTracks(path)
    assert tracks.size == SIZE
    assert tracks.labels == {3: "cup", 8: ""}
    assert tracks.confidence == {3: 0.7, 8: 0.1}
    for track in told["tracks"]:
        masks = {int(frame): {"size": list(SIZE), "counts": each["counts"]} for frame, each in track["frames"].items()}
        assert dict(tracks.masks_of(track["track_id"])) == masks
    assert {n: mask["counts"] for n, mask in tracks.encoded(5).items()} == {3: counts_of(5), 8: counts_of(2)}
    assert tracks.encoded(899).keys() == {3}
    assert tracks.encoded(900) == tracks.encoded(-1) == {}
    assert np.array_equal(tracks.masks(700)[8], rle.decode({"size": list(SIZE), "counts": counts_of(0)}))
    assert tracks.frames_of({""}) == {1, 2, 5, 700}
    assert tracks.frames_of({"plate"}) == set()


def test_one_track_is_a_mapping_in_the_order_of_frames(tmp_path: Path) -> None:
    masks = MaskTracks(written(tmp_path, content())).masks_of(8)
    assert list(masks) == [1, 2, 5, 700]
    assert len(masks) == 4
    assert 5 in masks
    assert 6 not in masks
    assert None not in masks
    assert masks[np.int64(5)] == masks[5]
    with pytest.raises(KeyError):
        masks[6]
    assert list(masks.within(2, 700)) == [2, 5]
    assert masks.within(2, 3) == {2: masks[2]}
    assert not MaskTracks(written(tmp_path, content())).masks_of(4)


def test_a_reader_stays_with_the_file_that_it_went_through(tmp_path: Path) -> None:
    path = written(tmp_path, content())
    tracks = MaskTracks(path)
    other = tmp_path / "other"
    other.write_bytes(b"{}" * 1000)
    other.replace(path)
    assert tracks.encoded(899)[3]["counts"] == counts_of(899)


def test_a_file_without_tracks_has_none(tmp_path: Path) -> None:
    tracks = MaskTracks(written(tmp_path, {"size": SIZE, "tracks": []}))
    assert (tracks.labels, tracks.encoded(0), tracks.frames_of({"cup"})) == ({}, {}, set())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{}", "no size or no list of tracks"),
        ('{"size": [48, 64]}', "no size or no list of tracks"),
        ('{"size": [48, 64], "tracks": {"1": {}}}', "no size or no list of tracks"),
        ('{"size": [48, 64], "tracks": [[1, 2]]}', "no track_id|list index"),
        ('{"size": [48, 64], "tracks": [{"frames": {"1": {"counts": [3, 9]}}}]}', "not compressed"),
        ('{"size": [48, 64], "tracks": [{"label": "cup", "frames": {}}]}', "a track has no track_id"),
        ('{"size": [48, 64], "tracks": [{"track_id": 1, "label": "", "confi', "parse error|premature EOF|Incomplete"),
        ('{"size": [48, 64], "tracks": [{"frames": {"x": {"counts": "ab"}}}]}', "invalid literal"),
        ('{"size": [48, 64], "tracks": [{"frames": {"1": {"counts": "\\u0061b"}}}]}', "not written as COCO's"),
    ],
)
def test_what_holds_no_tracks_is_refused_in_a_sentence(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "masks.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"masks\.json does not hold tracks of masks \(.*({why})"):
        MaskTracks(path)


def test_memory_stays_far_below_the_file(tmp_path: Path) -> None:
    told = content()
    told["tracks"] *= 8
    path = written(tmp_path, told)
    tracemalloc.start()
    tracks = MaskTracks(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(tracks.masks_of(3)) == 8 * 900
    assert path.stat().st_size > 16 * _BLOCK
    assert peak < path.stat().st_size / 2


def test_a_track_need_not_say_more_than_its_number(tmp_path: Path) -> None:
    frames = {"4": {"counts": counts_of(1)}}
    tracks = MaskTracks(written(tmp_path, {"size": SIZE, "tracks": [{"track_id": 2, "frames": frames}]}))
    assert (tracks.labels, tracks.confidence) == ({2: ""}, {})
    assert tracks.encoded(4)[2]["counts"] == counts_of(1)
