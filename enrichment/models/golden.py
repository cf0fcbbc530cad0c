"""The golden set: clips whose answer is known, and what each version of a layer made of them."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import models

from annotation.models import Clip


class GoldenClip(models.Model):
    """A clip with a known answer: a rendered scene, or one whose accepted annotations are taken for the truth."""

    clip = models.OneToOneField(Clip, models.CASCADE, related_name="golden")
    seed = models.PositiveIntegerField(null=True, blank=True, help_text="of the rendered scene; empty for footage")
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"golden clip {self.clip_id}"


class GoldenResult(models.Model):
    """What one version of a layer (engine, parameters, code) scored on the golden set, and whether it may be used."""

    class Verdict(models.TextChoices):
        ACCEPTED = "accepted", "Accepted"
        REFUSED = "refused", "Refused"

    layer = models.CharField(max_length=40)
    pipeline = models.CharField(
        max_length=64, help_text="SHA-256 of what identifies the version, see versions.identity"
    )
    engine = models.CharField(max_length=400, help_text="for people")
    figures = models.JSONField(help_text="mean over the golden clips, by name")
    clips = models.PositiveIntegerField()
    by_clip = models.JSONField(
        default=dict, help_text='{clip: {"answer": SHA-256 of what was compared with, "figures": {name: value}}}'
    )
    compared = models.JSONField(
        default=dict, help_text="{name: [mean now, mean as accepted]} over the clips and answers that both had"
    )
    verdict = models.CharField(max_length=8, choices=Verdict)
    reason = models.TextField(blank=True, help_text="which figures became worse, and by how much")
    before = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="+")
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["layer", "pipeline"])]

    def __str__(self) -> str:
        return f"{self.layer} by {self.engine}: {self.verdict}"

    @property
    def short(self) -> str:
        """What a person types for the version."""
        return self.pipeline[:12]
