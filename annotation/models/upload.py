"""A file on its way in: received piece by piece, then inspected, then a clip or a refusal."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models

from annotation.models.clip import Clip
from annotation.models.project import Project


class Upload(models.Model):
    class State(models.TextChoices):
        RECEIVING = "receiving", "Receiving"
        WAITING = "waiting", "Waiting for inspection"
        INSPECTING = "inspecting", "Inspecting"
        DONE = "done", "Done"
        DUPLICATE = "duplicate", "Already here"
        REFUSED = "refused", "Refused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="uploads")
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    name = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField(help_text="bytes")
    offset = models.PositiveBigIntegerField(default=0, help_text="bytes received and on disk")
    about = models.JSONField(default=dict, help_text="scene, environment, … for the clip to be")
    state = models.CharField(max_length=10, choices=State, default=State.RECEIVING)
    progress = models.FloatField(default=0.0, help_text="0-1 of the inspection")
    reason = models.TextField(blank=True)
    clip = models.ForeignKey(Clip, models.SET_NULL, null=True, blank=True, related_name="uploads")
    leased_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["state", "changed_at"])]

    def __str__(self) -> str:
        return f"{self.name} ({self.state})"

    @property
    def path(self) -> Path:
        """Where the bytes received so far lie."""
        return settings.UPLOADS_DIR / str(self.pk)
