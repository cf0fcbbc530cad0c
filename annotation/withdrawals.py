"""Taking a decision on a proposal back, and taking it again: undo and redo.

The decision's row stays and says "undecided", so that deciding again finds what was made the first time: with the same
ids, later edits of it can be done again too.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from annotation import segments, tracks
from annotation.errors import Refused
from annotation.models import Decision, MaskRevision, Proposal, SegmentRevision, Task, TrackRevision
from annotation.models.revision import Revision
from annotation.revisions import Origin, lock, touch


@transaction.atomic
def withdraw(*, task: Task, proposals: Sequence[Proposal], by: User) -> list[uuid.UUID]:
    """Leave proposals undecided again and erase what was made of them; returns the ids of what was erased.

    Raises:
        Refused: somebody else has since worked on what was made.
        LeaseLost: the task is not in this person's hands.
    """
    task = lock(task, by=by)
    erased = []
    for decision in _decisions(task, proposals):
        if decision.verdict in (Decision.Verdict.ACCEPTED, Decision.Verdict.ADJUSTED):
            _refuse_if_others_worked_on(decision, by)
            erased += _set_deleted(decision, deleted=True, by=by)
    _decisions(task, proposals).update(verdict=Decision.Verdict.UNDECIDED)
    touch(task)
    return erased


def revive(*, task: Task, proposal: Proposal, by: User, label: str) -> list[uuid.UUID]:
    """Bring back what was made of a proposal whose decision was withdrawn; returns its ids, if there is any."""
    decision = _decisions(task, [proposal]).filter(verdict=Decision.Verdict.UNDECIDED).first()
    if decision is None:
        return []
    _set_deleted(decision, deleted=False, by=by, label=label)
    made = [thing.pk for thing in (decision.track, decision.segment) if thing is not None]
    if decision.track is not None:
        _decisions(task, [proposal]).update(verdict=Decision.Verdict.ACCEPTED, by=by)
    return made


def _decisions(task: Task, proposals: Sequence[Proposal]) -> QuerySet[Decision]:
    things = ("track__head__label", "track__task", "segment__head__action", "segment__head__phase", "segment__task")
    return Decision.objects.filter(task=task, proposal__in=proposals).select_related(*things)


def _refuse_if_others_worked_on(decision: Decision, by: User) -> None:
    revisions: list[QuerySet[Any]] = []
    if decision.track is not None:
        revisions = [
            TrackRevision.objects.filter(of=decision.track),
            MaskRevision.objects.filter(of__track=decision.track),
        ]
    elif decision.segment is not None:
        revisions = [SegmentRevision.objects.filter(of=decision.segment)]
    for written in revisions:
        other = written.filter(stale=False).exclude(author=by).select_related("author").first()
        if other is not None:
            what = f"object {decision.track.number}" if decision.track else "the segment"
            raise Refused(
                f"{other.author.get_username()} has worked on {what} since; delete it by hand if it is to go."
            )


def _set_deleted(decision: Decision, *, deleted: bool, by: User, label: str = "") -> list[uuid.UUID]:
    """Erase or bring back what the decision made, as it was; the ids of what changed."""
    changed = []
    track, segment = decision.track, decision.segment
    if track is not None and track.head is not None and track.head.deleted != deleted:
        tracks.save(
            task=track.task,
            id=track.pk,
            base_version=track.version,
            by=by,
            label=label or track.head.label.key,
            z_order=track.head.z_order,
            deleted=deleted,
            origin=_origin(track.head, decision.proposal),
        )
        changed.append(track.pk)
    if segment is not None and segment.head is not None and segment.head.deleted != deleted:
        content = segments.content_of(segment.head)
        segments.save(
            task=segment.task,
            id=segment.pk,
            base_version=segment.version,
            by=by,
            deleted=deleted,
            origin=_origin(segment.head, decision.proposal),
            **(content | ({"action": label} if label else {})),
        )
        changed.append(segment.pk)
    return changed


def _origin(head: Revision, proposal: Proposal) -> Origin:
    return Origin(method=Revision.Method(head.method), engine=head.engine, proposal=proposal)
