"""What came of comparing two versions of a layer on a clip: a cache, which can be made again at any time."""

from __future__ import annotations

from django.db import models

from enrichment.models.ledger import LayerRun


class Comparison(models.Model):
    """`before` and `after` are layer runs of one layer of one clip; enrichment/comparison.py says what is measured."""

    before = models.ForeignKey(LayerRun, models.CASCADE, related_name="+")
    after = models.ForeignKey(LayerRun, models.CASCADE, related_name="compared")
    measure = models.CharField(max_length=60, blank=True)
    unit = models.CharField(max_length=20, blank=True)
    same = models.FloatField(default=0.0, help_text="the measure of two versions that say the same")
    values = models.JSONField(default=list, help_text="[frame, value], by frame")
    rows = models.JSONField(default=list, help_text="frame or null, what, before, after")
    remarks = models.JSONField(default=list)
    mean = models.FloatField(null=True, blank=True)
    worst_frame = models.PositiveIntegerField(null=True, blank=True)
    apart = models.FloatField(default=0.0, help_text="distance of the mean from `same`; what tables sort by")
    error = models.TextField(blank=True, help_text="why they cannot be compared")
    waiting_since = models.DateTimeField(
        null=True, blank=True, help_text="when a worker was last asked; empty once it has answered"
    )
    made_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["before", "after"], name="two_versions_are_compared_once")]

    def __str__(self) -> str:
        return f"{self.after} against its version before"
