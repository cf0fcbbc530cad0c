"""A delivery and the snapshot it is made from."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models.functions import Now

from annotation.models import Project


class Snapshot(models.Model):
    """What a delivery says, pinned to revisions, so that the same export can be made again after any edit.

    The revisions themselves are append-only and stay where they are. Pinning the same state again gives the same
    digest, because nothing here holds a clock or an id of this row.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="snapshots")
    header = models.JSONField(help_text="project, filters, taxonomy and guideline in force, people by pseudonym")
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of header and clips; empty until complete")
    taken_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"snapshot {self.digest[:12] or 'in the making'}"


class SnapshotClip(models.Model):
    """One clip of a snapshot. A row each, so that reading a snapshot takes the memory of one clip."""

    snapshot = models.ForeignKey(Snapshot, models.CASCADE, related_name="clips")
    # Not a foreign key: deleting a clip must not be held up by old deliveries. Loading says plainly that it is gone.
    clip_id = models.BigIntegerField()
    facts = models.JSONField(help_text="clip, tasks, tracks with mask revisions, segment revisions")
    layers = models.JSONField(default=dict, help_text="layer: hash of its entry and files in the clip's manifest")

    class Meta:
        ordering = ["clip_id"]
        constraints = [models.UniqueConstraint(fields=["snapshot", "clip_id"], name="a_snapshot_holds_a_clip_once")]

    def __str__(self) -> str:
        return f"clip {self.clip_id} of {self.snapshot}"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def claimable(self) -> DeliveryQuerySet:
        """Queued, or begun by a worker that has not been heard of since its lease ran out."""
        return self.filter(
            models.Q(state=Delivery.State.QUEUED) | models.Q(state=Delivery.State.RUNNING, leased_until__lt=Now())
        )


class Delivery(models.Model):
    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Being made"
        DONE = "done", "Ready"
        FAILED = "failed", "Failed"

    project = models.ForeignKey(Project, models.CASCADE, related_name="deliveries")
    format = models.CharField(max_length=40)
    options = models.JSONField(default=dict, blank=True)
    filters = models.JSONField(default=dict, blank=True)
    snapshot = models.ForeignKey(Snapshot, models.RESTRICT, null=True, blank=True, related_name="deliveries")
    destination = models.CharField(
        max_length=1000, blank=True, help_text="folder that the command line named; empty when it is served from here"
    )
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    # ---- the ledger
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    stage = models.CharField(max_length=120, blank=True, help_text="what is being done just now")
    progress = models.FloatField(default=0.0, help_text="0-1")
    failure = models.CharField(max_length=10, blank=True, help_text="disk, check, source, stopped or error")
    reason = models.TextField(blank=True, help_text="why it failed, in a sentence")
    attempts = models.PositiveSmallIntegerField(default=0)
    lease = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True, help_text="when a worker was last told of it")
    # ---- what came of it
    size = models.PositiveBigIntegerField(default=0, help_text="bytes")
    files = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict, blank=True)
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of SHA256SUMS: stands for every byte")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["project", "-id"], name="delivery_by_project"),
            models.Index(fields=["state", "leased_until"], name="delivery_by_lease"),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk} ({self.format})"

    @property
    def folder(self) -> Path:
        """Where the finished delivery lies."""
        if self.destination:
            return Path(self.destination)
        root: Path = settings.DELIVERIES_DIR
        return root / self.folder_name

    @property
    def folder_name(self) -> str:
        return f"{self.project.slug}-{self.format}-{self.pk:06d}"

    @property
    def said_state(self) -> str:
        """The state as people read it, such as "failed: disk"."""
        return f"{self.state}: {self.failure}" if self.failure else str(self.state)

    @property
    def is_served(self) -> bool:
        """Whether it can be downloaded from here."""
        return self.state == self.State.DONE and not self.destination
