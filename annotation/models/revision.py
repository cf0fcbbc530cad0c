"""What masks, tracks and segments share: a head, a version, and revisions that are only ever added."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.auth.models import User
from django.db import models

from annotation.models.task import Task


class Versioned(models.Model):
    """A thing whose state is its head revision. `version` is what If-Match names; 0 means never saved."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    version = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True


class Revision(models.Model):
    """One saved state and where it comes from [A7]. Rows are added, never changed."""

    class Method(models.TextChoices):
        MANUAL = "manual", "Manual"
        ASSISTED = "assisted", "Model-assisted"
        AUTO = "auto", "Automatic"
        PROPAGATED = "propagated", "Propagated"
        INTERPOLATED = "interpolated", "Interpolated"

    BY_HAND: ClassVar = frozenset({Method.MANUAL, Method.ASSISTED})

    number = models.PositiveIntegerField(help_text="the version this made, or would have made")
    stale = models.BooleanField(default=False, help_text="kept, but someone else's revision was first")
    deleted = models.BooleanField(default=False)
    author = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    method = models.CharField(max_length=12, choices=Method, default=Method.MANUAL)
    engine = models.CharField(max_length=80, blank=True, help_text="the engine and version that proposed it")
    prompts = models.JSONField(default=list, blank=True)
    proposal = models.ForeignKey("annotation.Proposal", models.SET_NULL, null=True, blank=True, related_name="+")
    tool_version = models.CharField(max_length=20)
    guideline_version = models.PositiveIntegerField(default=0)
    taxonomy_version = models.PositiveIntegerField(default=0)
    seconds_spent = models.FloatField(default=0.0)

    class Meta:
        abstract = True
        ordering = ["number", "id"]


class Write(models.Model):
    """A client write that was acknowledged: the key that makes a retry harmless, with the answer it got."""

    key = models.UUIDField(primary_key=True)
    task = models.ForeignKey(Task, models.CASCADE, related_name="writes")
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    fingerprint = models.CharField(
        max_length=64,
        help_text="SHA-256 of the request, so that a key is not used twice",
    )
    status = models.PositiveSmallIntegerField()
    answer = models.JSONField()
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return str(self.key)
