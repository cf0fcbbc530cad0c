"""Which mask track of the first task shows what a track of another person's task shows.

A segment names the tracks of its object and its hand, and tracks are of one task alone. Where another person's segment
is taken into the first task, its links have to lead to that task's tracks, or nowhere.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection
from typing import Final

import numpy as np

from annotation.geometry import iou
from annotation.models import Task
from annotation.work import Work, WorkMask, WorkTrack, load_many

# Of the masks of both on the frames that both drew: more is one thing, as in the matching of video instances.
LEAST_IOU: Final = 0.5


def between(first: Task, tracks: Collection[str]) -> dict[str, str]:
    """The first task's track for each of other tasks' tracks; a track that none of its own shows is left out.

    Both carry the same label. On the frames that both have masks on, the intersections of all frames over their unions
    decide (the spatio-temporal IoU of Yang et al., Video Instance Segmentation, ICCV 2019, over those frames alone,
    because not everybody draws every frame); LEAST_IOU is needed. Tracks that share no frame are taken for one
    another only where each task has a single track of that label.

    Args:
        tracks: ids of tracks of other tasks.
    """
    if not tracks:
        return {}
    tasks = Task.objects.filter(tracks__in=[uuid.UUID(id) for id in tracks]).exclude(pk=first.pk).distinct()
    works = load_many([first, *tasks])
    ours = works.pop(first.pk)
    found = {}
    for theirs in works.values():
        wanted = [track for track in theirs.tracks if track.id in tracks]
        found.update({track.id: match for track in wanted if (match := _match(track, theirs, ours))})
    return found


def _match(track: WorkTrack, theirs: Work, ours: Work) -> str | None:
    same = [each for each in ours.tracks if each.label == track.label]
    drawn = _masks_of(theirs, [track])[track.id]
    others = _masks_of(ours, same)
    shares = {each.id: _iou(drawn, others[each.id]) for each in same}
    known = {id: share for id, share in shares.items() if share is not None}
    if known:
        best = max(known, key=known.__getitem__)
        return best if known[best] >= LEAST_IOU else None
    alone = len(same) == 1 and sum(each.label == track.label for each in theirs.tracks) == 1
    return same[0].id if alone else None


def _masks_of(work: Work, tracks: Collection[WorkTrack]) -> dict[str, dict[int, WorkMask]]:
    """By track and frame, of these tracks."""
    found: dict[str, dict[int, WorkMask]] = defaultdict(dict)
    wanted = {track.id for track in tracks}
    for mask in work.masks:
        if mask.track_id in wanted:
            found[mask.track_id][mask.frame] = mask
    return found


def _iou(a: dict[int, WorkMask], b: dict[int, WorkMask]) -> float | None:
    """Of two tracks over the frames that both have, 0 to 1; None without such a frame."""
    frames = a.keys() & b.keys()
    shared = united = 0.0
    for frame in frames:
        ratio = float(iou.iou_matrix([a[frame].rle], [b[frame].rle])[0, 0])
        both = a[frame].area + b[frame].area
        # |A| + |B| = (1 + IoU) |A ∪ B|
        union = both / (1 + ratio)
        shared += ratio * union
        united += union
    if not frames:
        return None
    return float(np.divide(shared, united)) if united else 1.0
