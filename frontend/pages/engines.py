"""What computes each layer of a project, and which engines and weights there are on this machine."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render

from annotation.models import Project
from enrichment import engine, machine, registry, routing, runs
from enrichment.layer import Layer
from enrichment.models import LayerSetting, Worker
from frontend.access import PageRequest, Role, enter
from frontend.answers import telling


@dataclass(frozen=True)
class Question:
    """What computes a layer: what is chosen, and what could be. wrong: why the choice does not work here."""

    layer: Layer
    chosen: tuple[str, ...]
    options: tuple[tuple[str, str], ...]
    wrong: str

    @property
    def name(self) -> str:
        return f"engine-{self.layer.name}"


@login_required
def engines(request: PageRequest, slug: str) -> HttpResponse:
    place = enter(request, slug, Role.MANAGER)
    if request.method == "POST":
        with telling(request, "The engines are chosen. The next run computes what that changes."):
            _choose(place.project, request)
            return redirect("engines", slug)
    shown = {
        "place": place,
        "here": "settings",
        "tab": "engines",
        "questions": [_question(layer, _chosen(place.project)) for layer in _layers()],
        "rows": machine.report(settings.WEIGHTS_DIR, settings.SPEEDS_FILE),
        "weights": settings.WEIGHTS_DIR,
        "workers": [{"worker": worker, "weights": _weights(worker)} for worker in Worker.objects.live()],
    }
    return render(request, "settings/engines.html", shown)


@transaction.atomic
def _choose(project: Project, request: PageRequest) -> None:
    """Change what was changed in the form; a choice whose weights are gone stays unless another one is made."""
    before = _chosen(project)
    for layer in _layers():
        answer = _answer(request.POST, layer)
        if answer is not None and answer != before.get(layer.name, ""):
            runs.configure(project=project, layer=layer.name, engine=answer, by=request.user)


def _answer(posted: QueryDict, layer: Layer) -> str | None:
    """What the form says of a layer; None when it says nothing."""
    if f"asked-{layer.name}" not in posted:
        return None
    answer = ",".join(value for value in posted.getlist(f"engine-{layer.name}") if value)
    return "" if answer == layer.engine else answer


def _layers() -> list[Layer]:
    """Those with something to choose from, and those that have no engine yet."""
    known = registry.every().values()
    return [layer for layer in known if layer.no_engine or engine.of_layer(layer.name)]


def _chosen(project: Project) -> dict[str, str]:
    return dict(LayerSetting.objects.filter(project=project).values_list("layer", "engine"))


def _question(layer: Layer, chosen: dict[str, str]) -> Question:
    setting = chosen.get(layer.name, "")
    values = tuple(setting.split(",")) if setting else (layer.engine,)
    options = routing.options(layer)
    if layer.no_engine:
        options.insert(0, ("", "No engine"))
    # What is chosen stays to be seen when its weights are gone, or saving the page would quietly choose another.
    options += [(value, f"{value} (on no machine now)") for value in values if value not in dict(options)]
    wrong = routing.choose(layer, setting)
    return Question(layer, values, tuple(options), wrong.no_engine if setting else "")


def _weights(worker: Worker) -> list[str]:
    """The folders of weights that a worker can use, by name."""
    values = [value for engines in worker.engines.values() for value in engines]
    return sorted({folder for value in values if (folder := value.partition(":")[2])})
