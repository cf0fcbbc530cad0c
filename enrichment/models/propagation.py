"""Propagation (one mask on its way to other frames) ─< PropagatedMask (what came of it, frame by frame)."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import models

from annotation.models import MaskRevision, Task, Track
from enrichment.models.ledger import Leased


class PropagationQuerySet(models.QuerySet["Propagation"]):
    def open(self) -> PropagationQuerySet:
        """Under way, or ended with masks that nobody has taken over or put aside."""
        return self.filter(closed_at=None)

    def unfinished(self) -> PropagationQuerySet:
        return self.filter(state__in=[Leased.State.QUEUED, Leased.State.RUNNING])


class Propagation(Leased):
    """A keyframe's mask on its way to other frames. Nothing of it is an annotation until a person takes it over."""

    task = models.ForeignKey(Task, models.CASCADE, related_name="propagations")
    track = models.ForeignKey(Track, models.CASCADE, related_name="propagations")
    by = models.ForeignKey(User, models.CASCADE, related_name="+")
    source = models.ForeignKey(MaskRevision, models.CASCADE, related_name="+", help_text="the keyframe, as it was then")
    far = models.ForeignKey(
        MaskRevision, models.SET_NULL, null=True, blank=True, related_name="+", help_text="the next keyframe beyond"
    )
    frame = models.PositiveIntegerField(help_text="of the keyframe")
    last = models.PositiveIntegerField(help_text="the last frame to be made; before `frame` for backwards")
    engine = models.CharField(max_length=40)
    engine_version = models.CharField(max_length=40, blank=True)
    device = models.CharField(max_length=8, default="cpu", help_text="whose workers carry it: cpu, gpu or either")
    passes = models.PositiveSmallIntegerField(default=1, help_text="how often each frame comes")
    seq = models.PositiveIntegerField(default=0, help_text="of the mask that came last; 1 is the first")
    cancelled = models.BooleanField(default=False)
    reason = models.TextField(blank=True, help_text="why it ended before its last frame")
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True, help_text="when its masks were taken over or put aside")

    objects = PropagationQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["state", "leased_until"], name="propagation_state_lease"),
            models.Index(fields=["task", "closed_at"], name="propagation_task_open"),
        ]

    def __str__(self) -> str:
        return f"propagation {self.pk} of track {self.track_id} from frame {self.frame}"

    @property
    def outcome(self) -> str:
        """queued, running, done, cancelled or failed."""
        return "cancelled" if self.cancelled else str(self.state)

    @property
    def frames_total(self) -> int:
        return abs(self.last - self.frame)

    @property
    def frames_done(self) -> int:
        """Frames, where each pass over them counts for its share."""
        if self.state == Leased.State.DONE and not self.cancelled and not self.reason:
            return self.frames_total
        return min(self.seq // max(1, self.passes), self.frames_total)


class PropagatedMask(models.Model):
    """What came for one frame. `seq` says in which order: a reader asks for what is newer than what it has."""

    propagation = models.ForeignKey(Propagation, models.CASCADE, related_name="masks")
    seq = models.PositiveIntegerField()
    frame = models.PositiveIntegerField()
    counts = models.TextField(blank=True, help_text="COCO RLE counts at the clip's size; empty: not seen here")
    x = models.PositiveIntegerField(default=0)
    y = models.PositiveIntegerField(default=0)
    w = models.PositiveIntegerField(default=0)
    h = models.PositiveIntegerField(default=0)
    confidence = models.FloatField(help_text="0-1")
    final = models.BooleanField(default=True, help_text="the engine does not come back to this frame")

    class Meta:
        ordering = ["seq"]
        constraints = [
            models.UniqueConstraint(fields=["propagation", "frame"], name="a_propagation_has_one_mask_on_a_frame"),
        ]
        indexes = [models.Index(fields=["propagation", "seq"], name="propagated_mask_seq")]

    def __str__(self) -> str:
        return f"frame {self.frame} of {self.propagation_id}"

    @property
    def bbox(self) -> tuple[int, int, int, int]:
        return (self.x, self.y, self.w, self.h)
