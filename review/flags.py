"""Flags: what checks found, kept until a person has decided on it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from annotation import history
from annotation.errors import CommentMissing
from annotation.events import announce_change
from annotation.models import Clip, Task
from annotation.spoken import frames_said
from review import quality, reviews
from review.errors import AlreadyDecided, ReviewRefused
from review.models import Flag

State = Flag.State
VERDICTS = (State.FIXED, State.DISMISSED, State.SENT_BACK)
# Evidence that names what a finding is about; the rest (vectors, series) changes with the engine's rounding.
SUBJECTS = ("track", "track_id", "track_ids", "tracks", "segment", "segment_id", "segments")


@transaction.atomic
def record(*, clip: Clip, task: Task | None, check: str, findings: Sequence[Mapping[str, Any]]) -> list[Flag]:
    """Take in all that a check found on a clip's proposals (task None) or on a task's work; returns what is open.

    Safe to run again: what is found again stays the flag that it was, what is no longer found is closed. A flag that
    was decided stays decided, unless the annotator has submitted the work again since: then the fault is still in it.

    Args:
        findings: each with start, end (frames, half-open), severity 1-3, reason and evidence.

    Raises:
        ReviewRefused: a finding that is not one.
    """
    # Two runs of one check on one clip wait for each other here.
    Clip.objects.select_for_update(of=("self",)).get(pk=clip.pk)
    known = {flag.fingerprint: flag for flag in _said(clip, task, check)}
    found = {flag.fingerprint: flag for flag in (_flag(clip, task, check, finding) for finding in findings)}
    new = Flag.objects.bulk_create([flag for key, flag in found.items() if key not in known])
    again = [flag for key, flag in known.items() if key in found and _opens_again(flag, task)]
    gone = [flag for key, flag in known.items() if key not in found and flag.is_open]
    Flag.objects.filter(pk__in=[flag.pk for flag in again]).update(
        state=State.OPEN, decided_by=None, decided_at=None, decision=""
    )
    Flag.objects.filter(pk__in=[flag.pk for flag in gone]).update(state=State.GONE)
    if new or again or gone:
        subject = task or clip
        counts = {"found": len(new), "again": len(again), "gone": len(gone)}
        history.record(project=clip.project, actor=None, verb="checked", subject=subject, check=check, **counts)
        quality.mark(clip.pk)
        for flag in [*new, *again, *gone]:
            announce_change(project_id=clip.project_id, kind="flag", object_id=flag.pk)
    return list(_said(clip, task, check).open().order_by("start", "pk"))


@transaction.atomic
def decide(*, flag: Flag, verdict: str, by: User, reason: str = "") -> Flag:
    """Close a flag: fixed, dismissed with a reason, or sent back to the annotator with what is to be mended.

    Raises:
        CommentMissing: a verdict that needs a reason, without one.
        ReviewRefused: an unknown verdict, or no submitted work that could be sent back.
        AlreadyDecided: the flag is no longer open.
    """
    reason = reason.strip()
    if verdict not in VERDICTS:
        raise ReviewRefused(f"{verdict!r} is no decision on a flag; choose one of {', '.join(VERDICTS)}.")
    if verdict == State.DISMISSED and not reason:
        raise CommentMissing("Say why the flag is dismissed; the next reviewer will ask.")
    if verdict == State.SENT_BACK and not reason:
        raise CommentMissing("Say what is to be mended; work is not sent back without a comment.")
    locked = held(flag)
    if not locked.is_open:
        raise AlreadyDecided(already(locked))
    if verdict == State.SENT_BACK:
        _send_back(locked, by=by, reason=reason)
    locked.state, locked.decided_by, locked.decided_at, locked.decision = State(verdict), by, timezone.now(), reason
    locked.save(update_fields=["state", "decided_by", "decided_at", "decision"])
    history.record(project=locked.project, actor=by, verb=locked.get_state_display().lower(), subject=locked)
    quality.mark(locked.clip_id)
    announce_change(project_id=locked.project_id, kind="flag", object_id=locked.pk)
    return locked


def held(flag: Flag) -> Flag:
    """The flag as it stands, which nobody else decides on until the transaction ends."""
    return Flag.objects.select_for_update(of=("self",)).select_related("project", "clip", "task").get(pk=flag.pk)


def already(flag: Flag) -> str:
    """Why there is nothing to decide on a flag any more."""
    if flag.state == State.GONE:
        return f"Flag {flag.pk} is no longer found by its check; there is nothing left to decide."
    who = flag.decided_by.get_username() if flag.decided_by else "someone"
    return f"{who} was first: flag {flag.pk} is {flag.get_state_display().lower()}."


def fingerprint(*, clip: int, task: int | None, check: str, finding: Mapping[str, Any]) -> str:
    """What makes a finding the same one: where, which things, and the numbers in its sentence."""
    evidence = finding.get("evidence") or {}
    said = {
        "clip": clip,
        "task": task,
        "check": check,
        "start": finding["start"],
        "end": finding["end"],
        "reason": finding["reason"],
        "about": {name: evidence[name] for name in SUBJECTS if name in evidence},
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _said(clip: Clip, task: Task | None, check: str) -> Any:
    return Flag.objects.at(clip=clip.pk, task=task.pk if task else None, check=check)


def _opens_again(flag: Flag, task: Task | None) -> bool:
    if flag.state == State.GONE:
        return True
    if flag.state == State.FIXED and flag.correction is not None and flag.correction.undone_at is None:
        return True  # what was interpolated is not in the pose any more, or did not help
    if flag.state not in {State.FIXED, State.SENT_BACK} or task is None or flag.decided_at is None:
        return False
    return task.submitted_at is not None and task.submitted_at > flag.decided_at


def _flag(clip: Clip, task: Task | None, check: str, finding: Mapping[str, Any]) -> Flag:
    start, end = finding.get("start"), finding.get("end")
    severity, reason = finding.get("severity"), finding.get("reason")
    if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= clip.frame_count):
        raise ReviewRefused(f"A finding of {check} has frames {start} to {end}; {clip.name} has {clip.frame_count}.")
    if severity not in Flag.Severity.values or not isinstance(reason, str) or not reason.strip():
        raise ReviewRefused(f"A finding of {check} has severity {severity!r} and reason {reason!r}; both are needed.")
    return Flag(
        project_id=clip.project_id,
        clip=clip,
        task=task,
        check_name=check,
        start=start,
        end=end,
        severity=severity,
        reason=reason.strip()[:500],
        **_figures(finding.get("evidence") or {}),
        evidence=_plain(finding.get("evidence") or {}),
        fingerprint=fingerprint(clip=clip.pk, task=task.pk if task else None, check=check, finding=finding),
    )


def _figures(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """What statistics ask for."""
    measure = evidence.get("measure")
    known = isinstance(measure, int | float) and not isinstance(measure, bool) and math.isfinite(measure)
    return {
        "kind": str(evidence.get("kind", ""))[:40],
        "label": str(evidence.get("label", ""))[:120],
        "measure": float(measure) if known and measure is not None else None,
    }


def _plain(value: Any) -> Any:
    """What JSON can hold: PostgreSQL refuses NaN and infinity, which a series with gaps is full of."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _send_back(flag: Flag, *, by: User, reason: str) -> None:
    where = frames_said(flag.start, flag.end)
    comment = f"{reason} ({where}: {flag.reason})"
    reviewable = [Task.State.SUBMITTED, Task.State.ACCEPTED]
    touched = Q(pk=flag.task_id) if flag.task_id else Q(clip=flag.clip_id, start__lt=flag.end, end__gt=flag.start)
    tasks = Task.objects.filter(touched).order_by(F("second_of").asc(nulls_first=True), "start")
    # Doubts about proposals go to whoever worked on these frames first.
    chosen = tasks.filter(state__in=reviewable).first() or tasks.filter(state=Task.State.SENT_BACK).first()
    if chosen is None:
        raise ReviewRefused(f"Nobody has submitted work on {where} of {flag.clip.name}, so there is none to send back.")
    if chosen.state == Task.State.SENT_BACK:
        reviews.add_comment(task=chosen, by=by, comment=comment)
    else:
        reviews.send_back(task=chosen, by=by, comment=comment)
