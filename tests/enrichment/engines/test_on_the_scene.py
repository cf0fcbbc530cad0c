"""The weight-free engines on a small demo scene, against what the renderer knows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from annotation import scene
from annotation.geometry import iou
from enrichment.engines import motion_actions
from enrichment.engines.dis_flow import DisFlow
from enrichment.engines.motion_features import MotionFeatures, join
from enrichment.engines.motion_segmentation import Proposal, ProposalTracker
from enrichment.errors import EngineInputError

SPEC = scene.SceneSpec(seed=3, frames=90, width=320, height=240)


@pytest.fixture(scope="module")
def frames() -> list[scene.SceneFrame]:
    return list(scene.render(SPEC))


@pytest.fixture(scope="module")
def flows(frames: list[scene.SceneFrame]) -> list[NDArray[np.float32]]:
    engine = DisFlow()
    return [engine.flow(a.image, b.image) for a, b in itertools.pairwise(frames)]


@pytest.fixture(scope="module")
def proposed(frames: list[scene.SceneFrame], flows: list[NDArray[np.float32]]) -> list[list[Proposal]]:
    tracker = ProposalTracker()
    return [tracker.step(f.image, flows[f.index - 1] if f.index else None) for f in frames]


def test_flow_is_near_the_truth_where_things_move_and_where_they_do_not(
    frames: list[scene.SceneFrame], flows: list[NDArray[np.float32]]
) -> None:
    moving, resting, lengths = [], [], []
    for frame, flow in zip(frames, flows, strict=False):
        error = np.linalg.norm(flow - frame.flow, axis=2)
        length = np.linalg.norm(frame.flow, axis=2)
        moving += [error[frame.flow_valid & (length > 1)]]
        lengths += [length[frame.flow_valid & (length > 1)]]
        resting += [error[frame.flow_valid & (length == 0)]]
    assert np.median(np.concatenate(moving)) < 0.4 * np.median(np.concatenate(lengths))
    assert (np.concatenate(resting) < 0.5).mean() > 0.9


def test_flow_of_two_pictures_of_different_sizes_is_refused(frames: list[scene.SceneFrame]) -> None:
    with pytest.raises(EngineInputError, match="one size"):
        DisFlow().flow(frames[0].image, frames[0].image[:-2])


def test_things_at_rest_are_proposed_with_their_outlines(
    frames: list[scene.SceneFrame], proposed: list[list[Proposal]]
) -> None:
    truth = scene.describe(SPEC)
    things = [thing.instance for thing in truth.objects if thing.label in {"obstacle_rigid", "container"}]
    best = []
    for frame, found in zip(frames[10::20], proposed[10::20], strict=True):
        for instance in things:
            mask = frame.instances == instance
            if mask.sum() >= 60:
                best.append(max((iou.mask_iou(mask, each.mask) for each in found), default=0.0))
    assert np.median(best) > 0.7


def test_masks_of_one_frame_do_not_overlap_and_have_the_pictures_size(proposed: list[list[Proposal]]) -> None:
    for found in proposed[::15]:
        masks = [each.mask for each in found]
        assert all(mask.shape == (SPEC.height, SPEC.width) for mask in masks)
        assert np.sum(masks, axis=0).max() <= 1
        assert all(0.0 <= each.confidence <= 1.0 for each in found)


def test_a_resumed_tracker_goes_on_exactly_as_if_nothing_had_happened(
    frames: list[scene.SceneFrame], flows: list[NDArray[np.float32]], proposed: list[list[Proposal]]
) -> None:
    first = ProposalTracker()
    for n in range(40):
        first.step(frames[n].image, flows[n - 1] if n else None)
    second = ProposalTracker()
    second.restore({name: array.copy() for name, array in first.state().items()})
    for n in range(40, 50):
        found = second.step(frames[n].image, flows[n - 1])
        assert [each.track_id for each in found] == [each.track_id for each in proposed[n]]
        for mine, theirs in zip(found, proposed[n], strict=True):
            np.testing.assert_array_equal(mine.mask, theirs.mask)


def test_phases_are_proposed_near_their_true_boundaries(
    flows: list[NDArray[np.float32]], proposed: list[list[Proposal]]
) -> None:
    parts = []
    for start in (0, 45):
        features = MotionFeatures(SPEC.height, SPEC.width, first=start)
        for n in range(start, start + 45):
            masks = {each.track_id: each.mask for each in proposed[n]}
            hints = {each.track_id: each.label_hint for each in proposed[n]}
            features.add(flows[n] if n < len(flows) else None, masks, hints)
        parts.append(features.series())
    found = motion_actions.propose(join(parts), SPEC.fps)
    primitives = [each for each in found if each.level == "primitive" and each.phase]
    bounds = {end for each in primitives for end in (each.start, each.end)}
    errors = [min(abs(each.start - bound) for bound in bounds) / SPEC.fps for each in scene.describe(SPEC).segments]
    assert np.median(errors) < 0.2
    assert all(len(set(each.descriptions)) == 3 for each in found)


def test_nothing_is_proposed_where_nothing_moves(frames: list[scene.SceneFrame]) -> None:
    features = MotionFeatures(SPEC.height, SPEC.width)
    still = np.zeros((SPEC.height, SPEC.width, 2), np.float32)
    for _ in range(30):
        features.add(still, {}, {})
    assert motion_actions.propose(features.series(), SPEC.fps) == []
