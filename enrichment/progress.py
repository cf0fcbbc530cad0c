"""How far machine work is, as plain values for the API, the pages and the command line."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Now

from annotation.models import Clip
from enrichment import registry
from enrichment.models import LayerRun, Run, from_now

State = LayerRun.State
# Seconds between two counts of a large request: half a million clips take the database seconds.
COUNT_EVERY = 20.0
# The states in which a person should see a layer of many clips first.
URGENT = (State.FAILED, State.RUNNING, State.QUEUED, State.WAITING, State.BLOCKED, State.NO_ENGINE, State.DONE)


class Tally(NamedTuple):
    """Clips of one layer in one state, with their batches."""

    state: str
    clips: int
    done: int
    total: int


@dataclass(frozen=True)
class LayerProgress:
    """One layer over all clips of a request: how many clips are in which state, and batches done of all."""

    layer: str
    title: str
    inputs: tuple[str, ...]
    states: dict[str, int]
    batches_done: int
    batches_total: int

    @property
    def state(self) -> str:
        """The state that says most about the whole."""
        return next((state.value for state in URGENT if self.states.get(state.value)), State.SUPERSEDED.value)

    @property
    def clips(self) -> int:
        return sum(self.states.values())


@dataclass(frozen=True)
class RunProgress:
    """A request as a whole. state: planning, running, failed (something in it, or its planning), done."""

    state: str
    layers: tuple[LayerProgress, ...]

    @property
    def states(self) -> dict[str, int]:
        """Layer runs by state, over all layers."""
        return dict(sum((Counter(layer.states) for layer in self.layers), Counter()))

    @property
    def batches_done(self) -> int:
        return sum(layer.batches_done for layer in self.layers)

    @property
    def batches_total(self) -> int:
        return sum(layer.batches_total for layer in self.layers)

    @property
    def share(self) -> float:
        """Of the batches, 0-1."""
        return self.batches_done / self.batches_total if self.batches_total else 0.0


def of_run(run: Run) -> RunProgress:
    """A request's progress; one query."""
    return of_runs([run])[run.pk]


def of_runs(runs: Iterable[Run]) -> dict[int, RunProgress]:
    """Several requests' progress by id; one query, however many there are. Of large ones, the last count."""
    runs = list(runs)
    found = _counted([run.pk for run in runs if not run.is_large])
    for run in runs:
        if run.is_large:
            found[run.pk] = _kept(run)
    return {run.pk: _progress(run, found.get(run.pk, {})) for run in runs}


def count_large() -> int:
    """Count the progress of large requests that pages show from the last count; returns how many were counted."""
    outdated = Q(summary_at=None) | Q(summary_at__lt=from_now(-COUNT_EVERY)) & (
        Q(settled_at=None) | Q(summary_at__lt=F("settled_at"))
    )
    count = 0
    for run in Run.objects.light().filter(outdated, clip_count__gt=0):
        if run.is_large:
            rows = _counted([run.pk]).get(run.pk, {})
            summary = {layer: [list(tally) for tally in tallies] for layer, tallies in rows.items()}
            Run.objects.filter(pk=run.pk).update(summary=summary, summary_at=Now())
            count += 1
    return count


def _counted(ids: list[int]) -> dict[int, dict[str, list[Tally]]]:
    rows = (
        LayerRun.objects.filter(runs__in=ids)
        .order_by()
        .values("runs", "layer", "state")
        .annotate(count=Count("*"), done=Sum("batches_done"), total=Sum("batches_total"))
    )
    found: dict[int, dict[str, list[Tally]]] = defaultdict(lambda: defaultdict(list))
    for row in rows if ids else ():
        found[row["runs"]][row["layer"]].append(Tally(row["state"], row["count"], row["done"], row["total"]))
    return {pk: dict(layers) for pk, layers in found.items()}


def _kept(run: Run) -> dict[str, list[Tally]]:
    return {layer: [Tally(*tally) for tally in tallies] for layer, tallies in (run.summary or {}).items()}


def of_clip(clip: Clip) -> list[LayerRun]:
    """The current run of each layer on a clip, in the order of the graph; one query."""
    there = {layer_run.layer: layer_run for layer_run in LayerRun.objects.current().filter(clip=clip)}
    known = [name for name in registry.every() if name in there]
    return [there.pop(name) for name in known] + list(there.values())


def clips_of(run: Run, *, first: int = 0, count: int = 100) -> list[tuple[Clip, list[LayerRun]]]:
    """Some of a request's clips with their layers, in the order of the clips; two queries."""
    chosen = sorted(run.clips)[first : first + count]
    layers: dict[int, list[LayerRun]] = defaultdict(list)
    for layer_run in run.layer_runs.filter(clip__in=chosen).order_by("clip", "pk"):
        layers[layer_run.clip_id].append(layer_run)
    clips = Clip.objects.filter(pk__in=chosen).only("pk", "name", "project_id").order_by("pk")
    return [(clip, layers[clip.pk]) for clip in clips]


def someone_works(run: Run) -> bool:
    """Whether any batch of the request is in a worker's hands."""
    return run.layer_runs.filter(batches__state="running").exists()


def _progress(run: Run, rows: dict[str, list[Tally]]) -> RunProgress:
    layers = []
    for name in [*run.layers, *sorted(set(rows) - set(run.layers))]:
        known = registry.every().get(name)
        layers.append(
            LayerProgress(
                layer=name,
                title=known.title if known else name,
                inputs=known.inputs if known else (),
                states={row.state: row.clips for row in rows.get(name, [])},
                batches_done=sum(row.done for row in rows.get(name, [])),
                batches_total=sum(row.total for row in rows.get(name, [])),
            )
        )
    failed = any(layer.states.get(State.FAILED.value) for layer in layers)
    busy = any(layer.states.get(state.value) for layer in layers for state in LayerRun.UNSETTLED)
    state = "planning" if run.planned_at is None else "running" if busy else "failed" if failed or run.error else "done"
    return RunProgress(state=state, layers=tuple(layers))
