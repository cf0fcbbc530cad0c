"""Masks against motion: a mask goes where the flow carries what is under it, and what is rigid moves as one [V3].

Between two annotated frames, points inside the mask are carried by the flow, frame by frame. A robust similarity
through them (LMedS, Rousseeuw 1984) says how a rigid thing moved; the mask of the later frame must lie where it takes
the mask of the earlier one, what other masks cover in either frame left aside. Frames are compared over a span of
several frames, so that a slow motion adds up to something that can be told from noise, and annotations on key frames
can be checked as well.

Flow is an estimate, so it is held against the pictures: every few frames, points that look different where it has taken
them are let go (`patches`). What is left are points that were seen to go where the flow says.

The clip is walked once: every flow field and picture is asked for once, in order, and only the current ones are held.
All is computed at the flow's size; what is said and drawn is in pixels of the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from enrichment.checks.carried_masks import (
    Mask,
    Scene,
    aimed,
    carry,
    inner_points,
    moved_mask,
    one_motion,
    two_motions,
)
from enrichment.checks.leaps import Leaps, as_finding
from enrichment.checks.observed_motion import TrackMasks
from enrichment.checks.patches import Followed, Grey, Pictures
from enrichment.checks.registry import Check, Finding, Measure, merge, register

__all__ = ["CHECK", "NAME", "Inputs", "Thresholds", "TrackMasks", "run"]

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
    merge_gap: int = 60  # a mask that lost its thing disagrees whenever something moves: one finding, not ten
    left_out: tuple[str, ...] = ("background", "support_surface")
    articulated: tuple[str, ...] = ("human_hand", "robot_arm", "gripper", "obstacle_deformable")


@dataclass
class _Comparison:
    """One track between two annotated frames, on its way: which points are left, where they began, where they are."""

    track: TrackMasks
    first: int
    last: int
    before: Mask
    covered: Mask  # by other tracks, in the first frame
    points: Followed
    ways: dict[int, NDArray[np.float64]]  # median way of the points since the first frame, by frame

    creeping: bool = False  # a long span, in which only what surely moves as one is judged

    @property
    def frames(self) -> list[int]:
        """Annotated frames from the first to the last."""
        return sorted(frame for frame in self.track.masks if self.first <= frame <= self.last)


def run(inputs: Inputs, thresholds: Thresholds | None = None) -> list[Finding]:
    """Compare every track with the flow.

    Args:
        inputs: see `Inputs`.
        thresholds: see `Thresholds`.

    Returns:
        Findings by start, one for each stretch in which a track disagrees, beginning with the frame in which it shows.
        Evidence: `kind` (displacement, leap or rigidity), `tracks`, `masks`, `vectors`, and `iou` or `share`.

    Raises:
        EngineInputError: the flow changes its size within the clip.
    """
    settings = thresholds or Thresholds()
    waiting = _comparisons(inputs.tracks, settings)
    found: list[Finding] = []
    active: list[_Comparison] = []
    pictures, leaps = Pictures(inputs.picture), Leaps(settings.least_area)
    judged = {track.track_id: track for track in inputs.tracks if track.label not in settings.left_out}
    size: tuple[int, int] | None = None
    for frame in _frames_to_walk(waiting):
        flow = inputs.flow(frame) if active or frame in waiting else None
        if flow is not None and size is None:
            size = (flow.shape[0], flow.shape[1])
        if size is None:
            continue
        scene = Scene(
            {track.track_id: track.masks[frame] for track in inputs.tracks if _hides(track, frame, settings)}, size
        )
        looks = pictures.of(frame, size)
        found.extend(
            as_finding(NAME, leap, judged[leap.track], scene) for leap in leaps.step(frame, scene, looks, judged)
        )
        for each in active:
            if each.last == frame or frame - each.points.frame >= settings.span:
                each.points.prove(frame, looks)
            _look(each, frame, scene, settings)
            if each.last == frame:
                found.extend(_judge(each, scene, settings))
        active = [each for each in active if each.last > frame and len(each.points) >= settings.least_points]
        if flow is None:
            active = []
            continue
        for track, last in waiting.get(frame, []):
            active.append(_begin(track, (frame, last), scene, looks, settings))
        for each in active:
            each.points.at = carry(each.points.at, flow, size)
    return merge(found, settings.merge_gap, lambda each: each.evidence["tracks"][0])


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
        if last in known and sum(first <= frame <= last for frame in frames) > settings.creeping_span // 2:
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
) -> _Comparison:
    first, last = frames
    before = scene.mask(track.track_id)
    chosen = inner_points(before) if before.sum() >= settings.least_area else np.zeros((0, 2), np.float32)
    points = Followed.beginning(chosen, first, looks)
    creeping = last - first == settings.creeping_span and first + 1 in track.masks
    begun = _Comparison(track, first, last, before, scene.others(track.track_id), points, {}, creeping)
    _look(begun, first, scene, settings)
    return begun


def _look(each: _Comparison, frame: int, scene: Scene, settings: Thresholds) -> None:
    """Drop points that have left the picture or may have caught another thing's motion; note how far the rest went."""
    points = each.points
    points.keep(scene.unspoilt(points.at, each.track.track_id, settings.bleeding))
    if len(points):
        each.ways[frame] = np.median(points.at - points.start, axis=0).astype(np.float64)


