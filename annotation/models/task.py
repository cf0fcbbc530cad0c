"""A task: human work on a range of frames of one clip, done by one person, held by lease."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import User
from django.db import models
from django.db.models.functions import Now

from annotation.models.clip import Clip
from annotation.models.project import Project


class TaskQuerySet(models.QuerySet["Task"]):
    def claimable_by(self, user: User) -> TaskQuerySet:
        """Open tasks, and those whose lease ran out, that this person may take.

        A second opinion on the same frames never goes to the person who did the first or another of them, nor the
        other way round.
        """
        free = models.Q(state=Task.State.OPEN) | models.Q(
            state=Task.State.IN_PROGRESS, leased_until__lt=Now(), assignee__isnull=False
        )
        mine_first = self.filter(free | models.Q(state=Task.State.SENT_BACK, assignee=user))
        beside = self.model.objects.filter(second_of=models.OuterRef("second_of"), assignee=user)
        mine_first = mine_first.exclude(second_of__assignee=user).exclude(seconds__assignee=user)
        return mine_first.exclude(models.Exists(beside.exclude(pk=models.OuterRef("pk")))).order_by("-priority", "id")

    def waiting_for(self, user: User) -> TaskQuerySet:
        """What this person has in hand: begun, or sent back to them."""
        return self.filter(assignee=user, state__in=[Task.State.IN_PROGRESS, Task.State.SENT_BACK])

    def primary(self) -> TaskQuerySet:
        """First tasks only: the ones whose annotations are delivered."""
        return self.filter(second_of__isnull=True)


class Task(models.Model):
    class State(models.TextChoices):
        OPEN = "open", "Open"
        IN_PROGRESS = "in_progress", "In progress"
        SUBMITTED = "submitted", "In review"
        SENT_BACK = "sent_back", "Sent back"
        ACCEPTED = "accepted", "Accepted"

    project = models.ForeignKey(Project, models.CASCADE, related_name="tasks")
    clip = models.ForeignKey(Clip, models.CASCADE, related_name="tasks")
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField(help_text="first frame after the task")
    frames = models.JSONField(
        default=list,
        help_text="frames that must be complete; the others may carry masks",
    )
    second_of = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="seconds")
    state = models.CharField(max_length=12, choices=State, default=State.OPEN)
    priority = models.SmallIntegerField(default=0)
    assignee = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="tasks")
    lease = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    comment = models.TextField(blank=True, help_text="why it was sent back, newest first")
    seconds_spent = models.FloatField(default=0.0)
    version = models.PositiveIntegerField(default=0, help_text="counts every change below the task")
    created_at = models.DateTimeField(auto_now_add=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    objects = TaskQuerySet.as_manager()

    class Meta:
        ordering = ["-priority", "id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(end__gt=models.F("start")), name="a_task_has_frames"),
            models.UniqueConstraint(
                fields=["clip", "start", "end"],
                condition=models.Q(second_of__isnull=True),
                name="frames_are_first_annotated_once",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "state", "-priority", "id"]),
            models.Index(fields=["assignee", "state"]),
            # How far a project is, without a look at the rows; what changed last; what has waited longest for review.
            models.Index(
                fields=["project", "state"], condition=models.Q(second_of__isnull=True), name="task_first_by_state"
            ),
            models.Index(fields=["project", "changed_at", "id"], name="task_lately"),
            models.Index(fields=["project", "submitted_at"], name="task_submitted"),
            models.Index(
                fields=["project", "submitted_at"], condition=models.Q(state="submitted"), name="task_in_review"
            ),
        ]

    def __str__(self) -> str:
        return f"task {self.pk}"

    @property
    def is_editable(self) -> bool:
        return self.state in {self.State.IN_PROGRESS, self.State.SENT_BACK}

    def new_lease(self) -> uuid.UUID:
        self.lease = uuid.uuid4()
        return self.lease
