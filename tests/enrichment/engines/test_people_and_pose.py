"""People, their keypoints and where these are in space, from tiny checkpoints with random weights: the way, not the
quality; against the library's own processors on the same weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from annotation import clips  # noqa: E402
from annotation.models import Clip  # noqa: E402
from enrichment import compute  # noqa: E402
from enrichment.engines import boxes, camera_space, keypoints  # noqa: E402
from enrichment.engines.camera_space import Lens  # noqa: E402
from enrichment.engines.detr import Detr  # noqa: E402
from enrichment.engines.keypoints import Person  # noqa: E402
from enrichment.engines.parameters import PersonParameters, PoseParameters  # noqa: E402
from enrichment.engines.vitpose import VitPose  # noqa: E402
from enrichment.errors import EngineInputError  # noqa: E402
from enrichment.pose_files import FILE, PoseReader  # noqa: E402
from tests.enrichment.engines.runs_of import computed  # noqa: E402

PEOPLE = [(10.0, 20.0, 50.0, 60.0), (60.0, 25.0, 60.0, 60.0), (100.0, 40.0, 40.0, 40.0)]


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    drawn = np.random.default_rng(0).integers(0, 255, (12, 16, 3), dtype=np.uint8)
    return cv2.resize(drawn, (160, 120), interpolation=cv2.INTER_CUBIC)


class TestPeople:
    @pytest.mark.parametrize("folder", ["rtdetr-tiny", "dfine-tiny"])
    def test_boxes_are_those_that_the_library_gives(
        self, folder: str, vision_weights: Path, picture: np.ndarray
    ) -> None:
        # Of the size at which the models look, so that nothing but the arithmetic can differ.
        picture = np.ascontiguousarray(picture[:96, :96])
        from transformers import AutoModelForObjectDetection
        from transformers.models.rt_detr.image_processing_pil_rt_detr import RTDetrImageProcessorPil

        ours = Detr(vision_weights / folder).everything([picture], 0.2)[0]
        processor = RTDetrImageProcessorPil.from_pretrained(vision_weights / folder)
        model = AutoModelForObjectDetection.from_pretrained(vision_weights / folder).eval()
        with torch.inference_mode():
            out = model(**processor(images=[picture], return_tensors="pt"))
        theirs = processor.post_process_object_detection(out, threshold=0.2, target_sizes=[(96, 96)])[0]
        assert len(ours) > 3
        inside = [
            (float(score), ["cat", "person"][int(label)], boxes.inside(corners.numpy(), 96, 96))
            for score, label, corners in zip(theirs["scores"], theirs["labels"], theirs["boxes"], strict=True)
        ]
        expected = [each for each in inside if each[2] is not None]
        for one, (score, label, bbox) in zip(ours, expected, strict=True):
            assert one.label == label
            assert one.confidence == pytest.approx(score, abs=1e-4)
            assert np.allclose(one.bbox, bbox, atol=1e-2)

    def test_only_people_are_people_and_nobody_is_there_twice(self, vision_weights: Path, picture: np.ndarray) -> None:
        found = Detr(vision_weights / "rtdetr-tiny").people([picture, picture], PersonParameters(0.1, 0.3))
        assert found[0] == found[1]
        assert {each.label for each in found[0]} == {"person"}
        overlap = boxes.iou(*[np.array([each.bbox for each in found[0]])] * 2)
        assert (overlap - np.eye(len(overlap))).max() <= 0.3 + 1e-9

    def test_suppression_keeps_the_surer_of_two(self) -> None:
        there = np.array([[0, 0, 10, 10], [1, 0, 10, 10], [30, 0, 10, 10]], float)
        assert boxes.suppressed(there, [0.5, 0.9, 0.1], 0.5) == [1, 2]
        assert boxes.suppressed(there, [0.5, 0.9, 0.1], 0.9) == [1, 0, 2]


class TestVitPose:
    @pytest.mark.parametrize(
        ("folder", "expert"), [("vitpose-tiny", None), ("vitpose-plus-tiny", 0), ("vitpose-whole-tiny", 5)]
    )
    def test_keypoints_are_those_that_the_library_gives(
        self, folder: str, expert: int | None, vision_weights: Path, picture: np.ndarray
    ) -> None:
        from transformers import VitPoseForPoseEstimation
        from transformers.models.vitpose.image_processing_pil_vitpose import VitPoseImageProcessorPil

        engine = VitPose(vision_weights / folder)
        ours, nobody, alone = engine.estimate(
            [(picture, PEOPLE), (picture, []), (picture, PEOPLE[2:])], PoseParameters()
        )
        processor = VitPoseImageProcessorPil.from_pretrained(vision_weights / folder)
        model = VitPoseForPoseEstimation.from_pretrained(vision_weights / folder).eval()
        asked: dict[str, Any] = {} if expert is None else {"dataset_index": torch.full((3,), expert)}
        with torch.inference_mode():
            out = model(**processor(images=[picture], boxes=[PEOPLE], return_tensors="pt"), **asked)
        theirs = processor.post_process_pose_estimation(out, boxes=[PEOPLE], threshold=-1e9)[0]
        spots = np.stack([each["keypoints"].numpy() for each in theirs])
        scores = np.stack([each["scores"].numpy() for each in theirs])
        assert ours.shape == (3, engine.keypoints, 3)
        assert nobody.shape == (0, engine.keypoints, 3)
        assert np.allclose(alone[0], ours[2], atol=1e-3)
        assert np.abs(ours[..., 2] - np.clip(scores, 0, 1)).max() < 0.05
        # Where nothing rises above zero, or a map is flat, the library points beyond the picture; the rest is the same.
        off = np.abs(ours[..., :2] - spots).max(axis=2)[scores > 0.5]
        assert len(off) > 10
        assert np.quantile(off, 0.8) < 0.15

    def test_another_expert_of_the_same_weights_says_something_else(
        self, vision_weights: Path, picture: np.ndarray
    ) -> None:
        engine = VitPose(vision_weights / "vitpose-plus-tiny")
        first, other = (engine.estimate([(picture, PEOPLE)], PoseParameters(number))[0] for number in (0, 3))
        assert not np.allclose(first, other)

    def test_a_box_without_a_width_is_refused(self, vision_weights: Path, picture: np.ndarray) -> None:
        with pytest.raises(EngineInputError, match="needs a width and a height"):
            VitPose(vision_weights / "vitpose-tiny").estimate([(picture, [(5.0, 5.0, 0.0, 9.0)])], PoseParameters())


def somebody(x: float, y: float = 0.0) -> Person:
    points = np.ones((17, 3), np.float32)
    points[:, 0] = x + np.arange(17) * 2
    points[:, 1] = y + np.arange(17) * 5
    return Person((x, y, 40.0, 90.0), 0.9, points)


def numbered(frames: list[list[Person]], seconds: list[float]) -> list[list[int]]:
    return [numbers for _, numbers in keypoints.followed(frames, seconds)]


class TestWhoIsWho:
    def test_people_who_cross_frames_in_another_order_keep_their_numbers(self) -> None:
        frames = [[somebody(10), somebody(200)], [somebody(204), somebody(13)], [somebody(16), somebody(208)]]
        assert numbered(frames, [0.0, 0.1, 0.2]) == [[1, 2], [2, 1], [1, 2]]

    def test_who_was_away_for_long_is_somebody_new(self) -> None:
        frames = [[somebody(10)], [], [somebody(11)], [], [somebody(12)]]
        assert numbered(frames, [0.0, 0.2, 0.4, 1.0, 2.0]) == [[1], [], [1], [], [2]]

    def test_a_jump_across_the_picture_is_no_walk(self) -> None:
        assert numbered([[somebody(10)], [somebody(400)]], [0.0, 0.1]) == [[1], [2]]

    def test_sets_have_names_and_bones_that_exist(self) -> None:
        for count in (17, 133):
            names, bones = keypoints.names(count), keypoints.bones(count)
            assert len(names) == len(set(names)) == count
            assert max(max(bone) for bone in bones) < count
        body = keypoints.names(133)
        assert (body[9], body[91], body[112]) == ("left_wrist", "left_hand_root", "right_hand_root")
        assert {body[b] for a, b in keypoints.bones(133) if a == 112} == {
            f"right_hand_{finger}_1" for finger in ("thumb", "index", "middle", "ring", "little")
        }
        assert keypoints.names(5)[4] == "keypoint_4"


class TestInSpace:
    LENS = Lens(fx=100.0, fy=200.0, cx=50.0, cy=40.0)

    def test_a_point_lies_where_the_lens_puts_it(self) -> None:
        depth = np.full((80, 100), 2.0, np.float32)
        placed = camera_space.in_space(np.array([[60.0, 60.0, 0.9]], np.float32), depth, self.LENS)
        assert np.allclose(placed, [[0.2, 0.2, 2.0]])

    def test_a_point_on_an_edge_belongs_to_what_is_nearer(self) -> None:
        depth = np.full((80, 100), 2.0, np.float32)
        depth[:, :60] = 0.5
        placed = camera_space.in_space(np.array([[60.0, 60.0, 0.9]], np.float32), depth, self.LENS)
        assert placed[0, 2] == pytest.approx(0.5)

    def test_what_is_not_sure_or_outside_or_of_no_known_depth_is_not_placed(self) -> None:
        depth = np.full((80, 100), 2.0, np.float32)
        depth[:, :30] = 0
        points = np.array([[60, 60, 0.1], [160, 60, 0.9], [10, 10, 0.9]], np.float32)
        assert np.isnan(camera_space.in_space(points, depth, self.LENS)).all()


ENGINES = {"people": "detr:rtdetr-tiny", "pose": "vitpose:vitpose-tiny"}
SURE = {"people": {"person_confidence": 0.2, "person_overlap": 0.2}}


@pytest.mark.django_db
class TestLayers:
    def test_pose_leaves_coco_keypoints_with_tracks(self, short_clip: Clip, weights_here: Path) -> None:
        computed(short_clip, ENGINES, SURE)
        content = json.loads((short_clip.folder / "pose/keypoints.json").read_text())
        assert [image["id"] for image in content["images"]] == list(range(short_clip.frame_count))
        assert len(content["annotations"]) >= short_clip.frame_count
        assert [one["id"] for one in content["annotations"]] == list(range(1, len(content["annotations"]) + 1))
        for one in content["annotations"]:
            points = np.array(one["keypoints"]).reshape(-1, 3)
            assert points.shape == (17, 3)
            assert ((points[:, 2] >= 0) & (points[:, 2] <= 1)).all()
            assert one["track_id"] >= 1
        assert content["categories"][0]["keypoints"][9] == "left_wrist"
        manifest = clips.folder(short_clip).manifest()["layers"]["pose"]
        assert manifest["engine"] == "vitpose:vitpose-tiny"
        assert clips.folder(short_clip).verify() == []

    def test_with_metric_depth_and_a_lens_keypoints_are_placed_in_metres(
        self, short_clip: Clip, weights_here: Path
    ) -> None:
        engines = ENGINES | {"depth": "depth_anything:depth-metric-tiny"}
        lens = {"cameras": {"*": [80.0, 80.0, 48.0, 32.0]}, "least_confidence": 0.0}
        computed(short_clip, engines, SURE | {"pose_3d": lens})
        placed = np.load(short_clip.folder / "pose/pose_3d.npy")
        meta = json.loads((short_clip.folder / "pose/pose_3d.json").read_text())
        reader = PoseReader(short_clip.folder / FILE)
        assert placed.dtype == np.float32
        assert placed.shape == (len(reader.rows), 17, 3)
        assert list(zip(meta["frames"], meta["tracks"], strict=True)) == reader.rows
        listed = json.loads((short_clip.folder / "pose/keypoints.json").read_text())["annotations"]
        assert reader.rows == [(one["image_id"], one["track_id"]) for one in listed]
        assert meta["nothing_because"] == ""
        assert meta["hands"] == {"left_wrist": 9, "right_wrist": 10}
        known = np.isfinite(placed).all(axis=2)
        assert known.any()
        row, joint = np.argwhere(known)[-1]
        frame, track = reader.rows[row]
        x, y, _ = dict(reader.people(frame))[track][joint]
        at = placed[row, joint]
        assert np.allclose(at[:2] / at[2] * 80.0 + [48.0, 32.0], [x, y], atol=1e-2)

    @pytest.mark.parametrize(
        ("depth", "cameras", "said"),
        [
            ("depth-relative-tiny", {"*": [80.0, 80.0, 48.0, 32.0]}, "depth is relative"),
            ("depth-metric-tiny", {"gopro": [80.0, 80.0, 48.0, 32.0]}, "No lens is known"),
        ],
    )
    def test_without_lengths_nothing_is_placed_and_the_file_says_why(
        self, depth: str, cameras: dict[str, list[float]], said: str, short_clip: Clip, weights_here: Path
    ) -> None:
        computed(short_clip, ENGINES | {"depth": f"depth_anything:{depth}"}, SURE | {"pose_3d": {"cameras": cameras}})
        assert np.isnan(np.load(short_clip.folder / "pose/pose_3d.npy")).all()
        assert said in json.loads((short_clip.folder / "pose/pose_3d.json").read_text())["nothing_because"]

    def test_people_and_keypoints_are_drawn(self, short_clip: Clip, weights_here: Path) -> None:
        from enrichment import registry

        computed(short_clip, ENGINES, SURE)
        for layer in ("people", "pose"):
            drawn = registry.get(layer).overlay(clips.folder(short_clip), compute.facts_of(short_clip), 3)
            assert drawn is not None
            assert drawn.shape == (64, 96, 4)
            assert drawn[..., 3].any()