def _judge(each: _Comparison, scene: Scene, settings: Thresholds) -> list[Finding]:
    after = scene.mask(each.track.track_id)
    if after.sum() < settings.least_area or len(each.points) < settings.least_points:
        return []
    articulated = each.track.rigidity == "deformable" or each.track.label in settings.articulated
    if articulated and (_at_border(each.before) or _at_border(after)):
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
        found = _judge_place(each, scene, after, moved, settings)
        return found if _holds_together(each, off, settings) else [_doubtful(finding) for finding in found]
    if articulated or each.last - each.first > settings.span:
        return []
    if not two_motions(each.points.start, each.points.at, moved, astray):
        return []
    # A mask that its thing has all but left is better told by where it should lie.
    misplaced = _judge_place(each, scene, after, moved, settings)
    grave = [finding for finding in misplaced if finding.severity == 3]
    return grave or [_not_rigid(each, share, limit, scene)]


def _holds_together(each: _Comparison, off: NDArray[np.float64], settings: Thresholds) -> bool:
    """Whether points that went long without a mask still move as one; else something may have passed over them."""
    length = float(np.hypot(*each.ways[each.last]))
    astray = float((off > max(settings.least_shift, settings.loose_residual * length)).mean())
    if each.last - each.first <= settings.span:
        return True
    return astray <= settings.loose_share and len(each.points) >= settings.loose_points


def _doubtful(finding: Finding) -> Finding:
    reason = f"{finding.reason} Something may have passed in front between the two frames."
    return replace(finding, severity=1, reason=reason)


def _judge_place(
    each: _Comparison, scene: Scene, after: Mask, moved: NDArray[np.float64], settings: Thresholds
) -> list[Finding]:
    """Whether the later mask lies where the flow takes the earlier one, as far as both can be seen.

    Along an edge or a stripe flow may slip, and a similarity through such points turns or swells; the median of their
    ways then says more. The mask is believed if it agrees with either.
    """
    shifted = np.eye(2, 3)
    shifted[:, 2] = each.ways[each.last]
    readings = [_placed(each, scene, after, reading, settings) for reading in (moved, shifted)]
    misplaced = [reading for reading in readings if reading is not None]
    if len(misplaced) < len(readings):
        return []
    mask_way, overlap, shift = misplaced[0]
    return [_misplaced(each, scene, mask_way, overlap, shift, settings)]


