"""Masks against motion: a mask goes where the flow carries what is under it, and what is rigid moves as one [V3].

Between two annotated frames, points inside the mask are carried by the flow, frame by frame. A robust similarity
through them (LMedS, Rousseeuw 1984) says how a rigid thing moved; the mask of the later frame must lie where it takes
the mask of the earlier one, what other masks cover in either frame left aside. Frames are compared over a span of
several frames, so that a slow motion adds up to something that can be told from noise, and annotations on key frames
can be checked as well.

Flow is an estimate, so it is held against the pictures: every few frames, points that look different where it has taken
them are let go (`patches`). What is left are points that were seen to go where the flow says. A mask that they
accuse is let off when the pictures show its thing where the mask has gone (`witnesses`).

What cannot be followed is looked at in three more ways: masks that leap (`leaps`), masks that stay where nothing of
their thing is left (`vacated`), and masks that lie on another's thing (`doubled`).

The clip is walked once: every flow field and picture is asked for once, in order, and only the current ones are held.
All is computed at the flow's size; what is said and drawn is in pixels of the picture.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from enrichment.checks import doubled, vacated
from enrichment.checks.carried_masks import (
    Mask,
    Scene,
    aimed,
    carry,
    centre_of,
    inner_points,
    moved_mask,
    one_motion,
    two_motions,
)
from enrichment.checks.compared_masks import Comparison, Reading, doubtful, misplaced, not_rigid
from enrichment.checks.doubled import Doubles
from enrichment.checks.leaps import Leaps, as_finding
from enrichment.checks.observed_motion import TrackMasks
from enrichment.checks.outlines import at_border
from enrichment.checks.patches import REACH, Followed, Grey, Pictures
from enrichment.checks.registry import Check, Finding, Measure, merge, register
from enrichment.checks.underway import Underway
from enrichment.checks.vacated import Vacancies
from enrichment.checks.witnesses import Witnesses
from enrichment.parameters import refuse_beyond

__all__ = ["CHECK", "NAME", "Inputs", "Thresholds", "TrackMasks", "Walk", "joined", "run"]

NAME: Final = "flow_vs_segmentation"


@dataclass(frozen=True)
class Inputs:
    """Tracks of one clip or task, and the flow.

    flow: frame n to (h, w, 2) float32 (u, v) from n to n + 1, in pixels of its own size, whatever that is as long as it
    is the same in every frame; None where there is none. It is called with increasing frame numbers, once for each that
    is needed. picture: frame n to (height, width, 3) RGB or (height, width) grey, uint8, of any size, asked for in the
    same manner; None leaves the flow unproven, and every point of it is believed.
    """

    tracks: Sequence[TrackMasks]
    flow: Callable[[int], NDArray[np.float32] | None]
    picture: Callable[[int], NDArray[np.uint8]] | None = None


@dataclass(frozen=True)
class Thresholds:
    """Lengths in pixels of the flow, areas in its square pixels, spans in frames."""

    span: int = 6  # frames over which motion is added up
    creeping_span: int = 30  # frames over which a mask may not slide off a thing whose points stay together …
    creeping_residual: float = 1.5  # … within so many pixels, at the median
    longest_span: int = 30  # masks farther apart are not compared: carried points lose their hold
    least_area: int = 150
    least_points: int = 12
    least_left: float = 0.1  # share of a mask's points that must be left to speak for it
    bleeding: int = 7  # so near to another thing its motion bleeds into the flow
    least_shift: float = 5.0  # mask and flow may differ by this much …
    relative_shift: float = 0.3  # … or by this share of the thing's size
    relative_motion: float = 0.3  # … or by this share of the motion itself
    least_iou: float = 0.6
    grave_iou: float = 0.25
    least_contained: float = 0.9  # of the smaller one: what grows or shrinks where it lies has not moved
    rigid_residual: float = 3.0  # pixels off the one rigid motion, at least …
    relative_residual: float = 0.35  # … and this share of the motion
    rigid_share: float = 0.3  # share of points off it, all in one way; a shadow that slides over a thing takes fewer
    wavering_share: float = 0.4  # share of points off it for no reason that the picture shows
    loose_residual: float = 0.1  # over more than `span` frames: points off by this share of the motion …
    loose_share: float = 0.3  # … if they are as many, leave a finding in doubt …
    loose_points: int = 20  # … and so does it when fewer are left
    least_gone: float = 0.9  # share of an outline that must be gone under a mask that has stayed
    least_doubled: float = 0.8  # IoU from which two masks lie on one thing
    merge_gap: int = 60  # a mask that lost its thing disagrees whenever something moves: one finding, not ten
    left_out: tuple[str, ...] = ("background", "support_surface")
    articulated: tuple[str, ...] = ("human_hand", "robot_arm", "gripper", "obstacle_deformable")

    def __post_init__(self) -> None:
        """Refuse what is no length, share or count."""
        counts = ("span", "creeping_span", "longest_span", "least_area", "least_points", "loose_points")
        shares = ("least_iou", "grave_iou", "least_contained", "rigid_share", "wavering_share", "loose_share")
        refuse_beyond(
            self, least=dict.fromkeys(counts, 1), shares=(*shares, "least_gone", "least_left", "least_doubled")
        )


def run(inputs: Inputs, thresholds: Thresholds | None = None) -> list[Finding]:
    """Compare every track with the flow.

    Args:
        inputs: see `Inputs`.
        thresholds: see `Thresholds`.

    Returns:
        Findings by start, one for each stretch in which a track disagrees, or in which two lie on each other,
        beginning with the frame in which it shows. Evidence: `kind`, `label`, `tracks` (two of them where they are
        `doubled`) and `masks`; a displacement has `vectors`, `iou` and `measure`, a lack of `rigidity` `vectors`,
        `share` and `measure`, a `leap` `vectors` alone, what is `vacated` `share` and `measure`, and two `doubled` ones
        `measure`.

    Raises:
        EngineInputError: the flow changes its size within the clip.
    """
    settings = thresholds or Thresholds()
    return joined(Walk(inputs, settings).over(), settings)


def joined(found: Iterable[Finding], settings: Thresholds) -> list[Finding]:
    """What a walk came upon, one finding for each stretch in which a track, or a pair of them, disagrees.

    A pair is about two tracks: joined with what is told of either alone, it would go where that goes.
    """
    return merge(found, settings.merge_gap, lambda each: tuple(sorted(each.evidence["tracks"])), _MEASURES)


class Walk:
    """A walk through a clip, frame by frame. It can be broken off between two frames, and gone on with elsewhere."""

    def __init__(self, inputs: Inputs, settings: Thresholds) -> None:
        """Stand before the clip's first frame."""
        self._inputs, self._settings = inputs, settings
        self._waiting = _comparisons(inputs.tracks, settings)
        self._judged = {track.track_id: track for track in inputs.tracks if track.label not in settings.left_out}
        bends_or_ground = [*settings.left_out, *settings.articulated]
        self._held = Underway(
            Pictures(inputs.picture),
            Leaps(settings.least_area),
            Vacancies(settings.least_area, settings.least_gone, bends_or_ground),
            Doubles(settings.least_area, settings.least_doubled),
        )

    def over(self, frames: range | None = None) -> list[Finding]:
        """What it comes upon in the next frames, not yet `joined`; None for all that there are.

        Of masks that lie on each other, which is seen in every frame anew, only the stretches are told.

        Raises:
            EngineInputError: the flow changes its size within the clip.
        """
        walked = _frames_to_walk(self._waiting)
        found = [each for frame in walked if frames is None or frame in frames for each in self._step(frame)]
        pairs = [each for each in found if each.evidence["kind"] == doubled.KIND]
        others = [each for each in found if each.evidence["kind"] != doubled.KIND]
        return [*others, *joined(pairs, self._settings)]

    def state(self) -> dict[str, Any]:
        """What `restore` needs to go on from here, as plain JSON."""
        return self._held.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` gave of a walk with the same inputs; some earlier pictures are asked for again."""
        self._held.restore(state, {track.track_id: track for track in self._inputs.tracks}, self._scene)

    def _step(self, frame: int) -> list[Finding]:
        settings, held, judged = self._settings, self._held, self._judged
        flow = self._inputs.flow(frame) if held.active or frame in self._waiting else None
        if flow is not None and held.size is None:
            held.size = (flow.shape[0], flow.shape[1])
        if held.size is None:
            return []
        found: list[Finding] = []
        scene = self._scene(frame, held.size)
        looks = held.pictures.of(frame, held.size)
        found.extend(
            as_finding(NAME, leap, judged[leap.track], scene) for leap in held.leaps.step(frame, scene, looks, judged)
        )
        found.extend(
            vacated.as_finding(NAME, each, judged[each.track])
            for each in held.vacancies.step(frame, scene, looks, judged)
        )
        found.extend(doubled.as_finding(NAME, each, judged) for each in held.doubles.step(frame, scene, judged))
        for each in held.active:
            if each.last == frame or frame - each.points.frame >= settings.span:
                each.points.prove(frame, looks)
            _look(each, frame, scene, settings)
            if each.last == frame:
                found.extend(_judge(each, scene, looks, settings))
        held.active = [each for each in held.active if each.last > frame and len(each.points) >= settings.least_points]
        if flow is None:
            held.active = []
            return found
        for track, last in self._waiting.get(frame, []):
            held.active.append(_begin(track, (frame, last), scene, looks, settings))
        for each in held.active:
            each.points.at = carry(each.points.at, flow, held.size)
        return found

    def _scene(self, frame: int, size: tuple[int, int]) -> Scene:
        shown = [track for track in self._inputs.tracks if _hides(track, frame, self._settings)]
        return Scene({track.track_id: track.masks[frame] for track in shown}, size)


def _comparisons(tracks: Sequence[TrackMasks], settings: Thresholds) -> dict[int, list[tuple[TrackMasks, int]]]:
    """By first frame: tracks to compare, and with which later frame."""
    pairs: dict[int, list[tuple[TrackMasks, int]]] = {}
    for track in tracks:
        if track.label in settings.left_out:
            continue
        frames = sorted(track.masks)
        at = 0
        while at < len(frames) - 1:
            # The farthest frame within the span, or the next one when annotations lie farther apart.
            to = at + 1
            while to + 1 < len(frames) and frames[to + 1] - frames[at] <= settings.span:
                to += 1
            if frames[to] - frames[at] <= settings.longest_span:
                pairs.setdefault(frames[at], []).append((track, frames[to]))
            at = to
        for first, last in _long_spans(frames, settings):
            pairs.setdefault(first, []).append((track, last))
    return pairs


def _long_spans(frames: Sequence[int], settings: Thresholds) -> list[tuple[int, int]]:
    """Spans long enough for a slow slide to show, where masks in between let one follow it."""
    known, found = set(frames), []
    for first in frames[:: settings.creeping_span]:
        last = first + settings.creeping_span
        if last in known and bisect_right(frames, last) - bisect_left(frames, first) > settings.creeping_span // 2:
            found.append((first, last))
    return found


def _frames_to_walk(waiting: Mapping[int, Sequence[tuple[TrackMasks, int]]]) -> list[int]:
    walked: set[int] = set()
    for first, pairs in waiting.items():
        walked.update(range(first, max(last for _, last in pairs) + 1))
    return sorted(walked)


def _hides(track: TrackMasks, frame: int, settings: Thresholds) -> bool:
    """Whether a track may hide others in a frame; a table under everything hides nothing."""
    return frame in track.masks and track.label not in settings.left_out


def _begin(
    track: TrackMasks, frames: tuple[int, int], scene: Scene, looks: Grey | None, settings: Thresholds
) -> Comparison:
    first, last = frames
    before = scene.mask(track.track_id)
    chosen = inner_points(before) if before.sum() >= settings.least_area else np.zeros((0, 2), np.float32)
    points = Followed.beginning(chosen, first, looks)
    creeping = last - first == settings.creeping_span and first + 1 in track.masks
    begun = Comparison(track, first, last, before, scene.others(track.track_id), points, {}, len(chosen), creeping)
    _look(begun, first, scene, settings)
    return begun


def _look(each: Comparison, frame: int, scene: Scene, settings: Thresholds) -> None:
    """Drop points that have left the picture or may have caught another thing's motion; note how far the rest went."""
    points = each.points
    points.keep(scene.unspoilt(points.at, each.track.track_id, settings.bleeding))
    if len(points):
        each.ways[frame] = np.median(points.at - points.start, axis=0).astype(np.float64)


def _judge(each: Comparison, scene: Scene, looks: Grey | None, settings: Thresholds) -> list[Finding]:
    after = scene.mask(each.track.track_id)
    if after.sum() < settings.least_area or len(each.points) < settings.least_points:
        return []
    if len(each.points) < settings.least_left * each.chosen:
        return []  # a few that stayed together in a corner, most likely those that something else dragged along
    articulated = each.track.rigidity == "deformable" or each.track.label in settings.articulated
    if articulated and (at_border(each.before) or at_border(after)):
        return []  # an arm that comes in shows more of itself in every frame
    moved, off = one_motion(each.points.start, each.points.at)
    if each.creeping and float(np.median(off)) > settings.creeping_residual:
        return []  # the shorter spans tell more of what does not move as one
    limit = max(settings.rigid_residual, settings.relative_residual * float(np.hypot(*each.ways[each.last])))
    # A point is off only if the picture refutes that it went with the others: flow wavers where there is little to see.
    astray = (off > limit) & each.points.elsewhere(aimed(each.points.start, moved).astype(np.float32))
    share = float(astray.mean())
    if share <= settings.rigid_share:
        if float((off > limit).mean()) > settings.wavering_share:
            return []  # the flow is no one motion and the picture does not say why: nobody knows where the mask belongs
        found = _judge_place(each, scene, looks, moved, settings)
        return found if _holds_together(each, off, settings) else [doubtful(finding) for finding in found]
    if articulated or each.last - each.first > settings.span:
        return []
    if not two_motions(each.points.start, each.points.at, moved, astray):
        return []
    # A mask that its thing has all but left is better told by where it should lie.
    elsewhere = _judge_place(each, scene, looks, moved, settings)
    grave = [finding for finding in elsewhere if finding.severity == 3]
    if not grave and _seen_to_go(each, scene, looks, centre_of(after) - centre_of(each.before)):
        return []  # something that moved beside it or over it took the flow along
    return grave or [not_rigid(NAME, each, scene, share, limit)]


def _holds_together(each: Comparison, off: NDArray[np.float64], settings: Thresholds) -> bool:
    """Whether points that went long without a mask still move as one; else something may have passed over them."""
    length = float(np.hypot(*each.ways[each.last]))
    astray = float((off > max(settings.least_shift, settings.loose_residual * length)).mean())
    if each.last - each.first <= settings.span:
        return True
    return astray <= settings.loose_share and len(each.points) >= settings.loose_points


def _judge_place(
    each: Comparison, scene: Scene, looks: Grey | None, moved: NDArray[np.float64], settings: Thresholds
) -> list[Finding]:
    """Whether the later mask lies where the flow takes the earlier one, as far as both can be seen.

    Along an edge or a stripe flow may slip, and a similarity through such points turns or swells; the median of their
    ways then says more. The mask is believed if it agrees with either.
    """
    after = scene.mask(each.track.track_id)
    shifted = np.eye(2, 3)
    shifted[:, 2] = each.ways[each.last]
    readings = [_placed(each, scene, after, reading, settings) for reading in (moved, shifted)]
    off = [reading for reading in readings if reading is not None]
    if len(off) < len(readings) or _seen_to_go(each, scene, looks, off[0].way, each.ways[each.last]):
        return []
    return [misplaced(NAME, each, scene, off[0], settings.grave_iou)]


def _seen_to_go(
    each: Comparison,
    scene: Scene,
    looks: Grey | None,
    way: NDArray[np.float64],
    instead_of: NDArray[np.float64] | None = None,
) -> bool:
    """Whether the pictures show the thing after a way (2,), and less of it after the other one; none show nothing."""
    if looks is None or each.points.began is None:
        return False
    after, near = scene.mask(each.track.track_id), scene.near(each.track.track_id, REACH)
    return Witnesses(each.before, each.covered, each.points.began).bear_out(after, looks, near, way, instead_of)


def _placed(
    each: Comparison, scene: Scene, after: Mask, moved: NDArray[np.float64], settings: Thresholds
) -> Reading | None:
    """How the mask lies against where it should; None if it lies well."""
    expected = moved_mask(each.before, moved)
    in_front = scene.others(each.track.track_id)
    # What the picture's border cuts off, or cut off before, says nothing either.
    hidden = in_front | moved_mask(each.covered, moved) | ~moved_mask(np.ones_like(expected), moved)
    wanted = expected & ~hidden
    if wanted.sum() < max(settings.least_area / 2, 0.3 * expected.sum()):
        return None
    # A mask that lies on another thing's mask is all hidden, and is itself what is wrong.
    shown = after & ~hidden
    shown = shown if shown.sum() >= 0.3 * after.sum() else after
    # What still lies on its thing and shows more or less of it has come out from behind something, or gone there.
    shared = float((shown & wanted).sum())
    if shared >= settings.least_contained * float(min(shown.sum(), wanted.sum())):
        return None
    overlap = shared / max(1.0, float((shown | wanted).sum()))
    off = centre_of(shown) - centre_of(wanted)
    shift = float(np.hypot(*off))
    size = float(wanted.sum()) ** 0.5
    flow_length = float(np.hypot(*each.ways[each.last]))
    allowed = max(settings.least_shift, settings.relative_shift * size, settings.relative_motion * flow_length)
    # The farther apart the frames, the less the carried points are worth, but for those that stayed together.
    if not each.creeping:
        allowed *= max(1.0, (each.last - each.first) / (2 * settings.span))
    if overlap >= settings.least_iou or shift <= allowed:
        return None
    return Reading(off + each.ways[each.last], overlap, shift)


_MEASURES: Final = {
    "displacement": Measure("overlap with where the mask should lie", "IoU", "least_iou", above=False),
    "rigidity": Measure("share of points off the rigid motion", "", "rigid_share"),
    "doubled": Measure("overlap of two tracks' masks", "IoU", "least_doubled"),
    "vacated": Measure("share of the outline that is gone", "", "least_gone"),
}
CHECK: Final = register(
    Check(NAME, "V3", "Flow against segmentation", ("flow", "segmentation"), Thresholds(), run, _MEASURES)
)
