"""The JSON forms of flags, verdicts and agreement, in one place for every route that answers with them."""

from __future__ import annotations

from typing import Any

from enrichment.correcting import Proposed, drawn
from enrichment.engines.gap_filling import NAME as METHOD
from enrichment.models import PoseCorrection
from review.interpolating import wanted
from review.models import Agreement, Flag, Review


def flag_facts(flag: Flag) -> dict[str, Any]:
    """A flag in a list: without its evidence, which can be large."""
    return {
        "id": flag.pk,
        "check": flag.check_name,
        "clip": {"id": flag.clip_id, "name": flag.clip.name},
        "task": flag.task_id,
        "start": flag.start,
        "end": flag.end,
        "severity": flag.severity,
        "reason": flag.reason,
        "state": flag.state,
        "created_at": flag.created_at,
        "decided_by": flag.decided_by.get_username() if flag.decided_by else None,
        "decided_at": flag.decided_at,
        "decision": flag.decision,
    }


def flag_body(flag: Flag) -> dict[str, Any]:
    more = {"correction": _correction(flag.correction), "can_interpolate": wanted(flag) is not None}
    return flag_facts(flag) | {"project": flag.project.slug, "evidence": flag.evidence, **more}


def proposed_path(flag: Flag, found: Proposed) -> dict[str, Any]:
    """What interpolating would give: pixels of the picture, by joint."""
    return {"flag": flag.pk, "start": flag.start, "end": flag.end, "method": METHOD, "paths": drawn(found.paths)}


def _correction(made: PoseCorrection | None) -> dict[str, Any] | None:
    if made is None:
        return None
    return {
        "id": made.pk,
        "method": made.method,
        "track": made.track,
        "keypoints": made.keypoints,
        "start": made.start,
        "end": made.end,
        "by": made.by.get_username() if made.by else None,
        "at": made.at,
        "undone_by": made.undone_by.get_username() if made.undone_by else None,
        "undone_at": made.undone_at,
    }


def review_body(review: Review) -> dict[str, Any]:
    return {
        "task": review.task_id,
        "state": review.task.state,
        "verdict": review.verdict,
        "comment": review.comment,
        "number": review.number,
        "by": review.by.get_username() if review.by else None,
        "at": review.at,
    }


def agreement_body(found: Agreement) -> dict[str, Any]:
    return {
        "task": found.task_id,
        "second": found.second_id,
        "annotators": [one.assignee.get_username() if one.assignee else None for one in (found.task, found.second)],
        "computed_at": found.computed_at,
        "mean_iou": found.mean_iou,
        "boundary_px": found.boundary_px,
        "labels": [
            {
                "label": row.label.key,
                "colour": row.label.colour,
                "iou": row.iou,
                "target": row.label.iou_target,
                "boundary_px": row.boundary_px,
                "masks": row.masks,
                "matched": row.matched,
                "low": row.low,
                "confused": row.confused,
            }
            for row in found.labels.all()
        ],
        "segments": {
            "temporal_iou": found.temporal_iou,
            "boundary_error_s": found.boundary_error_s,
            "f1": found.segment_f1,
            "kappa": found.kappa,
            "pairs": found.segments,
        },
        "frames": found.frames,
    }
