"""Layers computed with chosen engines, as a project does it."""

from __future__ import annotations

from typing import Any

from annotation.models import Clip
from enrichment import compute, runs
from enrichment.models import LayerRun, Run


def computed(clip: Clip, engines: dict[str, str], parameters: dict[str, dict[str, Any]] | None = None) -> Run:
    """A run of these layers and what they need, with nothing failed."""
    for layer, engine in engines.items():
        runs.configure(project=clip.project, layer=layer, engine=engine, by=None)
    for layer, given in (parameters or {}).items():
        runs.configure(project=clip.project, layer=layer, parameters=given, by=None)
    layers = sorted({*engines, *(parameters or {})})
    run = runs.request(project=clip.project, by=clip.added_by, clips=[clip], layers=layers, tell=False)
    runs.plan(run)
    compute.work_here(run)
    states = {row.layer: (row.state, row.error) for row in LayerRun.objects.filter(runs=run)}
    assert all(state == ("done", "") for state in states.values()), states
    return run
