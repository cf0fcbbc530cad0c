"""The golden set: measure the layers against known answers, and refuse a version that became worse [E13].

A version of a layer is its code, engine and parameters. Its figures on the golden clips are compared with those of the
last accepted version; what is refused is not computed for any project until somebody accepts it all the same.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F

from annotation import clips, projects, scene
from annotation.geometry import rle
from annotation.media.probe import inspect
from annotation.models import Clip, MaskRevision, Project, SegmentRevision, Task
from enrichment import compute, golden_measures, registry, runs
from enrichment.errors import RunRefused
from enrichment.golden_measures import EVERY, Measure
from enrichment.models import GoldenClip, GoldenResult, LayerRun
from enrichment.versions import GOLDEN, identity

SEEDS = (301, 302)
FRAMES = 90
SIZE = (640, 480)  # width and height, px
Report = Callable[[str], None]


def prepare(*, seeds: Sequence[int] = SEEDS, by: User | None, report: Report) -> Project:
    """The project of the rendered golden clips, with what is missing of it.

    Raises:
        RunRefused: there is nobody whom the project could belong to.
    """
    project = Project.objects.filter(slug=GOLDEN).first()
    if project is None:
        owner = by or User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
        if owner is None:
            raise RunRefused("The golden project needs an owner; make a superuser with `manage.py createsuperuser`.")
        project = projects.create(
            name="Golden set", slug=GOLDEN, by=owner, description="Rendered scenes whose answer is known to the pixel."
        )
    there = set(GoldenClip.objects.filter(clip__project=project).values_list("seed", flat=True))
    for seed in seeds:
        if seed not in there:
            report(f"Rendering scene {seed} …")
            _render(project, seed)
    return project


@transaction.atomic
def mark(*, clip: Clip, by: User | None) -> GoldenClip:
    """Take a clip's accepted annotations for the truth from now on.

    Raises:
        RunRefused: nothing of it is accepted yet.
    """
    if not Task.objects.filter(clip=clip, state=Task.State.ACCEPTED).exists():
        raise RunRefused(f"No task of clip {clip.pk} is accepted yet; its answer is not known. Review it first.")
    return GoldenClip.objects.get_or_create(clip=clip, defaults={"by": by})[0]


def measure(*, layers: Iterable[str] | None = None, by: User | None, report: Report) -> list[GoldenResult]:
    """Compute the golden clips with the code and engines of now, and judge every version that results.

    Versions that were judged before keep their verdict, unless their figures on today's golden set say otherwise.

    Returns:
        One result for each layer that has figures.
    """
    found: dict[tuple[str, str], list[tuple[LayerRun, dict[Measure, float]]]] = {}
    wanted = sorted(set(layers or {each.layer for each in EVERY.values()}))
    for golden in GoldenClip.objects.select_related("clip__project"):
        report(f"Computing {golden.clip.name} …")
        run = runs.request(
            project=golden.clip.project, by=by, clips=[golden.clip], layers=wanted, tell=False, retry=True
        )
        runs.plan(run)
        compute.work_here(run)
        rows = list(run.layer_runs.select_related("clip").filter(state=LayerRun.State.DONE))
        figures = _figures(golden, rows)
        for row in rows:
            mine = {each: value for each, value in figures.items() if each.layer == row.layer}
            if mine:
                found.setdefault((row.layer, identity(row)), []).append((row, mine))
    return [_judge(layer, pipeline, values, by) for (layer, pipeline), values in sorted(found.items())]


def accept(*, layer: str, by: User | None) -> GoldenResult:
    """Accept the newest version of a layer although it became worse; it is what later ones are compared with.

    Raises:
        RunRefused: nothing of the layer was refused.
    """
    last = GoldenResult.objects.filter(layer=layer).first()
    if last is None or last.verdict != GoldenResult.Verdict.REFUSED:
        raise RunRefused(f"No version of {layer} stands refused.")
    last.verdict, last.by = GoldenResult.Verdict.ACCEPTED, by
    last.save(update_fields=["verdict", "by"])
    return last


def _render(project: Project, seed: int) -> None:
    spec = scene.SceneSpec(seed=seed, frames=FRAMES, width=SIZE[0], height=SIZE[1])
    with tempfile.TemporaryDirectory(prefix="loupe-golden-") as folder:
        path = Path(folder) / f"golden-{seed}.mp4"
        scene.write_video(spec, path)
        facts = inspect(path, limits=clips.limits())
        with transaction.atomic():
            clip = clips.add(project=project, path=path, facts=facts, about={"environment": "rendered"}, by=None)
            GoldenClip.objects.create(clip=clip, seed=seed)


def _figures(golden: GoldenClip, rows: Sequence[LayerRun]) -> dict[Measure, float]:
    folder, facts = clips.folder(golden.clip), compute.facts_of(golden.clip)
    readers = {row.layer: registry.get(row.layer).open(folder, facts) for row in rows}
    if golden.seed is not None:
        spec = scene.SceneSpec(seed=golden.seed, frames=facts.frame_count, width=facts.width, height=facts.height)
        return golden_measures.of_scene(spec, readers)
    drawn: dict[int, list[rle.Rle]] = {}
    accepted = Task.objects.filter(clip=golden.clip, state=Task.State.ACCEPTED)
    size = [golden.clip.height, golden.clip.width]
    heads = MaskRevision.objects.filter(of__task__in=accepted, of__head=F("pk"), deleted=False).exclude(counts="")
    for frame, counts in heads.values_list("of__frame", "counts"):
        drawn.setdefault(frame, []).append({"size": size, "counts": counts})
    spans = [
        (phase or action or "", _edge(facts.seconds, start), _edge(facts.seconds, end))
        for start, end, phase, action in SegmentRevision.objects.filter(
            of__task__in=accepted, of__head=F("pk"), deleted=False, level=SegmentRevision.Level.PRIMITIVE
        ).values_list("start", "end", "phase__key", "action__key")
    ]
    return golden_measures.of_truth(drawn, spans, readers, lambda frame: _edge(facts.seconds, frame))


def _edge(seconds: Sequence[float], frame: int) -> float:
    """When a boundary is; the one after the last frame lies as far behind it as the frame before it."""
    if frame < len(seconds):
        return seconds[frame]
    return seconds[-1] + (seconds[-1] - seconds[-2] if len(seconds) > 1 else 0.0)


@transaction.atomic
def _judge(layer: str, pipeline: str, values: Sequence[tuple[LayerRun, dict[Measure, float]]], by: Any) -> GoldenResult:
    figures = golden_measures.mean([each for _, each in values])
    last = GoldenResult.objects.filter(layer=layer, verdict=GoldenResult.Verdict.ACCEPTED).first()
    worse = [
        f"{name} is {figures[name]:.3f} {EVERY[name].unit}, accepted was {last.figures[name]:.3f}."
        for name in figures
        if last is not None and name in last.figures and EVERY[name].worse(figures[name], last.figures[name])
    ]
    row = values[0][0]
    return GoldenResult.objects.create(
        layer=layer,
        pipeline=pipeline,
        engine=f"{row.engine} {row.engine_version}".strip(),
        figures=figures,
        clips=len(values),
        verdict=GoldenResult.Verdict.REFUSED if worse else GoldenResult.Verdict.ACCEPTED,
        reason=" ".join(worse),
        before=last,
        by=by,
    )
