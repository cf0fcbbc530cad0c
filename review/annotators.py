"""Each person's pace and quality in a project, and what is out of the ordinary. [R3]"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from django.db.models import Avg, Count, Exists, OuterRef, Q, Sum
from django.db.models.functions import Abs

from annotation import edit_size
from annotation.models import Mask, MaskRevision, Membership, Project, Segment, Task, Track
from annotation.models.revision import Revision
from review.models import Review

ALERT_MAJOR_EDITS = 0.40
ALERT_FIRST_PASS = 0.80
FAST, SLOW = 2.0, 0.5
# Below these counts a share or a pace says more about chance than about the person.
LEAST_COUNT = 5
LEAST_HOURS = 0.1


@dataclass(frozen=True)
class Person:
    """One member's figures; None where there is nothing to measure yet. Alerts are sentences.

    boundary_shift: mean distance of the ends of their segments from the proposals that these began from, seconds.
    """

    username: str
    role: str
    in_hand: int
    submitted: int
    accepted: int
    hours: float
    masks: int
    masks_per_hour: float | None
    seconds_per_mask: float | None
    proposals: int
    major_edits: float | None
    boundary_shift: float | None
    reviewed: int
    first_pass: float | None
    alerts: tuple[str, ...] = ()


def people(project: Project) -> list[Person]:
    """All members by name: seven queries however many people and masks there are."""
    tasks = {row["assignee"]: row for row in _tasks(project)}
    drawn = {row["head__author"]: row["drawn"] for row in _drawn(project)}
    spent = {row["author"]: row["spent"] for row in _spent(project)}
    taken = {row["task__assignee"]: row for row in _taken_over(project)}
    shifts = {row["task__assignee"]: row["shift"] for row in _shifts(project)}
    reviewed = {row["annotator"]: row for row in _first_verdicts(project)}
    members = Membership.objects.filter(project=project).select_related("user").order_by("user__username")
    found = [
        _person(
            member,
            tasks.get(member.user_id, {}),
            drawn.get(member.user_id, 0),
            spent.get(member.user_id) or 0.0,
            taken.get(member.user_id, {}),
            shifts.get(member.user_id),
            reviewed.get(member.user_id, {}),
        )
        for member in members
    ]
    return _with_alerts(found)


def _person(
    member: Membership,
    tasks: dict[str, Any],
    drawn: int,
    spent: float,
    taken: dict[str, Any],
    shift: float | None,
    reviewed: dict[str, Any],
) -> Person:
    hours = (tasks.get("worked") or 0.0) / 3600
    begun, verdicts = taken.get("begun", 0), reviewed.get("verdicts", 0)
    return Person(
        username=member.user.get_username(),
        role=member.role,
        in_hand=tasks.get("in_hand", 0),
        submitted=tasks.get("submitted", 0),
        accepted=tasks.get("accepted", 0),
        hours=hours,
        masks=drawn,
        masks_per_hour=drawn / hours if hours >= LEAST_HOURS else None,
        seconds_per_mask=spent / drawn if drawn and spent else None,
        proposals=begun,
        major_edits=taken["major"] / begun if begun else None,
        boundary_shift=shift,
        reviewed=verdicts,
        first_pass=reviewed["accepted"] / verdicts if verdicts else None,
    )


def _with_alerts(found: Sequence[Person]) -> list[Person]:
    paces = [person.masks_per_hour for person in found if person.masks_per_hour and person.masks >= LEAST_COUNT]
    # With two people the median lies between them, and neither could ever be twice as quick.
    usual = median(paces) if len(paces) >= 3 else None
    return [replace(person, alerts=tuple(_alerts(person, usual))) for person in found]


def _alerts(person: Person, usual: float | None) -> list[str]:
    alerts = []
    pace = person.masks_per_hour
    if usual and pace is not None and person.masks >= LEAST_COUNT and not SLOW * usual <= pace <= FAST * usual:
        alerts.append(f"{pace:.0f} masks an hour; the team's median is {usual:.0f}.")
    if person.major_edits is not None and person.proposals >= LEAST_COUNT and person.major_edits > ALERT_MAJOR_EDITS:
        alerts.append(f"{person.major_edits:.0%} of proposals needed major edits; {ALERT_MAJOR_EDITS:.0%} is usual.")
    if person.first_pass is not None and person.reviewed >= LEAST_COUNT and person.first_pass < ALERT_FIRST_PASS:
        alerts.append(f"{person.first_pass:.0%} accepted at the first review; {ALERT_FIRST_PASS:.0%} is expected.")
    return alerts


def _tasks(project: Project) -> Any:
    state = Task.State
    return (
        Task.objects.filter(project=project, assignee__isnull=False)
        .order_by()
        .values("assignee")
        .annotate(
            worked=Sum("seconds_spent"),
            in_hand=Count("pk", filter=Q(state__in=[state.IN_PROGRESS, state.SENT_BACK])),
            submitted=Count("pk", filter=Q(state=state.SUBMITTED)),
            accepted=Count("pk", filter=Q(state=state.ACCEPTED)),
        )
    )


def _drawn(project: Project) -> Any:
    """Masks by hand or with a model's help; a proposal taken over on hundreds of frames is one key, not work."""
    by_hand = Mask.objects.drawn().filter(task__project=project).filter(head__method__in=Revision.BY_HAND)
    return by_hand.order_by().values("head__author").annotate(drawn=Count("*"))


def _spent(project: Project) -> Any:
    written = MaskRevision.objects.filter(of__task__project=project).filter(method__in=Revision.BY_HAND)
    return written.order_by().values("author").annotate(spent=Sum("seconds_spent"))


def _taken_over(project: Project) -> Any:
    """Tracks that began from a proposal, and those of them with a mask that was mostly drawn anew (edit_size)."""
    masks = Mask.objects.filter(track=OuterRef("pk"), head__edit_iou__isnull=False)
    tracks = Track.objects.filter(task__project=project, head__deleted=False).annotate(
        from_proposal=Exists(masks), edited=Exists(masks.filter(edit_size.major("head__")))
    )
    begun = tracks.filter(from_proposal=True).order_by().values("task__assignee")
    return begun.annotate(begun=Count("*"), major=Count("pk", filter=Q(edited=True)))


def _shifts(project: Project) -> Any:
    """How far people moved the ends of proposed segments on the mean; those left as proposed count as 0."""
    began = Segment.objects.drawn().filter(task__project=project, head__start_shift__isnull=False)
    distance = (Abs("head__start_shift") + Abs("head__end_shift")) / 2
    return began.order_by().values("task__assignee").annotate(shift=Avg(distance))


def _first_verdicts(project: Project) -> Any:
    first = Review.objects.filter(project=project, number=1).order_by().values("annotator")
    return first.annotate(verdicts=Count("*"), accepted=Count("pk", filter=Q(verdict=Review.Verdict.ACCEPT)))
