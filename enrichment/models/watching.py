"""How machine work fares: figures by layer and engine, alerts, and where alerts are sent."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import models

from annotation.models import Project


class LayerWatch(models.Model):
    """What one engine of a layer did in a project lately, counted in the background: pages only read it.

    The window is `watching.WINDOW`; `usual` and `spread` are of the time before it.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="layer_watches")
    layer = models.CharField(max_length=40)
    engine = models.CharField(max_length=400, blank=True, help_text="with the beginning of its weights' SHA-256")
    clips = models.PositiveIntegerField(default=0, help_text="done in the window")
    frames = models.PositiveBigIntegerField(default=0, help_text="of these clips")
    seconds = models.FloatField(default=0.0, help_text="that workers computed for them")
    gpu_seconds = models.FloatField(default=0.0, help_text="of these, of clips whose batches waited for a GPU")
    dollars = models.FloatField(default=0.0, help_text="of paid calls for them, as far as prices are known")
    attempts = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0, help_text="of these attempts")
    recent = models.FloatField(null=True, blank=True, help_text="mean of the layer's own measure, 0-1")
    usual = models.FloatField(null=True, blank=True, help_text="mean of the measure before the window")
    spread = models.FloatField(null=True, blank=True, help_text="its standard deviation before the window")
    history = models.PositiveIntegerField(default=0, help_text="clips that `usual` is the mean of")
    counted_at = models.DateTimeField()

    class Meta:
        ordering = ["layer", "engine"]
        constraints = [
            models.UniqueConstraint(fields=["project", "layer", "engine"], name="an_engine_is_watched_once_in_a_layer")
        ]

    def __str__(self) -> str:
        return f"{self.layer} by {self.engine}"

    @property
    def rate(self) -> float | None:
        """Frames per second of computing."""
        return self.frames / self.seconds if self.seconds and self.frames else None

    @property
    def error_rate(self) -> float | None:
        """Failed attempts of all, 0-1."""
        return self.failures / self.attempts if self.attempts else None


class Alert(models.Model):
    """Something that people should look at. It closes by itself when it is over."""

    class Kind(models.TextChoices):
        ERRORS = "errors", "Many attempts fail"
        DRIFT = "drift", "Quality below its history"
        NOTHING = "nothing", "A run without a single result"
        UNSERVED = "unserved", "Work that no worker takes"

    project = models.ForeignKey(Project, models.CASCADE, related_name="alerts")
    kind = models.CharField(max_length=10, choices=Kind)
    about = models.CharField(max_length=80, help_text="the layer, or the run")
    sentence = models.TextField()
    opened_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    mailed_at = models.DateTimeField(null=True, blank=True, help_text="when the mail was handed over, or had no reader")
    mail_attempts = models.PositiveSmallIntegerField(default=0)
    mail_not_before = models.DateTimeField(null=True, blank=True, help_text="a failed attempt is not repeated at once")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "kind", "about"],
                condition=models.Q(closed_at=None),
                name="one_thing_has_one_open_alert",
            )
        ]

    def __str__(self) -> str:
        return self.sentence


class Webhook(models.Model):
    """An address that is told of a project's alerts, by a POST that is signed with the secret."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="webhooks")
    url = models.URLField(max_length=500)
    secret = models.CharField(max_length=64)
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["project", "url"], name="a_project_has_an_address_once")]

    def __str__(self) -> str:
        return self.url


class Notice(models.Model):
    """One alert on its way to one address; it is tried again until it arrives or has failed too often."""

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="notices")
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="notices")
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True, blank=True)
    arrived_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["alert", "webhook"], name="an_address_is_told_once_of_an_alert")]

    def __str__(self) -> str:
        return f"{self.alert_id} to {self.webhook_id}"