def _placed(
    each: _Comparison, scene: Scene, after: Mask, moved: NDArray[np.float64], settings: Thresholds
) -> tuple[NDArray[np.float64], float, float] | None:
    """How the mask moved, the IoU with where it should lie, and the distance from there; None if it lies well."""
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
    off = _centre(shown) - _centre(wanted)
    shift = float(np.hypot(*off))
    size = float(wanted.sum()) ** 0.5
    flow_length = float(np.hypot(*each.ways[each.last]))
    allowed = max(settings.least_shift, settings.relative_shift * size, settings.relative_motion * flow_length)
    # The farther apart the frames, the less the carried points are worth, but for those that stayed together.
    if not each.creeping:
        allowed *= max(1.0, (each.last - each.first) / (2 * settings.span))
    if overlap >= settings.least_iou or shift <= allowed:
        return None
    return off + each.ways[each.last], overlap, shift


def _misplaced(
    each: _Comparison, scene: Scene, mask_way: NDArray[np.float64], overlap: float, shift: float, settings: Thresholds
) -> Finding:
    track, first, last = each.track, each.first, each.last
    up = scene.scale
    origin = _centre(each.before)
    # Where the masks between the two frames are known, the finding begins with the first that is off by half as much.
    ways = {frame: scene.centre_of(track.masks[frame]) - origin for frame in each.frames}
    ways[last] = mask_way
    astray = [frame for frame in each.frames if np.hypot(*(ways[frame] - each.ways[frame])) >= 0.5 * shift]
    start = next((frame for frame in astray if frame > first), last)
    moved, carried = (float(np.hypot(*(way * up))) for way in (mask_way, each.ways[last]))
    reason = (
        f"From frame {first} to {last} the mask of track {track.track_id} ({track.label}) moved {moved:.0f} px, "
        f"the flow under it says {carried:.0f} px; it covers {overlap:.0%} of where it should lie."
    )
    shown = [frame for frame in each.frames if frame >= start]
    evidence: dict[str, Any] = {
        "kind": "displacement",
        "tracks": [track.track_id],
        "masks": [{"frame": frame, "counts": track.masks[frame]["counts"]} for frame in shown],
        "vectors": [
            {"frame": frame, "at": _plain(origin * up), "by": _plain(by * up), "kind": kind}
            for frame in shown
            for by, kind in ((ways[frame], "mask"), (each.ways[frame], "flow"))
        ],
        "iou": round(overlap, 3),
        "measure": round(overlap, 3),
        "label": track.label,
    }
    return Finding(NAME, start, last + 1, 3 if overlap < settings.grave_iou else 2, reason, evidence)


def _not_rigid(each: _Comparison, share: float, limit: float, scene: Scene) -> Finding:
    track, first, last = each.track, each.first, each.last
    up = scene.scale
    reason = (
        f"From frame {first} to {last}, {share:.0%} of the points under the mask of track {track.track_id} "
        f"({track.label}) leave its one rigid motion by more than {limit * float(up.mean()):.0f} px: the mask covers "
        f"several things, or not all of one."
    )
    chosen = np.linspace(0, len(each.points) - 1, min(24, len(each.points))).astype(int)
    evidence: dict[str, Any] = {
        "kind": "rigidity",
        "tracks": [track.track_id],
        "masks": [{"frame": frame, "counts": track.masks[frame]["counts"]} for frame in each.frames],
        "vectors": [
            {
                "frame": first,
                "at": _plain(each.points.start[k] * up),
                "by": _plain((each.points.at[k] - each.points.start[k]) * up),
                "kind": "flow",
            }
            for k in chosen
        ],
        "share": round(share, 3),
        "measure": round(share, 3),
        "label": track.label,
    }
    return Finding(NAME, first, last + 1, 2, reason, evidence)


def _at_border(mask: Mask) -> bool:
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def _centre(mask: Mask) -> NDArray[np.float64]:
    ys, xs = np.nonzero(mask)
    return np.array([xs.mean(), ys.mean()])


def _plain(point: NDArray[np.floating[Any]]) -> list[float]:
    return [round(float(value), 1) for value in point]


_MEASURES: Final = {
    "displacement": Measure("overlap with where the mask should lie", "IoU", "least_iou", above=False),
    "rigidity": Measure("share of points off the rigid motion", "", "rigid_share"),
}
CHECK: Final = register(
    Check(NAME, "V3", "Flow against segmentation", ("flow", "segmentation"), Thresholds(), run, _MEASURES)
)
