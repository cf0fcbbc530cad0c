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
        **_edit_size(mask.edit_iou, mask.edit_boundary),
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


def edit_body(revision: Revision) -> dict[str, Any]:
    """How far what was just saved is from the proposal that it began from; empty for tracks."""
    if isinstance(revision, MaskRevision):
        return _edit_size(revision.edit_iou, revision.edit_boundary)
    if isinstance(revision, SegmentRevision):
        return {name: getattr(revision, name) for name in ("proposal_id", "start_shift", "end_shift")}
    return {}


def _edit_size(edit_iou: float | None, edit_boundary: float | None) -> dict[str, Any]:
    return {
        "edit_iou": edit_iou,
        "edit_boundary": edit_boundary,
        "major_edit": edit_size.is_major(edit_iou, edit_boundary),
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
