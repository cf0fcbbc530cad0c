"""What the end of a layer means for the requests that asked for it, and for pages that show how far those are."""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from annotation.events import announce_change
from enrichment.events import clip_settled
from enrichment.models import LayerRun, Run, from_now

# Open pages are told of progress at most this often, in seconds.
ANNOUNCE_EVERY = 0.25


def settle_runs(layer_run: LayerRun) -> None:
    """Close the requests for which this was the last layer to wait for."""
    # Held until the transaction ends: of two layers that end at the same moment, and of one and the end of planning,
    # each would otherwise see the other as it was before, and nobody would close the request. Those of all the clip's
    # layers, so that whoever ends several of them takes the locks in one order.
    of_clip = Run.layer_runs.through.objects.filter(layerrun__clip=layer_run.clip_id).values("run")
    open_runs = Run.objects.filter(pk__in=of_clip, settled_at=None).order_by("pk").select_for_update(no_key=True)
    # Never whole rows: every layer that ends comes by here, under the clip's lock, and a request may list all clips.
    for pk, project_id, planned_at in list(open_runs.values_list("pk", "project_id", "planned_at")):
        if planned_at is not None and not LayerRun.objects.filter(runs=pk).unsettled().exists():
            Run.objects.filter(pk=pk).update(settled_at=Now())
            announce_change(project_id=project_id, kind="run", object_id=pk)
    if not LayerRun.objects.current().unsettled().filter(clip=layer_run.clip_id).exists():
        transaction.on_commit(partial(clip_settled.send, sender=None, clip_id=layer_run.clip_id))


def announce(layer_run: LayerRun, *, at_once: bool = False) -> None:
    """Tell open pages how far the requests for this layer are; not more often than ANNOUNCE_EVERY."""
    open_runs = Run.objects.filter(layer_runs=layer_run, settled_at=None).order_by("pk")
    for pk, project_id in open_runs.values_list("pk", "project_id"):
        long_ago = Q(announced_at=None) | Q(announced_at__lt=from_now(-ANNOUNCE_EVERY))
        told = Run.objects.filter(Q() if at_once else long_ago, pk=pk).update(announced_at=Now())
        if told:
            announce_change(project_id=project_id, kind="run", object_id=pk)
