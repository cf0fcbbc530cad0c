"""Settling a flag on a pose by interpolating the joints that it is about, and taking that back [V2]."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from annotation import history
from annotation.events import announce_change
from annotation.models import Clip
from annotation.spoken import frames_said
from enrichment import correcting
from enrichment.correcting import Proposed, Wanted
from enrichment.models import PoseCorrection
from review import quality
from review.errors import AlreadyDecided, NothingToMend, ReviewRefused
from review.flags import already, held
from review.models import Flag

State = Flag.State


def wanted(flag: Flag) -> Wanted | None:
    """What would be interpolated to settle a flag; None where the flag is not about the joints of one person."""
    tracks, keypoints = flag.evidence.get("tracks"), flag.evidence.get("keypoints")
    if flag.task_id is not None or not keypoints or len(tracks or ()) != 1:
        return None
    return Wanted(flag.clip, int(tracks[0]), tuple(str(each) for each in keypoints), flag.start, flag.end)


def propose(flag: Flag) -> Proposed:
    """What interpolating would give, for a person to look at before they accept it; nothing is written.

    Raises:
        NothingToMend: see `wanted`.
        CorrectionRefused: it cannot be interpolated; the sentence says why.
    """
    asked = wanted(flag)
    if asked is None:
        raise NothingToMend(f"Flag {flag.pk} is not about the joints of one person; there is nothing to interpolate.")
    return correcting.propose(asked)


@transaction.atomic
def accept(*, flag: Flag, by: User, tell: bool = True) -> Flag:
    """Interpolate what a flag is about, and close it as fixed; the layers that read the pose are computed again.

    Raises:
        AlreadyDecided: the flag is neither open nor sent back.
        NothingToMend, CorrectionRefused: see `propose`.
    """
    # Before the flag, in the order in which the check that is computed next takes them.
    Clip.objects.select_for_update(of=("self",)).get(pk=flag.clip_id)
    locked = held(flag)
    if locked.state not in {State.OPEN, State.SENT_BACK}:
        raise AlreadyDecided(already(locked))
    asked = wanted(locked)
    if asked is None:
        raise NothingToMend(f"Flag {flag.pk} is not about the joints of one person; there is nothing to interpolate.")
    made = correcting.correct(wanted=asked, by=by, because=locked.reason, tell=tell)
    locked.before_correction = _decided(locked)
    locked.correction, locked.decision = made, sentence(made)
    locked.state, locked.decided_by, locked.decided_at = State.FIXED, by, timezone.now()
    _save(locked, by, "fixed")
    return locked


@transaction.atomic
def undo(*, flag: Flag, by: User, tell: bool = True) -> Flag:
    """Take the interpolation back: results of layers are as they were, and so is the flag unless it was decided since.

    Raises:
        ReviewRefused: nothing was interpolated for this flag, or it was taken back already.
    """
    locked = held(flag)
    made = locked.correction
    if made is None or made.undone_at is not None:
        raise ReviewRefused(f"No joints are interpolated because of flag {flag.pk}; there is nothing to take back.")
    correcting.undo(correction=made, by=by, tell=tell)
    was_open = locked.is_open
    if not _decided_after(locked, made):
        _restore(locked, locked.before_correction or {})
    _save(locked, by, "opened again" if locked.is_open and not was_open else "took back the interpolation of")
    return locked


def sentence(made: PoseCorrection) -> str:
    """What was done, for the flag's page."""
    joints = " and ".join(each.replace("_", " ") for each in made.keypoints)
    where = frames_said(made.start, made.end)
    return f"Interpolated the {joints} of track {made.track} on {where} ({made.method}, {_mark(made)}"


def _mark(made: PoseCorrection) -> str:
    """How the sentence of a correction ends, and that of no other one."""
    return f"correction {made.pk})."


def _decided_after(flag: Flag, made: PoseCorrection) -> bool:
    """Whether a person has decided on a flag since, as its check had opened it again: that stands."""
    if flag.state == State.FIXED:
        return not flag.decision.endswith(_mark(made))
    return flag.state in {State.DISMISSED, State.SENT_BACK}


def _decided(flag: Flag) -> dict[str, Any]:
    """What has been decided on a flag, as plain values."""
    at = flag.decided_at.isoformat() if flag.decided_at else None
    return {"state": flag.state, "by": flag.decided_by_id, "at": at, "decision": flag.decision}


def _restore(flag: Flag, before: Mapping[str, Any]) -> None:
    """Undo `_decided`; a person who is gone meanwhile is nobody."""
    flag.state = State(before.get("state", State.OPEN))
    flag.decided_by = User.objects.filter(pk=before.get("by") or 0).first()
    flag.decided_at = datetime.fromisoformat(before["at"]) if before.get("at") else None
    flag.decision, flag.before_correction = before.get("decision", ""), None


def _save(flag: Flag, by: User, verb: str) -> None:
    flag.save(update_fields=["state", "decided_by", "decided_at", "decision", "correction", "before_correction"])
    history.record(project=flag.project, actor=by, verb=verb, subject=flag, correction=flag.correction_id)
    quality.mark(flag.clip_id)
    announce_change(project_id=flag.project_id, kind="flag", object_id=flag.pk)
