"""A mask: the visible pixels of one track on one frame."""

from __future__ import annotations

from django.db import models

from annotation.models.revision import Revision, Versioned
from annotation.models.task import Task
from annotation.models.track import Track


class MaskQuerySet(models.QuerySet["Mask"]):
    def drawn(self) -> MaskQuerySet:
        """Masks that are there now: neither erased nor on an erased track."""
        return self.filter(head__deleted=False, track__head__deleted=False)


class Mask(Versioned):
    task = models.ForeignKey(Task, models.CASCADE, related_name="masks")
    track = models.ForeignKey(Track, models.CASCADE, related_name="masks")
    frame = models.PositiveIntegerField()
    head = models.ForeignKey("MaskRevision", models.PROTECT, null=True, related_name="+")

    objects = MaskQuerySet.as_manager()

    class Meta:
        ordering = ["frame", "track__number"]
        constraints = [models.UniqueConstraint(fields=["track", "frame"], name="a_track_has_one_mask_on_a_frame")]
        indexes = [models.Index(fields=["task", "frame"])]

    def __str__(self) -> str:
        return f"mask of {self.track} on frame {self.frame}"


class MaskRevision(Revision):
    of = models.ForeignKey(Mask, models.CASCADE, related_name="revisions")
    counts = models.TextField(blank=True, help_text="COCO RLE counts at the clip's size; empty when deleted")
    area = models.PositiveIntegerField(default=0, help_text="px²")
    x = models.PositiveIntegerField(default=0)
    y = models.PositiveIntegerField(default=0)
    w = models.PositiveIntegerField(default=0)
    h = models.PositiveIntegerField(default=0)
    occluded = models.BooleanField(default=False)
    outside = models.BooleanField(default=False, help_text="erased because the object is not in the picture here")
    keyframe = models.BooleanField(default=False, help_text="a person's frame: carried to others, never over")
    amodal = models.TextField(blank=True, help_text="COCO RLE counts of the whole object, what is hidden included")
    source = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="+", help_text="the keyframe it was carried from"
    )
    edit_iou = models.FloatField(null=True, blank=True, help_text="IoU with the proposal it began from")
    edit_boundary = models.FloatField(
        null=True, blank=True, help_text="px, mean distance from the boundary of the proposal it began from"
    )

    def __str__(self) -> str:
        return f"{self.of} r{self.number}"

    @property
    def bbox(self) -> tuple[int, int, int, int]:
        return (self.x, self.y, self.w, self.h)
