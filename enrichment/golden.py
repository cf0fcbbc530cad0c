"""The golden set: measure the layers against known answers, and refuse a version that became worse [E13].

A version of a layer is its code, engine and parameters. Its figures are compared, clip by clip, with those that an
accepted version had on the same clips and answers: a clip that is added later says nothing of what was measured before.
What is refused is not computed for any project until somebody accepts it all the same.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, QuerySet

from annotation import clips, projects, scene
from annotation.media.probe import inspect
from annotation.models import Clip, MaskRevision, Project, SegmentRevision, Task
from enrichment import choosing, compute, failures, golden_measures, golden_scene, registry, runs
from enrichment.errors import RunRefused
from enrichment.golden_measures import EVERY, Measure, Span, Thing
from enrichment.models import GoldenClip, GoldenResult, LayerRun
from enrichment.versions import GOLDEN, identity

SEEDS = (301, 302)
FRAMES = 90
SIZE = (640, 480)  # width and height, px
Report = Callable[[str], None]


@dataclass(frozen=True)
class _OnClip:
    """What a layer run of a golden clip scored.

    answer: SHA-256 of what it was compared with. error: why there is nothing to score, empty when there is.
    """

    row: LayerRun
    answer: str
    figures: Mapping[str, float]
    error: str = ""

    def as_kept(self) -> dict[str, object]:
        """For a result's `by_clip`."""
        kept: dict[str, object] = {"answer": self.answer, "figures": dict(self.figures)}
        return kept | {"error": self.error} if self.error else kept


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

    A version that was accepted before keeps its verdict unless it became worse than it was itself. One that fails on a
    clip became worse, whatever its figures are on others; a full disk is the machine's, and says nothing of it.

    Returns:
        One result for each version of a layer that has figures, or has failed.
    """
    found: dict[tuple[str, str], list[_OnClip]] = {}
    measured = {each.layer for each in EVERY.values()}
    wanted = sorted(set(layers or measured))
    for golden in GoldenClip.objects.select_related("clip__project"):
        report(f"Computing {golden.clip.name} …")
        run = runs.request(
            project=golden.clip.project, by=by, clips=[golden.clip], layers=wanted, tell=False, retry=True
        )
        runs.plan(run)
        compute.work_here(run)
        for row in run.layer_runs.select_related("clip").exclude(state=LayerRun.State.DONE).order_by("pk"):
            report(f"{row.layer} on {golden.clip.name}: {row.get_state_display().lower()}. {row.error}")
            if row.state == LayerRun.State.FAILED and row.layer in measured and row.error != failures.DISK_FULL:
                found.setdefault((row.layer, identity(row)), []).append(_OnClip(row, "", {}, row.error))
        rows = list(run.layer_runs.select_related("clip").filter(state=LayerRun.State.DONE))
        answers, figures = _figures(golden, rows)
        for row in rows:
            mine = {each.key: round(value, 4) for each, value in figures.items() if each.layer == row.layer}
            if mine:
                found.setdefault((row.layer, identity(row)), []).append(_OnClip(row, answers[row.layer], mine))
    return [_judge(layer, pipeline, values, by) for (layer, pipeline), values in sorted(found.items())]


@transaction.atomic
def accept(*, layer: str, pipeline: str = "", by: User | None) -> GoldenResult:
    """Accept a version of a layer although it became worse; it is what later ones are compared with.

    Args:
        layer: its layer.
        pipeline: how the version's identity begins; needed only where several versions stand refused.

    Raises:
        RunRefused: no such version stands refused, or it is not clear which one is meant.
    """
    newest: dict[str, GoldenResult] = {}
    for result in GoldenResult.objects.filter(layer=layer, pipeline__startswith=pipeline):
        newest.setdefault(result.pipeline, result)
    refused = [result for result in newest.values() if result.verdict == GoldenResult.Verdict.REFUSED]
    if not refused:
        raise RunRefused(f"No version of {layer}{f' that begins with {pipeline}' if pipeline else ''} stands refused.")
    if len(refused) > 1:
        each = ", ".join(f"{layer}:{result.short} ({result.engine})" for result in refused)
        raise RunRefused(f"Several versions of {layer} stand refused; name the one: {each}.")
    (result,) = refused
    result.verdict, result.by = GoldenResult.Verdict.ACCEPTED, by
    result.save(update_fields=["verdict", "by"])
    return result


def _render(project: Project, seed: int) -> None:
    spec = scene.SceneSpec(seed=seed, frames=FRAMES, width=SIZE[0], height=SIZE[1])
    with tempfile.TemporaryDirectory(prefix="loupe-golden-") as folder:
        path = Path(folder) / f"golden-{seed}.mp4"
        scene.write_video(spec, path)
        facts = inspect(path, limits=clips.limits())
        with transaction.atomic():
            clip = clips.add(project=project, path=path, facts=facts, about={"environment": "rendered"}, by=None)
            GoldenClip.objects.create(clip=clip, seed=seed)


def _figures(golden: GoldenClip, rows: Sequence[LayerRun]) -> tuple[dict[str, str], dict[Measure, float]]:
    """By layer what the answer is, as a SHA-256, and the figures beside it."""
    folder, facts = clips.folder(golden.clip), compute.facts_of(golden.clip)
    readers = {row.layer: registry.get(row.layer).open(folder, facts) for row in rows}
    if golden.seed is not None:
        spec = scene.SceneSpec(seed=golden.seed, frames=facts.frame_count, width=facts.width, height=facts.height)
        return dict.fromkeys(readers, _digest(asdict(spec))), golden_scene.figures(spec, readers, folder)
    accepted = Task.objects.filter(clip=golden.clip, state=Task.State.ACCEPTED)
    drawn, spans = _drawn(golden.clip, accepted), _spans(facts.seconds, accepted)
    masks = sorted(
        (frame, sorted((each.label, each.mask["counts"]) for each in there)) for frame, there in drawn.items()
    )
    answers = {"segmentation": _digest(masks), "detections": _digest(masks), "actions": _digest(spans)}
    return answers, golden_measures.of_truth(drawn, spans, readers, lambda frame: _edge(facts.seconds, frame))


def _drawn(clip: Clip, accepted: QuerySet[Task]) -> dict[int, list[Thing]]:
    """The accepted masks by frame."""
    found: dict[int, list[Thing]] = {}
    heads = MaskRevision.objects.filter(of__task__in=accepted, of__head=F("pk"), deleted=False).exclude(counts="")
    for frame, counts, label in heads.values_list("of__frame", "counts", "of__track__head__label__key"):
        found.setdefault(frame, []).append(Thing(label or "", {"size": [clip.height, clip.width], "counts": counts}))
    return found


def _spans(seconds: Sequence[float], accepted: QuerySet[Task]) -> dict[str, list[Span]]:
    """The accepted segments by level."""
    found: dict[str, list[Span]] = {}
    heads = SegmentRevision.objects.filter(of__task__in=accepted, of__head=F("pk"), deleted=False)
    said = heads.order_by("start", "end").values_list("level", "start", "end", "phase__key", "action__key")
    for level, start, end, phase, action in said:
        found.setdefault(level, []).append((phase or action or "", _edge(seconds, start), _edge(seconds, end)))
    return found


def _digest(answer: object) -> str:
    return hashlib.sha256(json.dumps(answer, sort_keys=True).encode()).hexdigest()


def _edge(seconds: Sequence[float], frame: int) -> float:
    """When a boundary is; the one after the last frame lies as far behind it as the frame before it."""
    if frame < len(seconds):
        return seconds[frame]
    return seconds[-1] + (seconds[-1] - seconds[-2] if len(seconds) > 1 else 0.0)


@transaction.atomic
def _judge(layer: str, pipeline: str, values: Sequence[_OnClip], by: User | None) -> GoldenResult:
    known = GoldenResult.objects.filter(layer=layer)
    mine = known.filter(pipeline=pipeline).first()
    # What was accepted, perhaps by hand, is not held against another version every time it is measured again.
    stands = mine is not None and mine.verdict == GoldenResult.Verdict.ACCEPTED
    accepted = [mine] if mine is not None and stands else list(known.filter(verdict=GoldenResult.Verdict.ACCEPTED))
    compared = _compared(values, accepted)
    worse = [f"It fails on {each.row.clip.name}: {each.error}" for each in values if _fails_newly(each, accepted)]
    worse += [
        f"{name} is {now:.3f} {EVERY[name].unit}, accepted was {was:.3f}."
        for name, (now, was) in compared.items()
        if EVERY[name].worse(now, was)
    ]
    failed = mine is not None and any("error" in there for there in mine.by_clip.values())
    if mine is not None and not (stands or compared or worse or failed):
        worse = [mine.reason]  # it is not forgiven because there is nothing left to compare it with
    reason = " ".join(worse)
    if accepted and not compared and not worse:
        reason = "No accepted version was measured against the same answers, so it was compared with none."
    row = values[0].row
    return GoldenResult.objects.create(
        layer=layer,
        pipeline=pipeline,
        engine=f"{row.engine} {choosing.short(row.engine_version)}".strip(),
        figures=golden_measures.mean([each.figures for each in values]),
        clips=len(values),
        by_clip={str(each.row.clip_id): each.as_kept() for each in values},
        compared=compared,
        verdict=GoldenResult.Verdict.REFUSED if worse else GoldenResult.Verdict.ACCEPTED,
        reason=reason,
        before=accepted[0] if accepted else None,
        by=by,
    )


def _fails_newly(each: _OnClip, accepted: Sequence[GoldenResult]) -> bool:
    """Whether it fails on a clip on which no accepted version was seen to fail."""
    before = (result.by_clip.get(str(each.row.clip_id)) for result in accepted)
    last = next((there for there in before if there), None)
    return bool(each.error) and (last is None or "error" not in last)


def _compared(values: Sequence[_OnClip], accepted: Sequence[GoldenResult]) -> dict[str, list[float]]:
    """By name the mean now and the accepted one, over the clips that have both, each by the newest of `accepted`."""
    pairs: dict[str, list[tuple[float, float]]] = {}
    for each in values:
        before = (result.by_clip.get(str(each.row.clip_id)) for result in accepted)
        same = next((there for there in before if there and there["answer"] == each.answer), None)
        for name, now in each.figures.items():
            if same is not None and name in same["figures"]:
                pairs.setdefault(name, []).append((now, same["figures"][name]))
    return {
        name: [fmean(now for now, _ in both), fmean(was for _, was in both)] for name, both in sorted(pairs.items())
    }
