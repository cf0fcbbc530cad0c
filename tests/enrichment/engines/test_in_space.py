"""Angles at joints, the tip of a hand or gripper, and limits, by arrays small enough to see; then on the demo scene."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from statistics import fmean
from typing import Any

import numpy as np
import pytest

from annotation import clips, scene
from annotation.geometry import rle
from annotation.models import Clip, Project
from benchmarks import space
from enrichment import compute, expectations, registry, runs
from enrichment.checkpoints import Pieces
from enrichment.checks import joint_limits
from enrichment.engines import effector_tip, joint_angles
from enrichment.engines.camera_space import Lens
from enrichment.engines.keypoints import BODY, WHOLE_BODY
from enrichment.layer import Context
from enrichment.layers import end_effector, pose_3d
from enrichment.layers.depth import DepthReader
from enrichment.layers.end_effector import Parameters
from review.models import Flag
from tests import acted

ARM = ("right_shoulder", "right_elbow", "right_wrist")
SECONDS = np.arange(30) / 30


class TestAngles:
    @pytest.mark.parametrize(
        ("wrist", "degrees"), [((2, 0, 0), 180), ((1, 1, 0), 90), ((1, 0, 1), 90), ((0.5, 0, 0), 0)]
    )
    def test_an_elbow_is_the_angle_between_the_bones(self, wrist: tuple[float, float, float], degrees: float) -> None:
        points = np.array([[[0, 0, 0], [1, 0, 0], wrist]], np.float32)
        assert joint_angles.angles(points, ARM)[0, 0] == pytest.approx(degrees, abs=1e-3)

    def test_it_does_not_depend_on_where_one_looks_from_or_how_large_things_are(self) -> None:
        rng = np.random.default_rng(0)
        points = rng.normal(size=(5, 3, 3))
        turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        moved = (3 * points @ turn.T + [1.0, -2.0, 0.5]).astype(np.float32)
        seen = joint_angles.angles(points.astype(np.float32), ARM)
        assert np.allclose(joint_angles.angles(moved, ARM), seen, atol=1e-2)

    def test_what_is_unknown_or_coincides_has_no_angle(self) -> None:
        points = np.array([[[0, 0, 0], [1, 0, 0], [np.nan] * 3], [[0, 0, 0], [1, 0, 0], [1, 0, 0.001]]], np.float32)
        assert np.isnan(joint_angles.angles(points, ARM)).all()

    def test_a_body_has_elbows_and_shoulders_and_a_whole_body_wrists_and_fingers(self) -> None:
        assert set(joint_angles.known(BODY)) == {f"{s}_{j}" for s in ("left", "right") for j in ("elbow", "shoulder")}
        whole = joint_angles.known(WHOLE_BODY)
        assert len(whole) == 2 * (3 + 5 * 3)
        assert whole["left_hand_index_2"] == ("left_hand_index_1", "left_hand_index_2", "left_hand_index_3")
        assert whole["left_hand_thumb_1"][0] == "left_hand_root"


class TestLimits:
    def found(self, degrees: np.ndarray, joint: str = "right_elbow") -> list[Any]:
        pixels = np.tile([10.0, 20.0], (len(degrees), 1))
        return joint_limits.run(joint_limits.Inputs(joint, 1, degrees, SECONDS[: len(degrees)], pixels))

    def test_a_reach_raises_nothing(self) -> None:
        assert self.found(100 + 60 * np.sin(SECONDS * 6)) == []

    def test_an_elbow_that_folds_into_itself_is_flagged_over_those_frames(self) -> None:
        degrees = np.full(30, 90.0)
        degrees[5:9] = 60, 10, 10, 8
        degrees[9:12] = 12, 60, 90
        (bend,) = [each for each in self.found(degrees) if each.evidence["kind"] == "bend"]
        assert (bend.start, bend.end) == (6, 10)
        assert "bent to 8 degrees; 30 is as far" in bend.reason
        assert bend.evidence["measure"] == 22.0

    def test_a_bend_of_a_frame_or_two_is_depth_and_no_elbow(self) -> None:
        degrees = np.full(30, 90.0)
        degrees[5:7] = 8
        assert [each for each in self.found(degrees) if each.evidence["kind"] == "bend"] == []

    def test_an_angle_that_is_elsewhere_at_once_is_flagged_and_one_bad_frame_is_not(self) -> None:
        degrees = np.full(30, 90.0)
        degrees[12] = 170.0
        assert self.found(degrees) == []
        degrees[12:] = 170.0
        (turn,) = self.found(degrees)
        assert (turn.start, turn.evidence["kind"], turn.evidence["measure"]) == (12, "turn", 2400.0)

    def test_a_joint_without_a_limit_may_bend_as_it_likes(self) -> None:
        assert self.found(np.full(30, 2.0), "right_shoulder") == []


class TestTip:
    def test_it_is_at_the_end_that_is_away_from_the_border(self) -> None:
        mask = np.zeros((60, 100), bool)
        mask[20:30, 0:50] = True
        tip = effector_tip.find(mask)
        assert tip is not None
        assert tip.at[0] == pytest.approx(47, abs=3)
        assert tip.at[1] == pytest.approx(24.5)

    def test_between_two_fingers_that_hang_from_an_arm(self) -> None:
        mask, arm = np.zeros((80, 100), bool), np.zeros((80, 100), bool)
        arm[10:20, 40:60] = True
        mask[20:30, 30:70] = True
        mask[30:60, 30:36] = mask[30:58, 64:70] = True  # the right one is a little shorter
        tip = effector_tip.find(mask, arm)
        assert tip is not None
        assert tip.at[0] == pytest.approx(49.5, abs=1)
        assert tip.at[1] > 50

    def test_an_arm_that_passes_before_it_does_not_turn_it_round(self) -> None:
        mask, arm = np.zeros((80, 100), bool), np.zeros((80, 100), bool)
        mask[20:60, 40:60] = True
        arm[38:42, :] = True
        tip = effector_tip.find(mask & ~arm, arm)
        assert tip is not None
        assert tip.at[1] > 52

    def test_a_speck_has_none(self) -> None:
        mask = np.zeros((60, 100), bool)
        mask[3, 3:9] = True
        assert effector_tip.find(mask) is None

    def test_its_distance_is_the_hands_and_not_the_tables_and_unknown_where_nothing_is_known(self) -> None:
        mask = np.zeros((60, 100), bool)
        mask[20:30, 0:50] = True
        tip = effector_tip.find(mask)
        assert tip is not None
        depth = np.full((60, 100), 2.0, np.float32)
        depth[:, :49] = 0.5
        assert effector_tip.distance(tip, depth) == pytest.approx(0.5)
        assert effector_tip.distance(tip, np.zeros((60, 100), np.float32)) is None


class _Depth(DepthReader):
    """A wall at 0.8 m."""

    def __init__(self, metric: bool) -> None:
        self.metric = metric

    def read(self, frame: int) -> np.ndarray:
        return np.full((64, 96), 0.8, np.float32)


@pytest.mark.django_db
class TestLayers:
    @pytest.fixture
    def filmed(self, project: Project, clip: Clip, django_capture_on_commit_callbacks: Any) -> Iterator[Clip]:
        with acted.acting(), django_capture_on_commit_callbacks(execute=True):
            acted.computed(clip, ["pose_3d", "check_joint_limits"])
            yield clip

    def test_angles_lie_beside_the_points_and_the_file_names_them(self, filmed: Clip) -> None:
        meta = json.loads((filmed.folder / pose_3d.META_FILE).read_text())
        found = np.load(filmed.folder / pose_3d.ANGLES_FILE)
        assert found.dtype == np.float32
        assert found.shape == (filmed.frame_count, len(meta["angles"]))
        assert meta["angles"]["right_elbow"] == list(ARM)
        elbow = found[:, list(meta["angles"]).index("right_elbow")]
        # The wall is flat, so the angle in space is that in the picture.
        bones = [np.array(acted.wrist_at(0, 96, 64)) - [28.8, 38.4], np.array([28.8, 19.2]) - [28.8, 38.4]]
        cosine = bones[0] @ bones[1] / np.prod([np.linalg.norm(each) for each in bones])
        assert elbow[0] == pytest.approx(np.degrees(np.arccos(cosine)), abs=0.5)
        assert np.isnan(elbow[slice(*acted.LOST)]).all()
        left = found[:, list(meta["angles"]).index("left_elbow")]
        assert np.isnan(left).all(), "nobody saw the left arm"
        assert clips.folder(filmed).verify() == []
        assert not Flag.objects.filter(check_name="joint_limits", kind="bend").exists()

    def test_the_lens_that_is_set_for_bodies_is_the_grippers_too_until_it_is_set_for_itself(self, filmed: Clip) -> None:
        given = expectations.wanted(filmed.project, ["end_effector"])["end_effector"].given
        assert given["cameras"] == {"*": [96, 96, 48.0, 32.0]}
        runs.configure(project=filmed.project, layer="end_effector", parameters={"cameras": {}}, by=None)
        assert expectations.wanted(filmed.project, ["end_effector"])["end_effector"].given["cameras"] == {}

    def end_effector(self, clip: Clip, metric: bool, parameters: Parameters) -> tuple[np.ndarray, dict[str, Any]]:
        """The layer over one gripper at the left border, at (40, 30), on all frames but 5."""
        mask = np.zeros((64, 96), np.uint8)
        mask[25:36, 0:41] = 1
        frames = {str(n): {"counts": rle.encode(mask)["counts"], "confidence": 1.0} for n in range(24) if n != 5}
        track = {"track_id": 4, "label": "gripper", "confidence": 1.0, "frames": frames}
        other = track | {"track_id": 2, "label": "container"}
        folder = clips.folder(clip)
        content = {"engine": "e", "size": [64, 96], "tracks": [track, other]}
        folder.write("segmentation/masks.json", json.dumps(content).encode())
        layer, facts = registry.get("end_effector"), compute.facts_of(clip)
        upstream = {"segmentation": registry.get("segmentation").open(folder, facts), "depth": _Depth(metric)}
        context = Context(facts, None, folder, Pieces(folder, "x"), parameters, upstream)  # type: ignore[arg-type]
        layer.compute(context, layer.spans(24)[0])
        layer.publish(context)
        return np.load(folder.path(end_effector.FILE)), json.loads(folder.path(end_effector.META_FILE).read_text())

    LENS = {"*": (100.0, 100.0, 48.0, 32.0)}
    LABELS = ("gripper", "container", "handle", "support_surface")

    def test_with_metres_it_is_a_way_in_metres_and_nan_where_there_is_no_mask(self, clip: Clip) -> None:
        found, meta = self.end_effector(clip, True, Parameters(labels=self.LABELS, cameras=self.LENS))
        assert (found.dtype, found.shape) == (np.float32, (1, 24, 3))
        assert meta["tracks"] == [{"number": 4, "label": "gripper"}]
        assert (meta["kind"], meta["units"], meta["nothing_because"]) == ("metric", "metres", "")
        assert np.allclose(found[0, 0], [(38.5 - 48) * 0.008, (30 - 32) * 0.008, 0.8], atol=0.02)
        assert np.isnan(found[0, 5]).all()
        assert np.isfinite(np.delete(found[0], 5, axis=0)).all()

    def test_with_relative_depth_it_is_a_direction_and_says_that_it_is_up_to_scale(self, clip: Clip) -> None:
        found, meta = self.end_effector(clip, False, Parameters(labels=self.LABELS, cameras=self.LENS))
        assert np.allclose(np.linalg.norm(np.delete(found[0], 5, axis=0), axis=1), 1, atol=1e-5)
        assert meta["kind"] == "direction"
        assert "up to a scale of its own" in meta["units"]
        assert "up to a scale that differs from frame to frame" in meta["nothing_because"]

    def test_without_a_lens_there_are_pixels_and_a_sentence(self, clip: Clip) -> None:
        found, meta = self.end_effector(clip, True, Parameters(labels=self.LABELS))
        assert np.isnan(found).all()
        pixels = np.load(clips.folder(clip).path(end_effector.PIXELS_FILE))
        assert pixels[0, 0, 1] == pytest.approx(30, abs=1)
        assert "No lens is known" in meta["nothing_because"]

    def test_a_project_may_say_which_labels_touch_things(self, clip: Clip) -> None:
        given = Parameters(labels=self.LABELS, end_effectors=("container",), cameras=self.LENS)
        _, meta = self.end_effector(clip, True, given)
        assert [track["label"] for track in meta["tracks"]] == ["container"]
        _, meta = self.end_effector(clip, True, Parameters(labels=("container", "handle"), cameras=self.LENS))
        assert (meta["tracks"], meta["kind"]) == ([], "nothing")
        assert "No mask track has a label" in meta["nothing_because"]


def test_on_the_demo_scene_the_way_of_the_gripper_and_the_angle_at_its_wrist_are_near_the_truth() -> None:
    errors = space.measure(scene.SceneSpec(seed=100, frames=30, width=320, height=240))
    tip, step, angle = (fmean(each) for each in (errors.tip, errors.step, errors.angle))
    # Shown by `pytest -s`: what `make bench` tells of two longer scenes.
    sys.stdout.write(
        f"end effector {1000 * tip:.1f} mm, its steps {1000 * step:.1f} mm, angle at the wrist {angle:.2f} degrees\n"
    )
    assert len(errors.tip) == 30
    assert tip < 0.025
    assert len(errors.angle) > 20
    assert angle < 3


def test_directions_and_points_agree() -> None:
    lens = Lens(100, 120, 48, 32)
    at = effector_tip.in_space((60.0, 20.0), 2.0, lens)
    assert np.allclose(at / np.linalg.norm(at), effector_tip.direction((60.0, 20.0), lens))
