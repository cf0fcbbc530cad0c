"""Faults planted in the truth: each function returns a faulted copy and the frames [start, end) of the fault."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import cv2
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


def mask_that_creeps(
    masks: Sequence[Masks], *, moved: int, start: int, per_frame: tuple[float, float]
) -> tuple[list[dict[int, Bools]], tuple[int, int]]:
    """From frame `start` on, let the mask of instance `moved` slide off its thing by (x, y) pixels more every frame.

    That is how a tracker fails that slowly takes up something else; no two frames beside each other disagree by much.
    What leaves the picture is cut off. The range runs from the first frame in which a pixel is wrong to the end.
    Raises ValueError when the fault cannot be planted.
    """
    if not 0 <= start < len(masks) or moved not in masks[start]:
        raise ValueError(f"Instance {moved} has no mask in frame {start} of {len(masks)}; start where it is seen.")
    faulted, first = [dict(frame) for frame in masks], len(masks)
    for index in range(start + 1, len(masks)):
        if moved not in masks[index]:
            continue
        true = masks[index][moved]
        by = np.array([[1, 0, per_frame[0] * (index - start)], [0, 1, per_frame[1] * (index - start)]])
        slid = cv2.warpAffine(true.astype(np.uint8), by, true.shape[::-1], flags=cv2.INTER_NEAREST) > 0
        faulted[index][moved] = slid
        if not np.array_equal(slid, true):
            first = min(first, index)
    if first == len(masks):
        raise ValueError(
            f"({per_frame[0]}, {per_frame[1]}) px a frame moves no mask of instance {moved}; ask for more."
        )
    return faulted, (first, len(masks))


def mask_too_wide(
    masks: Sequence[Masks], *, moved: int, start: int, end: int, share: float = 0.8
) -> tuple[list[dict[int, Bools]], tuple[int, int]]:
    """In frames [start, end), let the mask of instance `moved` reach over what lies around it.

    share: by how much it grows to every side, as a share of the thing's size (the root of its area). Raises ValueError
    when it has no mask there.
    """
    shown = [index for index in range(start, min(end, len(masks))) if moved in masks[index]]
    if not shown:
        raise ValueError(f"Instance {moved} has no mask in frames {start} to {end}; choose frames in which it is seen.")
    faulted = [dict(frame) for frame in masks]
    for index in shown:
        true = masks[index][moved]
        reach = max(1, round(share * float(true.sum()) ** 0.5))
        faulted[index][moved] = cv2.dilate(true.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1))) > 0
    return faulted, (shown[0], shown[-1] + 1)


def wrist_that_trembles(
    trajectory: F64, *, start: int, frames: int = 40, by: float = 0.02, seed: int = 0
) -> tuple[F64, tuple[int, int]]:
    """Add noise to `frames` points of a trajectory, as a detector does that never settles.

    trajectory: (frames, dimensions) float64, metres. by: standard deviation in every dimension, in its unit. Raises
    ValueError when the range leaves the trajectory.
    """
    if frames < 1 or start < 0 or start + frames > len(trajectory):
        raise ValueError(
            f"Frames {start} to {start + frames} do not lie within a trajectory of {len(trajectory)}; "
            f"choose a range inside."
        )
    faulted = trajectory.copy()
    faulted[start : start + frames] += np.random.default_rng([seed, 8]).normal(0, by, (frames, trajectory.shape[1]))
    return faulted, (start, start + frames)


def lift_label_on_descent(segments: Sequence[Segment]) -> tuple[tuple[Segment, ...], tuple[int, int]]:
    """Let the first pre-grasp, in which the hand comes down, be labelled a lift.

    The range is that segment's. Raises ValueError when there is no pre-grasp.
    """
    places = [i for i, segment in enumerate(segments) if segment.phase == "pre-grasp"]
    if not places:
        raise ValueError("There is no pre-grasp among these segments, so none can be labelled a lift.")
    faulted = list(segments)
    faulted[places[0]] = replace(segments[places[0]], phase="lift")
    return tuple(faulted), (faulted[places[0]].start, faulted[places[0]].end)


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
