"""A clip: one video with its untouched source and its frame index, both on disk in the clip folder."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models

from annotation.models.project import Project

# Before any other, as a list of the worst clips would have it; a null could not be sorted by.
NOT_SCORED = -1.0


class ClipQuerySet(models.QuerySet["Clip"]):
    def of(self, project: Project) -> ClipQuerySet:
        return self.filter(project=project)

    def matching(self, words: str) -> ClipQuerySet:
        """Clips whose name or scene contains every word; PostgreSQL finds them by trigrams (migration 0009)."""
        found = self
        for word in words.split():
            found = found.filter(models.Q(name__icontains=word) | models.Q(scene__icontains=word))
        return found


class Clip(models.Model):
    project = models.ForeignKey(Project, models.CASCADE, related_name="clips")
    name = models.CharField(max_length=200)
    # ---- the source, as it came
    source_name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField(help_text="bytes")
    container = models.CharField(max_length=20)
    codec = models.CharField(max_length=20)
    # ---- the frames, as they are shown (after rotation)
    width = models.PositiveIntegerField(help_text="px")
    height = models.PositiveIntegerField(help_text="px")
    rotation = models.PositiveSmallIntegerField(default=0, help_text="degrees clockwise, already applied to frames")
    frame_count = models.PositiveIntegerField()
    duration = models.FloatField(help_text="s")
    fps = models.FloatField(help_text="nominal frames per second")
    variable_rate = models.BooleanField(default=False)
    timestamps_synthesised = models.BooleanField(default=False)
    keyframes = models.JSONField(default=list, help_text="frame numbers worth looking at, ascending")
    # ---- where it comes from [I4]
    scene = models.CharField(max_length=120, blank=True)
    environment = models.CharField(max_length=120, blank=True)
    device = models.CharField(max_length=120, blank=True)
    session = models.CharField(max_length=120, blank=True)
    site = models.CharField(max_length=120, blank=True, help_text="city level, never an address")
    contributor = models.JSONField(default=dict, blank=True, help_text="age range, handedness")
    licence = models.CharField(max_length=120, blank=True)
    consent = models.CharField(max_length=120, blank=True)
    # ---- what came of it; written by the app review, and here because lists are sorted by it
    quality = models.FloatField(default=NOT_SCORED, help_text="composite, 0-1; -1 while it is not scored")
    added_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

    objects = ClipQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "sha256"], name="a_file_is_one_clip_in_a_project"),
            models.CheckConstraint(condition=models.Q(frame_count__gt=0), name="a_clip_has_frames"),
        ]
        indexes = [
            models.Index(fields=["project", "-id"]),
            models.Index(fields=["project", "scene"]),
            models.Index(fields=["project", "name", "id"], name="clip_by_name"),
            models.Index(fields=["project", "quality", "id"], name="clip_quality"),
            # What is to be scored yet is found without a look at the others.
            models.Index(fields=["id"], condition=models.Q(quality__lt=0), name="clip_not_scored"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def folder_name(self) -> str:
        """The name that the clip's folder has on disk and in a delivery."""
        return f"clip_{self.pk:08d}"

    @property
    def folder(self) -> Path:
        return settings.CLIPS_DIR / self.folder_name
