"""Which annotations are delivered: by review status, label and clip [D5]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from annotation.models import Clip, Label, Project, Task
from delivery.errors import BadRequest

State = Task.State
# What each review status lets through. "submitted" is what annotators call done, accepted or not yet.
STATES: dict[str, tuple[Task.State, ...]] = {
    "accepted": (State.ACCEPTED,),
    "submitted": (State.SUBMITTED, State.ACCEPTED),
    "any": tuple(State),
}
# The states in which an annotator vouches for every frame of the task.
VOUCHED = {State.SUBMITTED, State.ACCEPTED}
DEFAULT_STATUS = "accepted"


@dataclass(frozen=True)
class Filters:
    """Empty labels or clips mean all of them."""

    review_status: str = DEFAULT_STATUS
    labels: tuple[str, ...] = ()
    clips: tuple[int, ...] = ()

    @property
    def states(self) -> tuple[Task.State, ...]:
        return STATES[self.review_status]

    def as_dict(self) -> dict[str, Any]:
        return {"review_status": self.review_status, "labels": list(self.labels), "clips": list(self.clips)}


def parse(raw: Mapping[str, Any], *, project: Project) -> Filters:
    """Filters from a request.

    Args:
        raw: `review_status` (accepted, submitted or any), `labels` (keys), `clips` (ids); each may be left out.
        project: where the labels and clips must be from.

    Raises:
        BadRequest: an unknown filter, status, label or clip; the sentence names it.
    """
    if unknown := sorted(set(raw) - {"review_status", "labels", "clips"}):
        raise BadRequest(f"There is no filter {', '.join(unknown)}; the filters are review_status, labels and clips.")
    status = raw.get("review_status") or DEFAULT_STATUS
    if status not in STATES:
        raise BadRequest(f"The review status {status!r} is none of {', '.join(STATES)}.")
    labels, clips = raw.get("labels") or [], raw.get("clips") or []
    if not isinstance(labels, list | tuple) or not all(isinstance(label, str) for label in labels):
        raise BadRequest("labels must be a list of label keys.")
    if not isinstance(clips, list | tuple) or not all(type(clip) is int for clip in clips):
        raise BadRequest("clips must be a list of clip numbers.")
    known = set(Label.objects.filter(project=project).values_list("key", flat=True))
    if missing := sorted(set(labels) - known):
        raise BadRequest(f"{project.name} has no label {', '.join(missing)}; it has {', '.join(sorted(known))}.")
    there = set(Clip.objects.filter(project=project, pk__in=clips).values_list("pk", flat=True))
    if gone := sorted(set(clips) - there):
        raise BadRequest(f"{project.name} has no clip {', '.join(map(str, gone))}.")
    return Filters(status, tuple(sorted(set(labels))), tuple(sorted(there)))
