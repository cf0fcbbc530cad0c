"""What a clip is worth as a whole, in parts; written by review/quality.py, read by lists, SQL and exports."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from annotation.models import Clip, Project


class ClipQuality(models.Model):
    """One number, 0-1, and what it is made of. A part is null where nothing is known of it, and then does not count."""

    PARTS: ClassVar = ("frames", "flags", "pose", "agreement", "coverage")

    clip = models.OneToOneField(Clip, models.CASCADE, primary_key=True, related_name="scored")
    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    score = models.FloatField(null=True, help_text="weighted mean of the parts that are known, 0-1")
    frames = models.FloatField(null=True, help_text="how good its frames are: blur, light, completeness, compression")
    flags = models.FloatField(null=True, help_text="open flags a minute by severity; 1 is none")
    pose = models.FloatField(null=True, help_text="mean confidence of keypoints")
    agreement = models.FloatField(null=True, help_text="share of frames on which masks, flow and depth agree")
    coverage = models.FloatField(null=True, help_text="share of the layers with an engine that are there")
    details = models.JSONField(default=dict, help_text="the measures behind each part, and why one is not known")
    stale = models.BooleanField(default=True, help_text="something has changed since")
    scored_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["clip"], condition=models.Q(stale=True), name="quality_stale")]

    def __str__(self) -> str:
        return f"quality of clip {self.clip_id}"
