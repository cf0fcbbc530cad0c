"""Faults planted in the truth: each function returns a faulted copy and the frames [start, end) of the fault."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from annotation.scene.spec import F64, Bools, Segment

Masks = Mapping[int, Bools]


def mask_on_wrong_object(
    masks: Sequence[Masks], *, moved: int, start: int, onto: int | None = None
) -> tuple[list[dict[int, Bools]], tuple[int, int]]:
    """From frame `start` on, let the mask of instance `moved` lie on instance `onto`, or stay behind when onto is None.

    masks: per frame, instance id to mask (height, width) bool. Staying behind means keeping the mask of frame `start`.
    Frames in which the wrong place has no mask keep none. The range runs from `start` to the end; when the mask stays
    behind it begins at the first frame in which it is wrong. Raises ValueError when the fault cannot be planted.
    """
    if not 0 <= start < len(masks):
        raise ValueError(f"Frame {start} is not one of the {len(masks)} frames; plant the fault within them.")
    if moved not in masks[start]:
        raise ValueError(f"Instance {moved} has no mask in frame {start}; start where it is seen.")
    left = masks[start][moved]
    faulted = [dict(frame) for frame in masks[:start]]
    for frame in masks[start:]:
        wrong = dict(frame)
        wrong.pop(moved, None)
        if onto is None:
            wrong[moved] = left.copy()
        elif onto in frame:
            wrong[moved] = frame[onto].copy()
        faulted.append(wrong)
    for index in range(start, len(masks)):
        true, planted = masks[index].get(moved), faulted[index].get(moved)
        same = true is planted if true is None or planted is None else np.array_equal(true, planted)
        if not same:
            return faulted, (index, len(masks))
    raise ValueError(f"Instance {moved} never leaves its place after frame {start}, so its mask is not wrong there.")


def wrist_that_jumps(
    trajectory: F64, *, at: int, frames: int = 1, jump: float = 0.35, seed: int = 0
) -> tuple[F64, tuple[int, int]]:
    """Move `frames` points of a trajectory aside by `jump`, as a tracker does that takes something else for the wrist.

    trajectory: (frames, dimensions) float64, metres (or any unit, with jump in the same). The direction is drawn from
    the seed and lies in the first two dimensions. Raises ValueError when the range leaves the trajectory.
    """
    if frames < 1 or at < 0 or at + frames > len(trajectory):
        raise ValueError(
            f"Frames {at} to {at + frames} do not lie within a trajectory of {len(trajectory)}; choose a range inside."
        )
    angle = np.random.default_rng([seed, 7]).uniform(0, 2 * np.pi)
    faulted = trajectory.copy()
    faulted[at : at + frames, :2] += jump * np.array([np.cos(angle), np.sin(angle)])
    return faulted, (at, at + frames)


def grasp_label_late(
    segments: Sequence[Segment], *, fps: float, seconds: float = 0.5
) -> tuple[tuple[Segment, ...], tuple[int, int]]:
    """Let the first grasp start and end `seconds` late; the phases beside it give way, so there is still no gap.

    The phases after it lose their beginnings as far as needed, but each keeps a frame. The range runs from the true
    start of the grasp to its faulted end. Raises ValueError when there is no grasp or no room for it to be late.
    """
    places = [i for i, segment in enumerate(segments) if segment.phase == "grasp"]
    if not places:
        raise ValueError("There is no grasp among these segments, so none can be labelled late.")
    k, shift = places[0], round(seconds * fps)
    faulted, grasp = list(segments), segments[places[0]]
    faulted[k] = replace(grasp, start=grasp.start + shift, end=grasp.end + shift)
    if k > 0 and segments[k - 1].end == grasp.start:
        faulted[k - 1] = replace(segments[k - 1], end=grasp.start + shift)
    reached = grasp.end + shift
    for i in range(k + 1, len(segments)):
        true = segments[i]
        start = reached if true.start == segments[i - 1].end else max(true.start, reached)
        faulted[i] = replace(true, start=start, end=max(true.end, start + 1))
        reached = faulted[i].end
    if shift < 1 or faulted[-1].end != max(segments[-1].end, grasp.end):
        raise ValueError(f"There is no room for the grasp to be {shift} frames late; ask for a longer clip.")
    return tuple(faulted), (grasp.start, grasp.end + shift)
