"""A track: one object through the frames of a task. Its masks lie in annotation/models/mask.py."""

from __future__ import annotations

from django.db import models

from annotation.models.revision import Revision, Versioned
from annotation.models.task import Task
from annotation.models.taxonomy import Label


class Track(Versioned):
    task = models.ForeignKey(Task, models.CASCADE, related_name="tracks")
    number = models.PositiveIntegerField(help_text="what people call it; unique in the task")
    head = models.ForeignKey("TrackRevision", models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["task", "number"], name="a_track_number_is_unique_in_a_task")]

    def __str__(self) -> str:
        return f"track {self.number}"


class TrackRevision(Revision):
    of = models.ForeignKey(Track, models.CASCADE, related_name="revisions")
    label = models.ForeignKey(Label, models.PROTECT, related_name="+")
    z_order = models.IntegerField(default=0, help_text="higher lies in front")

    def __str__(self) -> str:
        return f"{self.of} r{self.number}"
