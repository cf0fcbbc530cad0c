"""The workers that are running, and what each of them could compute: its weights, packages and keys."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from enrichment import engine as contract
from enrichment.models.ledger import LayerRun, from_now

# So many seconds without a word, and a worker counts as gone; several of its beats.
LIVE = 45.0
# Where batches wait; other queues are for what people wait for, and for files.
COMPUTING = ("cpu", "gpu")
# Where what is short and keeps everything else going is told of: planning, reconciling, watching.
CONTROL = "control"


class WorkerQuerySet(models.QuerySet["Worker"]):
    def live(self) -> WorkerQuerySet:
        """Those that were heard of lately, by the database's clock."""
        return self.filter(Q(seen_at__gt=from_now(-LIVE)))


class Worker(models.Model):
    """One Celery worker, as it last told of itself; see workers.py.

    carriers: what carries masks there, as settings name it. engines: {layer: {engine as a setting names it: version}}.
    lacks: {layer/engine: why not}. refused: {what a layer run needs, by `needs`: why this worker could not do it after
    all}. ready: what it can do is listed.
    """

    name = models.CharField(max_length=160, unique=True)
    process = models.CharField(max_length=160, blank=True, help_text="host and number of the process that told this")
    queues = models.JSONField(default=list)
    weights = models.CharField(max_length=400, blank=True, help_text="where it looks for weights")
    carriers = models.JSONField(default=list)
    engines = models.JSONField(default=dict)
    lacks = models.JSONField(default=dict)
    refused = models.JSONField(default=dict)
    ready = models.BooleanField(default=False)
    seen_at = models.DateTimeField()

    objects = WorkerQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def computes(self) -> list[str]:
        """The queues it serves in which batches wait."""
        return [name for name in COMPUTING if name in self.queues]

    def carries(self, chosen: str) -> bool:
        """Whether it has what carries masks; also when it has not listed all."""
        return not self.ready or chosen in self.carriers

    def why_not(self, layer_run: LayerRun) -> str:
        """Why it cannot compute a layer run, as a sentence that names it; empty when it can, or has not listed all."""
        if said := self.refused.get(needs(layer_run)):
            return f"{self.name}: {said}"
        if not self.ready:
            return ""
        offered, here = contract.of_layer(layer_run.layer), self.engines.get(layer_run.layer, {})
        versions = layer_run.engine_version.split(",")
        for number, part in enumerate(layer_run.engine.split(",")):
            name, _, folder = part.partition(":")
            if name not in offered or (part in here and (not folder or here[part] == versions[number])):
                continue
            if part in here:
                return f"{self.name}: its weights {folder} below {self.weights} are others."
            lacking = self.lacks.get(f"{layer_run.layer}/{name}") or self.lacks.get(f"{layer_run.layer}/{part}")
            return f"{self.name}: {lacking or f'it has no weights {folder!r} below {self.weights}.'}"
        return ""


def needs(layer_run: LayerRun) -> str:
    """What a worker must have for a layer run, as one key."""
    return f"{layer_run.layer} {layer_run.engine} {layer_run.engine_version}"
