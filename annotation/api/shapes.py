"""The JSON forms of tasks and their work, in one place for every route that answers with them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from annotation import edit_size
from annotation.models import (
    Clip,
    MaskRevision,
    Proposal,
    SegmentRevision,
    Task,
    TrackRevision,
)
from annotation.models.revision import Revision
from annotation.tier1 import Remark
from annotation.work import (
    Work,
    WorkMask,
    WorkSegment,
    WorkTrack,
    mask_value,
    segment_value,
    track_value,
)


def clip_facts(clip: Clip) -> dict[str, Any]:
    return {
        "id": clip.pk,
        "name": clip.name,
        "width": clip.width,
        "height": clip.height,
        "frame_count": clip.frame_count,
        "fps": clip.fps,
        "duration": clip.duration,
        "keyframes": clip.keyframes,
    }


def task_facts(task: Task) -> dict[str, Any]:
    return {
        "id": task.pk,
        "project": task.project.slug,
        "clip": clip_facts(task.clip),
        "start": task.start,
        "end": task.end,
        "frames": task.frames,
        "state": task.state,
        "assignee": task.assignee.get_username() if task.assignee else None,
        "second_of": task.second_of_id,
        "version": task.version,
        "comment": task.comment,
        "priority": task.priority,
        "seconds_spent": task.seconds_spent,
        "leased_until": task.leased_until,
    }


def work_body(work: Work) -> dict[str, Any]:
    return {
        "tracks": [track_body(track) for track in work.tracks],
        "masks": [mask_body(mask) for mask in work.masks],
        "segments": [segment_body(segment) for segment in work.segments],
    }


def track_body(track: WorkTrack) -> dict[str, Any]:
    return {name: value for name, value in asdict(track).items() if name not in {"revision_id", "rigidity"}}


def mask_body(mask: WorkMask) -> dict[str, Any]:
    return {
        "id": mask.id,
        "track": mask.track_id,
        "frame": mask.frame,
        "counts": mask.rle["counts"] or None,
        "bbox": mask.bbox,
        "area": mask.area,
        "version": mask.version,
        "method": mask.method,
        "engine": mask.engine,
        "occluded": mask.occluded,
        "outside": mask.outside,
        "keyframe": mask.keyframe,
        "amodal": mask.amodal,
        "edit_iou": mask.edit_iou,
        "edit_boundary": mask.edit_boundary,
        "major_edit": edit_size.is_major(mask.edit_iou, mask.edit_boundary),
    }


def segment_body(segment: WorkSegment) -> dict[str, Any]:
    return {name: value for name, value in asdict(segment).items() if name not in {"revision_id", "author"}}


def revision_body(revision: Revision, clip: Clip) -> dict[str, Any]:
    """One side of a stale save: what was written, by whom, when."""
    if isinstance(revision, MaskRevision):
        content = mask_body(mask_value(revision.of, revision, (clip.height, clip.width)))
    elif isinstance(revision, TrackRevision):
        content = track_body(track_value(revision.of, revision))
    elif isinstance(revision, SegmentRevision):
        content = segment_body(segment_value(revision.of, revision))
    else:
        raise TypeError(f"There is no JSON form for {type(revision).__name__}.")
    return content | {
        "deleted": revision.deleted,
        "author": revision.author.get_username(),
        "at": revision.created_at.isoformat(),
    }


def remark_body(remark: Remark) -> dict[str, Any]:
    return {name: value for name, value in asdict(remark).items() if value not in (None, ())}


def proposal_body(proposal: Proposal, verdict: str | None) -> dict[str, Any]:
    return {
        "id": proposal.pk,
        "kind": proposal.kind,
        "number": proposal.number,
        "label": proposal.label,
        "confidence": proposal.confidence,
        "start": proposal.start,
        "end": proposal.end,
        "engine": proposal.engine,
        "details": proposal.details,
        "verdict": verdict,
    }
