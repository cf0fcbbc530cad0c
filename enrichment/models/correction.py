"""What people corrected of what machines made, whose own result stays as it is; see layers/pose_corrected.py."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import models
from django.db.models import F

from annotation.models import Clip


class PoseCorrectionQuerySet(models.QuerySet["PoseCorrection"]):
    def standing(self) -> PoseCorrectionQuerySet:
        """Those that nobody has taken back."""
        return self.filter(undone_at=None)

    def of(self, clip: int, pose: str) -> list[dict[str, object]]:
        """What stands of the corrections of one result, as the layer takes it."""
        return [each.as_parameter for each in self.standing().filter(clip=clip, pose=pose).order_by("pk")]


class PoseCorrection(models.Model):
    """Joints of one person that are interpolated over frames [start, end), because somebody asked for it."""

    clip = models.ForeignKey(Clip, models.CASCADE, related_name="pose_corrections")
    pose = models.CharField(max_length=64, help_text="fingerprint of the pose that it corrects, and no other")
    track = models.PositiveIntegerField(help_text="whose joints")
    keypoints = models.JSONField(help_text="names of the joints")
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField(help_text="first frame after the range")
    method = models.CharField(max_length=40)
    because = models.CharField(max_length=500, blank=True, help_text="what was wrong there, as a check had said it")
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    undone_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    undone_at = models.DateTimeField(null=True, blank=True)

    objects = PoseCorrectionQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [models.CheckConstraint(condition=models.Q(end__gt=F("start")), name="a_correction_has_frames")]
        indexes = [models.Index(fields=["clip", "pose"], name="correction_of_pose")]

    def __str__(self) -> str:
        return f"correction {self.pk}: {', '.join(self.keypoints)} of track {self.track}"

    @property
    def as_parameter(self) -> dict[str, object]:
        """As the layer takes it; it says when, and not who: parameters are delivered, and name nobody."""
        return {
            "number": self.pk,
            "track": self.track,
            "keypoints": list(self.keypoints),
            "start": self.start,
            "end": self.end,
            "method": self.method,
            "at": self.at.isoformat(timespec="seconds"),
            "because": self.because,
        }
