"""What an engine proposes to people: a mask track or an action segment, and what people made of it."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import models

from annotation.models.clip import Clip
from annotation.models.task import Task


class ProposalQuerySet(models.QuerySet["Proposal"]):
    def current(self) -> ProposalQuerySet:
        """Those of the newest run; older ones stay because annotations point at them."""
        return self.filter(superseded=False)

    def in_frames(self, start: int, end: int) -> ProposalQuerySet:
        return self.filter(start__lt=end, end__gt=start)


class Proposal(models.Model):
    """The row is the index; a mask track's masks lie in the clip folder, at `path`."""

    class Kind(models.TextChoices):
        MASK_TRACK = "mask_track", "Mask track"
        SEGMENT = "segment", "Action segment"

    clip = models.ForeignKey(Clip, models.CASCADE, related_name="proposals")
    kind = models.CharField(max_length=10, choices=Kind)
    number = models.PositiveIntegerField(help_text="track id, or index of the segment, in the layer's file")
    engine = models.CharField(max_length=80, help_text="engine and version")
    fingerprint = models.CharField(max_length=64, help_text="of the layer run that made it")
    path = models.CharField(max_length=255, blank=True, help_text="file in the clip folder with the masks")
    label = models.CharField(max_length=60, blank=True, help_text="suggested label or action class key")
    confidence = models.FloatField(help_text="0-1")
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    details = models.JSONField(default=dict, help_text="segments: level, phase, descriptions")
    superseded = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProposalQuerySet.as_manager()

    class Meta:
        ordering = ["start", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["clip", "kind", "fingerprint", "number"],
                name="a_layer_run_proposes_a_thing_once",
            )
        ]
        indexes = [models.Index(fields=["clip", "kind", "superseded"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.number} of {self.clip_id}"


class DecisionQuerySet(models.QuerySet["Decision"]):
    def made(self) -> DecisionQuerySet:
        """Those that are not taken back."""
        return self.exclude(verdict=Decision.Verdict.UNDECIDED)

    def standing(self) -> DecisionQuerySet:
        """Those by which a proposal was taken over."""
        return self.made().exclude(verdict=Decision.Verdict.REJECTED)


class Decision(models.Model):
    """What one task's annotator made of one proposal."""

    class Verdict(models.TextChoices):
        ACCEPTED = "accepted", "Accepted"
        ADJUSTED = "adjusted", "Adjusted"
        REJECTED = "rejected", "Rejected"
        UNDECIDED = "undecided", "Undecided again"

    task = models.ForeignKey(Task, models.CASCADE, related_name="decisions")
    proposal = models.ForeignKey(Proposal, models.CASCADE, related_name="decisions")
    verdict = models.CharField(max_length=10, choices=Verdict)
    track = models.ForeignKey("annotation.Track", models.SET_NULL, null=True, related_name="+")
    segment = models.ForeignKey("annotation.Segment", models.SET_NULL, null=True, related_name="+")
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now=True)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["task", "proposal"], name="a_proposal_is_decided_once_in_a_task")
        ]

    def __str__(self) -> str:
        return f"{self.proposal}: {self.verdict}"
