"""Calls of services over the network: what each cost, and how many began lately."""

from __future__ import annotations

from datetime import datetime

from django.db import models

from annotation.models import Project
from enrichment.models.ledger import LayerRun


class ApiCallQuerySet(models.QuerySet["ApiCall"]):
    def of(self, project: Project) -> ApiCallQuerySet:
        return self.filter(layer_run__clip__project=project)

    def since(self, service: str, moment: datetime) -> ApiCallQuerySet:
        """Calls of a service that began, or will begin, after a moment; the last one first."""
        return self.filter(service=service, began_at__gt=moment).order_by("-began_at", "-pk")


class ApiCall(models.Model):
    """One call, entered before it is made: a worker that is killed while it waits leaves it without an end."""

    layer_run = models.ForeignKey(LayerRun, models.SET_NULL, null=True, related_name="api_calls")
    service = models.CharField(max_length=20)
    model = models.CharField(max_length=80)
    prompt = models.CharField(max_length=80)
    attempt = models.PositiveSmallIntegerField(help_text="at one picture, from 1")
    began_at = models.DateTimeField(help_text="when its turn is; it may lie ahead")
    seconds = models.FloatField(null=True, help_text="until it ended; empty when nobody knows how it did")
    status = models.PositiveSmallIntegerField(null=True, help_text="of HTTP; 0 when nobody answered")
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    dollars = models.DecimalField(
        max_digits=12, decimal_places=6, null=True, help_text="empty where the model's price is not known"
    )
    error = models.TextField(blank=True)

    objects = ApiCallQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["service", "began_at"], name="apicall_turns")]

    def __str__(self) -> str:
        return f"call {self.pk} of {self.service}"
