from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from annotation.geometry import rle
from annotation.models import Clip, Project, Task
from annotation.scene import SceneSpec, render
from enrichment import golden, golden_measures, registry, runs, versions
from enrichment.errors import RunRefused
from enrichment.layers.flow import OpticalFlow
from enrichment.models import GoldenClip, GoldenResult, LayerRun

pytestmark = pytest.mark.django_db
Verdict = GoldenResult.Verdict


def quiet(_: str) -> None:
    """Nobody reads it."""


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch, alice: User) -> Project:
    """A golden project with one short scene."""
    monkeypatch.setattr(golden, "FRAMES", 30)
    monkeypatch.setattr(golden, "SIZE", (128, 96))
    return golden.prepare(seeds=[7], by=alice, report=quiet)


def measured(alice: User) -> GoldenResult:
    (result,) = golden.measure(layers=["flow"], by=alice, report=quiet)
    return result


def test_the_first_version_is_what_later_ones_are_compared_with(scene: Project, alice: User) -> None:
    result = measured(alice)
    assert result.verdict == Verdict.ACCEPTED
    assert list(result.figures) == ["flow: mean end-point error"]
    assert 0 < result.figures["flow: mean end-point error"] < 2


def test_a_version_that_became_worse_is_refused_until_it_is_accepted(
    scene: Project, project: Project, clip: Clip, alice: User
) -> None:
    before = measured(alice)
    runs.configure(project=scene, layer="flow", parameters={"preset": "ultrafast", "scale": 0.3}, by=alice)
    after = measured(alice)
    assert after.verdict == Verdict.REFUSED
    assert after.before == before
    assert "flow: mean end-point error is" in after.reason
    # No project computes it any more …
    runs.configure(project=project, layer="flow", parameters={"preset": "ultrafast", "scale": 0.3}, by=alice)
    runs.plan(runs.request(project=project, by=alice, layers=["flow"], tell=False))
    refused = LayerRun.objects.current().get(clip=clip, layer="flow")
    assert refused.state == LayerRun.State.FAILED
    assert "refused by the golden set" in refused.error
    # … while the version before is free, and so is this one once somebody says so.
    runs.configure(project=project, layer="flow", parameters={}, by=alice)
    runs.plan(runs.request(project=project, by=alice, layers=["flow"], tell=False))
    assert LayerRun.objects.current().get(clip=clip, layer="flow").state == LayerRun.State.QUEUED
    golden.accept(layer="flow", by=alice)
    assert versions.refusal(refused) == ""


def test_the_command_fails_when_something_became_worse(
    scene: Project, alice: User, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("golden", layers="flow", seeds="7")
    assert "flow by" in capsys.readouterr().out
    GoldenResult.objects.update(figures={"flow: mean end-point error": 0.0001})
    with pytest.raises(CommandError, match="refused"):
        call_command("golden", layers="flow", seeds="7")
    call_command("golden", accept="flow")
    assert GoldenResult.objects.first().verdict == Verdict.ACCEPTED  # type: ignore[union-attr]


def test_scenes_are_rendered_once(scene: Project, alice: User) -> None:
    golden.prepare(seeds=[7], by=alice, report=quiet)
    assert GoldenClip.objects.count() == 1


def test_a_clip_is_golden_once_people_accepted_its_annotations(clip: Clip, alice: User) -> None:
    with pytest.raises(RunRefused, match="accepted"):
        golden.mark(clip=clip, by=alice)
    Task.objects.filter(clip=clip).update(state=Task.State.ACCEPTED)
    assert golden.mark(clip=clip, by=alice) == golden.mark(clip=clip, by=alice)


def test_the_truth_itself_scores_full_marks(tmp_path: object) -> None:
    frames = list(render(SceneSpec(seed=3, frames=30, width=128, height=96)))[:3]
    drawn = {n: [rle.encode(frame.instances == i) for i in (1, 2)] for n, frame in enumerate(frames)}
    tracks = registry.get("segmentation")
    reader = object.__new__(golden_measures.TrackReader)
    reader.size = frames[0].instances.shape
    reader._by_frame = {n: [(i, mask["counts"]) for i, mask in enumerate(masks)] for n, masks in drawn.items()}
    spans = [("grasp", 0.0, 1.0), ("lift", 1.0, 2.5)]
    segments = [{"phase": phase, "start": int(a * 10), "end": int(b * 10)} for phase, a, b in spans]
    actions = golden_measures.ActionsReader(motion=None, segments=segments)  # type: ignore[arg-type]
    figures = golden_measures.of_truth(
        drawn, spans, {tracks.name: reader, "actions": actions}, lambda frame: frame / 10
    )
    assert figures == {
        golden_measures.MASKS: 1.0,
        golden_measures.BOUNDARY: 0.0,
        golden_measures.SEGMENTS: 1.0,
    }


@pytest.mark.parametrize(
    ("more", "now", "before", "worse"),
    [(True, 0.80, 0.82, True), (True, 0.815, 0.82, False), (False, 0.5, 0.4, True), (False, 0.3, 0.4, False)],
)
def test_worse_means_beyond_the_slack(more: bool, now: float, before: float, worse: bool) -> None:
    measure = golden_measures.Measure(OpticalFlow.name, "any", "", more, 0.01)
    assert measure.worse(now, before) is worse
