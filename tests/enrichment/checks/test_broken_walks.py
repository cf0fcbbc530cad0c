"""A clip that is checked in batches raises the flags that it raises in one go, to the letter."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from annotation.media.clip_folder import ClipFolder
from annotation.media.mask_tracks import MaskTracks
from enrichment import registry
from enrichment.checkpoints import Pieces
from enrichment.checks import flow_vs_segmentation
from enrichment.checks.flow_vs_segmentation import Inputs, Thresholds, TrackMasks, Walk, joined
from enrichment.checks.registry import Finding
from enrichment.checks.thing_motion import ThingMotion, by_track
from enrichment.layer import ClipFacts, Context, Product
from enrichment.layers.actions import ActionsReader
from enrichment.layers.depth import DepthReader
from enrichment.layers.flow import FlowReader
from enrichment.layers.segmentation import MASKS_FILE
from tests.enrichment.checks.shots import Masks, Shot, tracks_of
from tests.enrichment.checks.test_flow_vs_segmentation import moving
from tests.enrichment.checks.test_vacated import leaves, stays

KINDS = {
    "check_flow_segmentation": {"displacement", "leap", "doubled"},
    "check_depth_segmentation": {"two_depths"},
    "check_actions_motion": {"already_moving", "no_rest"},
}


def faulted(shot: Shot) -> Masks:
    """The moved block's mask stays behind, one mask leaps for a moment, and two others end on one thing."""
    masks = [dict(drawn) for drawn in shot.left_behind(shot.phase("lift").start)[0]]
    leaps, doubled = shot.truth.with_label("obstacle_rigid")[0].instance, shot.truth.with_label("container")[0].instance
    for drawn in masks[40:44]:
        drawn[leaps] = np.roll(drawn[leaps], 90, axis=1)
    for drawn in masks[70:]:
        drawn[doubled] = drawn[leaps]
    return masks


def broken(inputs: Inputs, frames: int, every: int) -> list[Finding]:
    """What a walk finds that a new process goes on with after so many frames."""
    settings, found, left = Thresholds(), [], ""
    for start in range(0, frames, every):
        walk = Walk(inputs, settings)
        if left:
            walk.restore(json.loads(left))
        found += walk.over(range(start, start + every))
        left = json.dumps(walk.state(), allow_nan=False)
    return joined(found, settings)


@pytest.mark.parametrize("every", [1, 4])
def test_an_outline_that_goes_between_two_batches_is_missed(every: int) -> None:
    inputs = Inputs([stays(range(41))], lambda _: moving(36, 0.0), leaves)
    whole = flow_vs_segmentation.run(inputs)
    assert [each.evidence["kind"] for each in whole] == ["vacated"]
    assert broken(inputs, 41, every) == whole


def test_going_on_asks_for_pictures_of_a_few_dozen_frames_whatever_came_before() -> None:
    """A track begins and ends every forty frames."""
    each = [stays(range(40 * n, 40 * n + 40)) for n in range(6)]
    known = [TrackMasks(n, one.label, one.rigidity, one.masks) for n, one in enumerate(each)]
    asked: list[int] = []

    def picture(frame: int) -> NDArray[np.uint8]:
        asked.append(frame)
        return leaves(0)

    inputs = Inputs(known, lambda _: moving(36, 0.0), picture)
    first, second = Walk(inputs, Thresholds()), Walk(inputs, Thresholds())
    first.over(range(215))
    asked.clear()
    second.restore(json.loads(json.dumps(first.state())))
    assert asked == sorted(set(asked))
    assert 214 - 36 <= min(asked) < max(asked) == 214


class Flow(FlowReader):
    """A shot's, from memory."""

    def __init__(self, shot: Shot) -> None:
        self._shot = shot

    def __len__(self) -> int:
        return len(self._shot.flows)

    def read(self, frame: int, gap: int = 1) -> NDArray[np.float32]:
        return self._shot.flows[frame].astype(np.float32)


class Depth(DepthReader):
    """A table with a step: what lies across it lies over two depths."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.metric = True
        self._step = np.where(np.arange(size[1]) < size[1] // 2, 0.9, 1.6).astype(np.float32)
        self._height = size[0]

    def read(self, frame: int) -> NDArray[np.float32]:
        return np.tile(self._step, (self._height, 1))


class Pictures:
    """A shot's."""

    def __init__(self, shot: Shot) -> None:
        self.read = shot.picture


