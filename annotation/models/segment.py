"""An action segment: what is being done from one frame to another, in words."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from annotation.models.revision import Revision, Versioned
from annotation.models.task import Task
from annotation.models.taxonomy import ActionClass, Phase
from annotation.models.track import Track


class SegmentQuerySet(models.QuerySet["Segment"]):
    def drawn(self) -> SegmentQuerySet:
        return self.filter(head__deleted=False)


class Segment(Versioned):
    task = models.ForeignKey(Task, models.CASCADE, related_name="segments")
    head = models.ForeignKey("SegmentRevision", models.PROTECT, null=True, related_name="+")

    objects = SegmentQuerySet.as_manager()

    class Meta:
        ordering = ["head__start", "id"]

    def __str__(self) -> str:
        return f"segment {self.pk}"


class SegmentRevision(Revision):
    class Level(models.TextChoices):
        TASK = "task", "Task"
        PRIMITIVE = "primitive", "Primitive"

    class Outcome(models.TextChoices):
        SUCCESS = "success", "Success"
        FAILURE = "failure", "Failure"
        RECOVERY = "recovery", "Recovery"

    class Side(models.TextChoices):
        LEFT = "left", "Left"
        RIGHT = "right", "Right"
        BOTH = "both", "Both"

    of = models.ForeignKey(Segment, models.CASCADE, related_name="revisions")
    level = models.CharField(max_length=10, choices=Level, default=Level.PRIMITIVE)
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField(help_text="first frame after the segment")
    action = models.ForeignKey(ActionClass, models.PROTECT, null=True, blank=True, related_name="+")
    phase = models.ForeignKey(Phase, models.PROTECT, null=True, blank=True, related_name="+")
    object = models.ForeignKey(
        Track, models.SET_NULL, null=True, blank=True, related_name="+", help_text="the mask track of what is acted on"
    )
    object_name = models.CharField(max_length=80, blank=True, help_text="what people call it, such as red block")
    hand = models.ForeignKey(
        Track, models.SET_NULL, null=True, blank=True, related_name="+", help_text="the mask track of what acts"
    )
    hand_side = models.CharField(max_length=5, choices=Side, blank=True)
    outcome = models.CharField(max_length=8, choices=Outcome, blank=True)
    instructions = models.JSONField(default=list, help_text="at least three different sentences for one segment")
    confidence = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="0-1",
    )
    start_shift = models.FloatField(null=True, blank=True, help_text="seconds the start moved from the proposal's")
    end_shift = models.FloatField(null=True, blank=True, help_text="seconds the end moved from the proposal's")

    class Meta(Revision.Meta):
        constraints = [
            models.CheckConstraint(
                condition=models.Q(end__gt=models.F("start")),
                name="a_segment_has_frames",
            )
        ]

    def __str__(self) -> str:
        return f"{self.of} r{self.number}"
