"""The layer graph as a picture: where each layer stands, what it waits for, how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from enrichment import graph, progress, registry
from enrichment.models import LayerRun

State = LayerRun.State
WIDTH, HEIGHT = 186, 52  # of a node, in units of the picture
GAP_X, GAP_Y = 44, 14
# What a layer with clips in several states is said to be: the first of these that any of its clips is in.
LOUDEST = (
    State.FAILED,
    State.RUNNING,
    State.QUEUED,
    State.BLOCKED,
    State.WAITING,
    State.DONE,
    State.NO_ENGINE,
    State.SUPERSEDED,
)


@dataclass(frozen=True)
class LayerProgress:
    """One layer in one run, over all its clips."""

    name: str
    clips: Mapping[str, int]
    batches_done: int = 0
    batches_total: int = 0

    @classmethod
    def of(cls, layer: progress.LayerProgress) -> LayerProgress:
        return cls(layer.layer, layer.states, layer.batches_done, layer.batches_total)

    @property
    def total(self) -> int:
        return sum(self.clips.values())

    @property
    def done(self) -> int:
        return self.clips.get(State.DONE, 0)

    @property
    def state(self) -> str:
        return next((state.value for state in LOUDEST if self.clips.get(state)), State.WAITING.value)

    @property
    def said(self) -> str:
        """The line under the layer's name."""
        if self.clips.get(State.FAILED):
            return f"{self.clips[State.FAILED]} of {self.total} failed"
        if self.state == State.NO_ENGINE:
            return "no engine"
        if self.state == State.RUNNING:
            return f"{self.batches_done} / {self.batches_total} batches"
        return (
            f"{self.done} / {self.total} clips"
            if self.done < self.total
            else f"done, {self.total} clip{'s'[: self.total != 1]}"
        )

    @property
    def share(self) -> float:
        return self.batches_done / self.batches_total if self.batches_total else 0.0


@dataclass(frozen=True)
class Node:
    x: int
    y: int
    layer: LayerProgress
    title: str
    bar: int

    @property
    def spoken(self) -> str:
        return f"{self.title}: {self.layer.said}"


@dataclass(frozen=True)
class Picture:
    width: int
    height: int
    nodes: list[Node]
    edges: list[str]


def draw(layers: Mapping[str, LayerProgress]) -> Picture:
    """Layers from left to right: each stands one column after the last of its inputs."""
    known = registry.every()
    names = [name for name in graph.order(name for name in layers if name in known) if name in layers]
    column: dict[str, int] = {}
    place: dict[str, tuple[int, int]] = {}
    used: dict[int, int] = {}
    for name in names:
        inputs = [needed for needed in known[name].inputs if needed in column]
        column[name] = 1 + max((column[needed] for needed in inputs), default=-1)
        row = used.get(column[name], 0)
        used[column[name]] = row + 1
        place[name] = (column[name] * (WIDTH + GAP_X) + 2, row * (HEIGHT + GAP_Y) + 2)
    nodes = [_node(layers[name], *place[name]) for name in names]
    edges = [_edge(place[needed], place[name]) for name in names for needed in known[name].inputs if needed in place]
    deepest = max(used, default=0)
    return Picture(
        width=(deepest + 1) * (WIDTH + GAP_X) - GAP_X + 4,
        height=max(used.values(), default=0) * (HEIGHT + GAP_Y) - GAP_Y + 4,
        nodes=nodes,
        edges=edges,
    )


def _node(layer: LayerProgress, x: int, y: int) -> Node:
    title = layer.name.removeprefix("check_").replace("_", " ")
    title = f"check: {title}" if layer.name.startswith("check_") else title
    return Node(x, y, layer, title, round((WIDTH - 20) * layer.share))


def _edge(start: tuple[int, int], end: tuple[int, int]) -> str:
    x1, y1 = start[0] + WIDTH, start[1] + HEIGHT // 2
    x2, y2 = end[0], end[1] + HEIGHT // 2
    bend = max(GAP_X // 2, (x2 - x1) // 2)
    return f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
