"""What a reviewer sees over a frame: two people's masks over each other, and a flag's evidence. PNG bytes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np

from annotation import proposal_masks
from annotation.geometry import rle
from annotation.geometry.rle import Rle
from annotation.models import Clip, Mask, Proposal, Task
from review import drawing
from review.agreement import pair_of
from review.errors import NothingToCompare, ReviewRefused
from review.models import Flag


def disagreement(*, task: Task, frame: int, label: str = "") -> bytes:
    """The masks of a pair on one frame over each other, of one label or of all; see `drawing.disagreement`.

    Raises:
        NothingToCompare: the task has no second opinion.
        ReviewRefused: the clip has no such frame.
    """
    pair = pair_of(task)
    if pair is None:
        raise NothingToCompare(f"Task {task.pk} has no second opinion; ask for one first.")
    clip = task.clip
    _demand_frame(clip, frame)
    sides: dict[int, dict[str, drawing.Bools]] = defaultdict(dict)
    drawn = Mask.objects.drawn().filter(task__in=pair, frame=frame).select_related("head", "track__head__label")
    for mask in drawn:
        assert mask.head is not None and mask.track.head is not None  # noqa: S101, PT018  `drawn` looks at both
        key = mask.track.head.label.key
        if label in ("", key):
            inside = rle.decode(_rle(clip, mask.head.counts)).astype(bool)
            before = sides[mask.task_id].get(key, np.zeros_like(inside))
            sides[mask.task_id][key] = before | inside
    first, second = (sides[one.pk] for one in pair)
    return drawing.png(drawing.disagreement(first, second, height=clip.height, width=clip.width))


def evidence(*, flag: Flag, frame: int) -> bytes:
    """What a flag says of one frame; see `drawing.evidence`.

    A finding that names tracks without their outlines on this frame is drawn with the masks that stand now.

    Raises:
        ReviewRefused: the clip has no such frame.
    """
    _demand_frame(flag.clip, frame)
    found: dict[str, Any] = dict(flag.evidence)
    outlined = any(mask.get("frame", frame) == frame for mask in found.get("masks", []))
    # Where joints are named, the tracks are people's: a mask that happens to have the same number is another thing.
    if not outlined and "keypoints" not in found and flag.start <= frame < flag.end:
        found["masks"] = [{"frame": frame, "counts": one["counts"]} for one in _masks_of_tracks(flag, frame)]
    picture = drawing.evidence(found, frame, height=flag.clip.height, width=flag.clip.width)
    return drawing.png(picture)


def _masks_of_tracks(flag: Flag, frame: int) -> Iterable[Rle]:
    numbers = set(_track_numbers(flag.evidence))
    if not numbers:
        return []
    if flag.task_id is not None:
        drawn = Mask.objects.drawn().filter(task=flag.task_id, frame=frame, track__number__in=numbers)
        counts = [mask.head.counts for mask in drawn.select_related("head") if mask.head]
        return [_rle(flag.clip, one) for one in counts]
    proposals = Proposal.objects.current().filter(clip=flag.clip_id, kind=Proposal.Kind.MASK_TRACK, number__in=numbers)
    found = (proposal_masks.on_frame(proposal, frame) for proposal in proposals.select_related("clip"))
    return [one for one in found if one is not None]


def _track_numbers(found: dict[str, Any]) -> Iterable[int]:
    for name in ("track", "track_id", "tracks", "track_ids"):
        value = found.get(name)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, int) and not isinstance(one, bool):
                yield one


def _rle(clip: Clip, counts: str) -> Rle:
    return Rle(size=[clip.height, clip.width], counts=counts)


def _demand_frame(clip: Clip, frame: int) -> None:
    if not 0 <= frame < clip.frame_count:
        raise ReviewRefused(f"{clip.name} has no frame {frame}; its frames are 0 to {clip.frame_count - 1}.")
