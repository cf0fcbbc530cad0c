"""What pages need to remember: news where there is no Redis to carry it, who is where, each person's keys and ways."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from annotation.models import Project, Task


class Pulse(models.Model):
    """The last time that a thing changed. Upserted, so the table is as long as the list of things, not of changes."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20)
    object_id = models.CharField(max_length=40)
    beat = models.CharField(max_length=32, help_text="another one for every change")
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "kind", "object_id"], name="a_thing_has_one_pulse"),
        ]
        indexes = [models.Index(fields=["changed_at"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"


class Presence(models.Model):
    """A page on which somebody has a task open. A row that was not renewed for a while is of a page that died."""

    connection = models.CharField(max_length=128, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    task = models.ForeignKey(Task, models.CASCADE, related_name="+")
    since = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["seen_at"])]

    def __str__(self) -> str:
        return f"{self.user} in task {self.task_id}"


class KeyBindings(models.Model):
    """The keys that a person has changed; all others are as they come."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    keys = models.JSONField(default=dict, help_text="command id: the chords that call it")
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"Keys of {self.user}"


class Preferences(models.Model):
    """How a person likes to work; what they never chose is as it comes."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    threshold = models.FloatField(null=True, help_text="confidence from which proposals are shown, 0-1")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(threshold__isnull=True) | models.Q(threshold__gte=0, threshold__lte=1),
                name="a_threshold_is_a_confidence",
            ),
        ]

    def __str__(self) -> str:
        return f"Preferences of {self.user}"
