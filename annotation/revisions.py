"""The one way in which masks, tracks and segments are written: append a revision, then move the head.

A stale write is kept beside the head, never in its place, and never dropped.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max

from annotation.errors import LeaseLost, Refused
from annotation.events import announce_change
from annotation.models import Guideline, Project, Proposal, Task, Write
from annotation.models.revision import Revision, Versioned
from annotation.version import TOOL_VERSION

R = TypeVar("R", bound=Revision)


@dataclass(frozen=True)
class Origin:
    """How a revision came about [A7]."""

    method: Revision.Method = Revision.Method.MANUAL
    engine: str = ""
    prompts: list[Any] = field(default_factory=list)
    proposal: Proposal | None = None
    seconds: float = 0.0

    def fields(self, project: Project) -> dict[str, Any]:
        """The columns of a revision that say where it comes from."""
        return {
            "method": self.method,
            "engine": self.engine,
            "prompts": self.prompts,
            "proposal": self.proposal,
            "seconds_spent": self.seconds,
            "tool_version": TOOL_VERSION,
            "taxonomy_version": project.taxonomy_version,
            "guideline_version": Guideline.objects.filter(project=project).aggregate(n=Max("number"))["n"] or 0,
        }


@dataclass(frozen=True)
class Saved(Generic[R]):
    """What a save did. When `theirs` is set someone else was first: `mine` was kept beside it."""

    mine: R
    version: int
    task_version: int
    theirs: R | None = None

    @property
    def stale(self) -> bool:
        return self.theirs is not None


def lock(task: Task, *, by: User) -> Task:
    """The task's row, locked for this transaction, when `by` may write to it now.

    Writes to one task queue here, so that a version is compared and moved without a gap. An annotator writes while
    the task is theirs; a reviewer, who is not its annotator, while it is in review.

    Raises:
        LeaseLost: the task is no longer in this person's hands.
    """
    held = Task.objects.select_for_update(of=("self",)).select_related("project", "clip").get(pk=task.pk)
    if held.is_editable and held.assignee_id == by.pk:
        return held
    if held.state == Task.State.SUBMITTED and held.assignee_id != by.pk:
        return held
    if held.assignee_id == by.pk:
        raise LeaseLost(f"Task {held.pk} is {held.get_state_display().lower()}; it can't be changed now.")
    raise LeaseLost(f"Task {held.pk} is no longer yours; your last strokes are kept in this browser.")


def touch(task: Task) -> int:
    """Count a change below the task and tell open pages; returns the task's new version."""
    task.version += 1
    task.save(update_fields=["version", "changed_at"])
    announce_change(project_id=task.project_id, kind="task", object_id=task.pk)
    return task.version


def append(*, thing: Versioned, revision: R, base_version: int, task: Task) -> Saved[R]:
    """Add `revision` (unsaved, its `of` and contents set) and move the head unless the base is stale.

    Args:
        thing: saved row, its task locked by `lock`.
        base_version: the version that the writer saw; 0 for a thing they believed to be new.
    """
    theirs = None if base_version == thing.version else thing.head  # type: ignore[attr-defined]
    revision.number = base_version + 1
    revision.stale = theirs is not None
    revision.save()
    if theirs is None:
        thing.version = revision.number
        thing.head = revision  # type: ignore[attr-defined]
        thing.save(update_fields=["version", "head"])  # type: ignore[misc]  # each concrete model has its own head
    return Saved(mine=revision, version=thing.version, task_version=touch(task), theirs=theirs)


def once(
    *,
    key: uuid.UUID,
    task: Task,
    by: User,
    request: dict[str, Any],
    do: Callable[[], tuple[int, dict[str, Any]]],
) -> tuple[int, dict[str, Any]]:
    """Carry out a client's write one time: a retry with the same key gets the answer of the first.

    `do` and the key are one transaction, so an answer that was given is a write that was kept.

    Raises:
        Refused: the key was used for a different request.
    """
    fingerprint = hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()
    with transaction.atomic():
        # Two deliveries of one write must meet here, not at the insert below. SQLite takes its write lock at BEGIN.
        Task.objects.select_for_update(of=("self",)).get(pk=task.pk)
        known = Write.objects.filter(pk=key).first()
        if known is not None:
            if known.fingerprint != fingerprint or known.task_id != task.pk or known.by_id != by.pk:
                raise Refused(f"Idempotency-Key {key} was used for another write; make a new one for each write.")
            return known.status, known.answer
        status, answer = do()
        Write.objects.create(
            key=key,
            task=task,
            by=by,
            fingerprint=fingerprint,
            status=status,
            answer=answer,
        )
        return status, answer
