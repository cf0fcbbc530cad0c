"""Files of boxes and keypoints that are written and read value by value."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

from annotation.media.clip_folder import ClipFolder
from enrichment import json_files, registry
from enrichment.box_files import BoxReader
from enrichment.checkpoints import Pieces
from enrichment.engines.keypoints import BODY, Person
from enrichment.layer import ClipFacts, Context
from enrichment.layers import pose_corrected
from enrichment.layers.pose import _known
from enrichment.pose_files import FILE, PoseReader, cached, stored
from tests.enrichment.posed import write_pose

SIZE = (48, 64)


def people() -> list[list[Person]]:
    """Two people who walk on, one of whom is not there at first; nobody on frame 3."""
    found: list[list[Person]] = []
    for frame in range(6):
        here = []
        for x in (0, 40)[: 1 + (frame > 1)]:
            points = np.full((17, 3), 0.5, np.float32)
            points[:, 0], points[:, 1] = x + frame + np.arange(17) / 8, np.arange(17)
            here.append(Person((x, 0.0, 20.0, 40.0), 0.75, points))
        found.append([] if frame == 3 else here)
    return found


def test_keypoints_come_back_as_they_were_written(tmp_path: Path) -> None:
    frames, seconds = people(), [n / 30 for n in range(6)]
    path = write_pose(ClipFolder(tmp_path), frames, seconds, 17, SIZE)
    told = json.loads(path.read_bytes())
    assert list(told) == ["images", "categories", "annotations", "info"]
    assert [each["id"] for each in told["images"]] == list(range(6))
    assert [each["id"] for each in told["annotations"]] == list(range(1, 9))
    reader = PoseReader(path)
    assert reader.names == list(BODY) == told["categories"][0]["keypoints"]
    assert reader.bones[0] == (15, 13)
    assert reader.tracks == [1, 2]
    assert reader.rows == [(0, 1), (1, 1), (2, 1), (2, 2), (4, 1), (4, 2), (5, 1), (5, 2)]
    for frame, there in enumerate(frames):
        assert len(reader.people(frame)) == len(there)
        for (_, points), one in zip(reader.people(frame), there, strict=True):
            np.testing.assert_allclose(points, one.points, atol=1e-3)
    seen, wrist = reader.sightings(2, "left_wrist")
    assert seen.tolist() == [2, 4, 5]
    np.testing.assert_allclose(wrist[:, 0], [40 + n + 9 / 8 for n in (2, 4, 5)], atol=1e-3)
    with stored(path) as again:
        assert list(again.annotations()) == told["annotations"]
        assert again.info == told["info"]


def test_keypoints_of_nobody_are_a_whole_file(tmp_path: Path) -> None:
    reader = PoseReader(write_pose(ClipFolder(tmp_path), [[], []], [0.0, 0.1], 17, SIZE))
    assert (reader.tracks, reader.rows, reader.people(0)) == ([], [], [])


def test_a_page_reads_a_file_once_and_another_one_of_its_name_anew(tmp_path: Path) -> None:
    folder, seconds = ClipFolder(tmp_path), [n / 30 for n in range(6)]
    path = write_pose(folder, people(), seconds, 17, SIZE)
    assert cached(path) is cached(path)
    write_pose(folder, [[] for _ in range(6)], seconds, 17, SIZE)
    assert cached(path).rows == []


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"categories": [], "annotations": []}',
        '{"categories": [{"keypoints": ["nose"]}], "annotations": [{"image_id": 1}]}',
        '{"categories": [{"keypoints": ["nose"]}], "annotations": [{"image_id": 1, "keypoints": [1, 2]}]}',
        '{"categories": [{"keypoints": ["nose"]}], "annotations": [{"image_id": 1, "keypoi',
        '{"categories": 3}',
    ],
)
def test_what_holds_no_keypoints_is_refused(tmp_path: Path, text: str) -> None:
    ClipFolder(tmp_path).write(FILE, text.encode())
    with pytest.raises(ValueError, match=r"keypoints\.json does not hold COCO keypoints"):
        PoseReader(tmp_path / FILE)


@pytest.mark.parametrize("text", ["{}", '{"frames": [1]}', '{"frames": {"0": [{"label": "cup"}]}}', '{"frames": {"0'])
def test_what_holds_no_boxes_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "boxes.json").write_text(text)
    with pytest.raises(ValueError, match=r"boxes\.json does not hold boxes by frame"):
        BoxReader(tmp_path / "boxes.json")


def test_boxes_are_told_apart_from_frames_that_nobody_looked_at(tmp_path: Path) -> None:
    box = {"label": "cup", "confidence": 0.5, "bbox": [1, 2, 3, 4.25]}
    told = {"frames": {"7": [box, box | {"label": "hand"}], "2": [], "9": [box]}}
    (tmp_path / "boxes.json").write_text(json.dumps(told))
    reader = BoxReader(tmp_path / "boxes.json")
    assert reader.frames == [2, 7, 9]
    assert reader.found(2) == []
    assert reader.found(3) is None
    assert [(each.label, each.confidence, each.bbox) for each in reader.found(7) or ()] == [
        ("cup", 0.5, (1, 2, 3, 4.25)),
        ("hand", 0.5, (1, 2, 3, 4.25)),
    ]


def test_an_empty_object_has_no_members_and_one_that_is_not_there_is_missed() -> None:
    assert list(json_files.members(io.BytesIO(b'{"a": {}}'), "a")) == []
    with pytest.raises(KeyError):
        list(json_files.members(io.BytesIO(b'{"a": {}}'), "b"))


def test_a_joint_without_a_number_counts_as_not_seen_and_is_never_written() -> None:
    points = np.array([[1, 2, 0.9], [np.nan, 2, 0.9], [1, 2, np.inf]], np.float32)
    np.testing.assert_allclose(_known(points), [[1, 2, 0.9], [0, 0, 0], [0, 0, 0]])
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_files.compact({"keypoints": [float("nan")]})


def test_what_an_earlier_version_left_of_a_batch_does_not_keep_a_pose_from_being_published(tmp_path: Path) -> None:
    folder, seconds = ClipFolder(tmp_path / "clip"), [n / 30 for n in range(6)]
    write_pose(folder, people(), seconds, 17, SIZE)
    layer, pieces = registry.get("pose_corrected"), Pieces(ClipFolder(tmp_path / "pieces", listed=False), "pose")
    with pieces.of_batch(0):
        pieces.write_json("corrected.json", {"content": {}, "notes": []})
    clip = ClipFacts(
        1, "c", "c.mp4", "0" * 64, 1, "mp4", "h264", *SIZE[::-1], 0, 6, 0.2, 30.0, False, False, tuple(seconds)
    )
    product = layer.publish(Context(clip, None, folder, pieces, layer.Parameters(), {}))  # type: ignore[arg-type]
    assert [file.path for file in product.files] == ["pose/corrections.json"]
    assert pose_corrected.file_that_counts(folder) == FILE