def context_of(shot: Shot, at: Path, masks: Masks, doubtful: Collection[int] = ()) -> Context:
    """The clip of a shot with proposals on it, some of which doubt themselves."""
    folder, frames = ClipFolder(at), shot.truth.spec.frames
    tracks = [
        {
            "track_id": track.track_id,
            "label": track.label,
            "confidence": 0.5 if track.track_id in doubtful else 0.9,
            "frames": {str(frame): {"counts": mask["counts"]} for frame, mask in track.masks.items()},
        }
        for track in tracks_of(shot.truth, masks)
    ]
    folder.write(MASKS_FILE, json.dumps({"size": list(shot.size), "tracks": tracks}).encode())
    height, width = shot.size
    seconds = tuple(frame / 30 for frame in range(frames))
    clip = ClipFacts(
        1, "a", "a", "", 1, "mp4", "h264", width, height, 0, frames, frames / 30, 30, False, False, seconds
    )
    lift, place = shot.phase("lift"), shot.phase("place")
    # A grasp that comes late, and a release in mid-air.
    proposed = [("grasp", lift.start + 12, lift.start + 24), ("release", place.start - 20, place.start - 8)]
    segments = [
        {"id": number, "start": start, "end": end, "action": "pick_and_place", "phase": phase}
        for number, (phase, start, end) in enumerate(proposed)
    ]
    upstream = {
        "flow": Flow(shot),
        "depth": Depth(shot.size),
        "segmentation": MaskTracks(folder.local(MASKS_FILE)),
        "actions": ActionsReader(shot.observed().motion, segments),
    }
    pieces = Pieces(ClipFolder(at / "pieces", None, listed=False), "check")
    return Context(clip, Pictures(shot), folder, pieces, None, upstream)  # type: ignore[arg-type]


def checked(
    name: str, shot: Shot, at: Path, every: int, again: Sequence[int] = (), doubtful: Collection[int] = ()
) -> Product:
    """The layer cut into batches of so many frames; some of them are computed a second time, as after a kill."""
    known = type(registry.get(name))
    layer: Any = type("Cut", (known,), {"batch_frames": every})()
    context = context_of(shot, at, faulted(shot), doubtful)
    object.__setattr__(context, "parameters", layer.Parameters())
    for span in layer.spans(shot.truth.spec.frames):
        for _ in range(2 if span.index in again else 1):
            layer.compute(context, span)
    product: Product = layer.publish(context)
    return product


@pytest.mark.parametrize("shot", ["swaying camera"], indirect=True)
@pytest.mark.parametrize("name", KINDS)
def test_a_check_of_many_batches_publishes_the_bytes_of_one(shot: Shot, tmp_path: Path, name: str) -> None:
    frames = shot.truth.spec.frames
    whole, cut = checked(name, shot, tmp_path / "a", frames), checked(name, shot, tmp_path / "b", 25, again=(2,))
    assert {each["evidence"]["kind"] for each in whole.findings or ()} >= KINDS[name]
    assert cut.findings == whole.findings
    assert [each.sha256 for each in cut.files] == [each.sha256 for each in whole.files]


@pytest.mark.parametrize("shot", ["swaying camera"], indirect=True)
def test_what_is_wrong_with_a_sure_track_is_told_though_it_ends_on_the_thing_of_a_doubtful_one(
    shot: Shot, tmp_path: Path
) -> None:
    stays, goes = (shot.truth.with_label(label)[0].instance for label in ("obstacle_rigid", "container"))
    frames = shot.truth.spec.frames
    both = checked("check_flow_segmentation", shot, tmp_path / "a", frames).findings or ()
    about = [(each["evidence"]["tracks"], each["evidence"]["kind"]) for each in both]
    assert ([goes, stays], "doubled") in about
    own = [each for each in both if each["evidence"]["tracks"] == [goes]]
    assert own
    sure = checked("check_flow_segmentation", shot, tmp_path / "b", frames, doubtful=[stays]).findings or ()
    assert [each for each in sure if goes in each["evidence"]["tracks"]] == own


def slides(frame: int) -> tuple[NDArray[np.float32], dict[int, NDArray[np.uint8]]]:
    """Flow and masks: a block slides to the right; its mask, on every tenth frame, is elsewhere from frame 20 on."""
    flow, mask = np.zeros((96, 320, 2), np.float32), np.zeros((96, 320), np.uint8)
    flow[..., 0] = 2.0
    left = 40 + 2 * frame if frame < 20 else 200
    mask[30:70, left : left + 40] = 1
    return flow, {4: mask} if frame % 10 == 0 else {}


@pytest.mark.parametrize("every", [1, 7, 15])
def test_what_a_later_mask_doubts_is_forgotten_in_the_batch_before(every: int) -> None:
    parts, state = [], None
    for start in range(0, 40, every):
        walk = ThingMotion(96, 320, first=start)
        if state is not None:
            walk.restore(state)
        for frame in range(start, min(40, start + every)):
            walk.add(*slides(frame), {4: "target_object"})
        parts.append(walk.known())
        state = walk.state()
    whole = ThingMotion(96, 320)
    for frame in range(40):
        whole.add(*slides(frame), {4: "target_object"})
    expected, found = by_track([whole.known()], range(40)), by_track(parts, range(40))
    assert np.isnan(expected[4][10:20]).all()
    assert not np.isnan(expected[4][:10]).any()
    np.testing.assert_array_equal(found[4], expected[4])


def test_checks_that_walk_a_clip_are_cut_into_batches_of_minutes_at_most() -> None:
    for name in KINDS:
        assert len(registry.get(name).spans(30 * 3600)) > 60
