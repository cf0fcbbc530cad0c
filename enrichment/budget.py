"""How many calls of paid services a project makes before they stop: for a clip, for a run, and in dollars."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import Sum

from annotation.models import Project
from enrichment.errors import CallsSpent
from enrichment.models import ApiCall, LayerRun, Run

# What to do is the same in each case, and nothing that was paid for is lost.
_THEN = "A manager raises it in the project's settings; what was answered so far is kept, so ask for the layer again."


def demand(layer_run_id: int | None, *, priced: bool, model: str) -> None:
    """Refuse a call that the project no longer allows; call it where calls are entered one after another.

    Calls that are under way have no price yet, so a budget may be passed by one call of each worker.

    Args:
        layer_run_id: for which the call is made; None for a rehearsal, which nothing is charged to.
        priced: whether the cost of the model's calls is known.
        model: as the service names it.

    Raises:
        CallsSpent: the sentence says which limit is reached, and what to do.
    """
    if layer_run_id is None:
        return
    layer_run = LayerRun.objects.select_related("clip__project").get(pk=layer_run_id)
    project = layer_run.clip.project
    made = ApiCall.objects.filter(layer_run=layer_run).count()
    if made >= project.calls_per_clip:
        raise CallsSpent(
            f"{layer_run.layer} of {layer_run.clip.name} has made {made} calls of a paid service, and the project "
            f"allows {project.calls_per_clip} for a layer of a clip. {_THEN}"
        )
    for run in Run.objects.light().filter(layer_runs=layer_run, settled_at=None):
        made = ApiCall.objects.filter(layer_run__runs=run, began_at__gte=run.created_at).count()
        if made >= project.calls_per_run:
            raise CallsSpent(
                f"Run {run.pk} has made {made} calls of paid services, and the project allows {project.calls_per_run} "
                f"for a run. {_THEN}"
            )
    _demand_dollars(project, priced=priced, model=model)


def spent(project: Project) -> Decimal:
    """Dollars that a project's calls have cost, as far as prices are known."""
    return Decimal(ApiCall.objects.of(project).aggregate(sum=Sum("dollars"))["sum"] or 0)


def _demand_dollars(project: Project, *, priced: bool, model: str) -> None:
    if project.calls_budget is None:
        return
    if not priced:
        raise CallsSpent(
            f"{project.name} has a budget of ${project.calls_budget:.2f}, and nobody here knows what a call of {model} "
            "costs. Choose a model whose price is in enrichment/vlm_prices.toml, add its price there, or take the "
            "budget away in the project's settings."
        )
    if (sofar := spent(project)) >= Decimal(str(project.calls_budget)):
        raise CallsSpent(
            f"{project.name} has spent ${sofar:.2f} of its budget of ${project.calls_budget:.2f} for paid services. "
            f"{_THEN}"
        )
