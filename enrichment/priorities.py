"""Who goes first: what a person waits for, what arrived by itself, then bulk; in each, cheap layers before dear ones.

A priority is one small number, lower first, so that the next batch of a queue is one look into an index [E10].
"""

from __future__ import annotations

from enrichment.layer import Layer
from enrichment.models import Batch, LayerRun, Run

# A person who asks for a few clips is looking at the page; more than these are bulk, whoever asks.
FEW_CLIPS = 8
PERSON, ARRIVAL, BULK = 10, 40, 70
LAST = 100


def of(run: Run, layer: Layer) -> int:
    """The priority of a layer in a request, 10 to 79."""
    if run.clip_count > FEW_CLIPS:
        return BULK + layer.cost
    return (PERSON if run.by_id is not None else ARRIVAL) + layer.cost


def end_of_class(priority: int) -> int:
    """The first priority behind those of the same class: of persons, arrivals or bulk."""
    return min((each for each in (ARRIVAL, BULK) if each > priority), default=LAST)


def raise_to(layer_run: LayerRun, priority: int) -> None:
    """Let work that is under way already go as early as its most urgent request wants; never later."""
    if layer_run.is_settled or layer_run.priority <= priority:
        return
    LayerRun.objects.filter(pk=layer_run.pk, priority__gt=priority).update(priority=priority)
    unfinished = Batch.objects.filter(layer_run=layer_run, priority__gt=priority).exclude(state=Batch.State.DONE)
    unfinished.update(priority=priority)
