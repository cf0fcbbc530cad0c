"""How well each mask of a track agrees with the next one along the clip's flow, for the ribbon under the track."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from annotation import clips
from annotation.geometry.rle import Rle
from annotation.known import Known
from annotation.media.errors import ClipFolderError
from annotation.models import Mask, MaskRevision, Task
from enrichment import compute
from enrichment.engines.drift import Box, Patch, agreement
from enrichment.layers.flow import FlowReader
from enrichment.models import LayerRun

# Two whole tasks of 100 tracks and 300 frames.
MOST_KNOWN = 65_536
# Masks are fetched for so many frames at a time, so that memory does not grow with the task.
FRAMES_AT_ONCE = 24


@dataclass(frozen=True)
class Drift:
    """By track and frame t, the IoU 0-1 of the mask on t, carried along the flow, with the one on t + 1.

    reason: why there is nothing, as a sentence; empty when there is.
    """

    tracks: dict[str, dict[int, float]] = field(default_factory=dict)
    reason: str = ""


class _Head(NamedTuple):
    """What a mask is now, without its pixels."""

    revision: int
    box: Box


# Figures that were worked out before, by flow and the two revisions.
_known: Known[tuple[str, int, int], float] = Known(MOST_KNOWN)


def of_task(task: Task, track: uuid.UUID | None = None, frames: tuple[int, int] | None = None) -> Drift:
    """The agreement of every mask with the next one of its track, for all tracks or for one.

    Args:
        frames: only on `[start, end)`: a page asks for a large task bit by bit, what it shows first.
    """
    done = LayerRun.objects.current().filter(clip=task.clip_id, layer="flow", state=LayerRun.State.DONE).first()
    if done is None:
        return Drift(reason=f"The flow of {task.clip.name} is not computed yet.")
    try:
        reader = FlowReader(clips.folder(task.clip), compute.facts_of(task.clip))
        return Drift(_values(task, _heads(task, track, frames), reader, done.fingerprint))
    except (ClipFolderError, OSError) as error:
        return Drift(reason=f"The flow of {task.clip.name} cannot be read: {error}")


def _heads(task: Task, track: uuid.UUID | None, frames: tuple[int, int] | None) -> dict[str, dict[int, _Head]]:
    drawn = Mask.objects.drawn().filter(task=task)
    if frames is not None:
        # The mask after the last one is what that one is compared with.
        drawn = drawn.filter(frame__gte=frames[0], frame__lte=frames[1])
    if track is not None:
        drawn = drawn.filter(track=track)
    found: dict[str, dict[int, _Head]] = defaultdict(dict)
    columns = ("track_id", "frame", "head_id", "head__x", "head__y", "head__w", "head__h")
    for track_id, frame, revision, *box in drawn.order_by().values_list(*columns):
        found[str(track_id)][frame] = _Head(revision, (box[0], box[1], box[2], box[3]))
    return found


def _values(
    task: Task, heads: dict[str, dict[int, _Head]], flow: FlowReader, fingerprint: str
) -> dict[str, dict[int, float]]:
    values: dict[str, dict[int, float]] = {track: {} for track in heads}
    missing: dict[int, list[str]] = defaultdict(list)
    for track, frames in heads.items():
        for frame, head in frames.items():
            after = frames.get(frame + 1)
            if after is None or frame >= len(flow):
                continue
            known = _known.get((fingerprint, head.revision, after.revision))
            if known is None:
                missing[frame].append(track)
            else:
                values[track][frame] = known
    for frame, patches in _patches(task, heads, missing, flow):
        field_of_motion = flow.read(frame)
        for track in missing[frame]:
            head, after = heads[track][frame], heads[track][frame + 1]
            value = round(agreement(patches[head.revision], patches[after.revision], field_of_motion), 4)
            _known.add((fingerprint, head.revision, after.revision), value)
            values[track][frame] = value
    return {track: dict(sorted(frames.items())) for track, frames in sorted(values.items())}


def _patches(
    task: Task, heads: dict[str, dict[int, _Head]], missing: dict[int, list[str]], flow: FlowReader
) -> Iterator[tuple[int, dict[int, Patch]]]:
    """The frames with something to work out, each with the masks of it and the next frame by revision."""
    height, width = int(flow.meta["size"][0]), int(flow.meta["size"][1])
    todo = sorted(missing)
    patches: dict[int, Patch] = {}
    for first in range(0, len(todo), FRAMES_AT_ONCE):
        frames = todo[first : first + FRAMES_AT_ONCE]
        boxes = {
            head.revision: head.box
            for frame in frames
            for track in missing[frame]
            for head in (heads[track][frame], heads[track][frame + 1])
        }
        patches = {revision: patch for revision, patch in patches.items() if revision in boxes}
        wanted = [revision for revision in boxes if revision not in patches]
        for revision, counts in MaskRevision.objects.filter(pk__in=wanted).values_list("pk", "counts"):
            mask = Rle(size=[task.clip.height, task.clip.width], counts=counts)
            patches[revision] = Patch.of(mask, boxes[revision], (height, width))
        for frame in frames:
            yield frame, patches
