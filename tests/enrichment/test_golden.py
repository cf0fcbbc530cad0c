from __future__ import annotations

import errno
import json
import uuid
from pathlib import Path

import cv2
import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from annotation import masks, segments, tracks
from annotation.geometry import rle
from annotation.media.clip_folder import ClipFolder
from annotation.media.mask_tracks import MaskTracks
from annotation.models import Clip, Project, Task
from annotation.scene import SceneSpec, describe, render
from enrichment import golden, golden_measures, golden_scene, ledger, registry, runs, versions
from enrichment.box_files import BoxReader
from enrichment.errors import EngineInputError, RunRefused
from enrichment.golden_measures import Thing
from enrichment.layer import Context, Span
from enrichment.layers import depth
from enrichment.layers.flow import OpticalFlow
from enrichment.models import GoldenClip, GoldenResult, LayerRun
from enrichment.pose_files import FILE, PoseReader

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
    result = GoldenResult.objects.get()
    for there in result.by_clip.values():
        there["figures"]["flow: mean end-point error"] = 0.0001
    result.save()
    with pytest.raises(CommandError, match="refused"):
        call_command("golden", layers="flow", seeds="7")
    call_command("golden", accept=f"flow:{result.short}")
    assert GoldenResult.objects.first().verdict == Verdict.ACCEPTED  # type: ignore[union-attr]


def test_a_version_that_fails_is_refused_with_the_reason(
    scene: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = measured(alice)
    runs.configure(project=scene, layer="flow", parameters={"preset": "ultrafast"}, by=alice)

    def compute(self: OpticalFlow, context: Context, span: Span) -> None:
        raise EngineInputError("This version takes no clip at all.")

    with monkeypatch.context() as broken:
        broken.setattr(OpticalFlow, "compute", compute)
        said: list[str] = []
        (result,) = golden.measure(layers=["flow"], by=alice, report=said.append)
        (clip,) = scene.clips.all()
        assert f"flow on {clip.name}: failed. This version takes no clip at all." in said
        assert (result.verdict, result.figures, result.before) == (Verdict.REFUSED, {}, before)
        assert result.reason == f"It fails on {clip.name}: This version takes no clip at all."
        with pytest.raises(CommandError, match=f"is refused: It fails on {clip.name}: This version takes no clip"):
            call_command("golden", layers="flow", seeds="7")
        # Somebody takes it all the same: then it is not held against it again.
        golden.accept(layer="flow", by=alice)
        assert measured(alice).verdict == Verdict.ACCEPTED
    # It failed for a reason that has gone: it is judged by its figures again.
    assert measured(alice).figures


def test_a_full_disk_refuses_no_version(scene: Project, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def compute(self: OpticalFlow, context: Context, span: Span) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(OpticalFlow, "compute", compute)
        full.setattr(ledger, "RETRY_AFTER", (0.0, 0.0))
        said: list[str] = []
        assert golden.measure(layers=["flow"], by=alice, report=said.append) == []
        assert any("The disk is full" in each for each in said)
    assert measured(alice).verdict == Verdict.ACCEPTED


def test_the_first_version_of_all_that_failed_is_free_when_it_does_no_more(
    scene: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compute(self: OpticalFlow, context: Context, span: Span) -> None:
        raise EngineInputError("It is not what it was.")

    with monkeypatch.context() as broken:
        broken.setattr(OpticalFlow, "compute", compute)
        assert measured(alice).verdict == Verdict.REFUSED
    assert measured(alice).verdict == Verdict.ACCEPTED


def add_scene(project: Project, seed: int) -> Clip:
    """A rendered clip with its answer in another project than the golden one."""
    there = set(project.clips.values_list("pk", flat=True))
    golden._render(project, seed)
    return project.clips.exclude(pk__in=there).get()


def test_a_clip_that_is_added_later_does_not_make_the_same_version_worse(
    scene: Project, project: Project, alice: User
) -> None:
    before = measured(alice)
    hard = add_scene(project, 8)
    # It stands for footage on which the same version does far worse than on the scenes.
    GoldenClip.objects.filter(clip=hard).update(seed=9)
    after = measured(alice)
    assert (after.clips, after.verdict) == (2, Verdict.ACCEPTED)
    name = "flow: mean end-point error"
    assert after.figures[name] > before.figures[name] + golden_measures.FLOW.slack
    assert after.compared == {name: [before.figures[name]] * 2}


def test_another_projects_version_is_compared_on_its_own_clips_alone(
    scene: Project, project: Project, alice: User
) -> None:
    add_scene(project, 8)
    runs.configure(project=project, layer="flow", parameters={"preset": "ultrafast", "scale": 0.3}, by=alice)
    for _ in range(2):
        both = golden.measure(layers=["flow"], by=alice, report=quiet)
        assert [(result.clips, result.verdict) for result in both] == [(1, Verdict.ACCEPTED)] * 2


def test_of_several_refused_versions_the_one_that_is_named_is_accepted(scene: Project, alice: User) -> None:
    measured(alice)
    refused = []
    for scale in (0.3, 0.25):
        runs.configure(project=scene, layer="flow", parameters={"preset": "ultrafast", "scale": scale}, by=alice)
        refused.append(measured(alice))
    assert {result.verdict for result in refused} == {Verdict.REFUSED}
    with pytest.raises(RunRefused, match=refused[0].short):
        golden.accept(layer="flow", by=alice)
    assert golden.accept(layer="flow", pipeline=refused[0].short, by=alice) == refused[0]
    with pytest.raises(RunRefused, match="begins with"):
        golden.accept(layer="flow", pipeline=refused[0].short, by=alice)
    # What was accepted by hand stands when it is measured again, and so does the refusal of the other.
    for scale, verdict in ((0.3, Verdict.ACCEPTED), (0.25, Verdict.REFUSED)):
        runs.configure(project=scene, layer="flow", parameters={"preset": "ultrafast", "scale": scale}, by=alice)
        assert measured(alice).verdict == verdict


def test_a_refused_version_is_not_accepted_because_the_answers_changed(scene: Project, alice: User) -> None:
    measured(alice)
    runs.configure(project=scene, layer="flow", parameters={"preset": "ultrafast", "scale": 0.3}, by=alice)
    refused = measured(alice)
    GoldenClip.objects.update(seed=8)
    again = measured(alice)
    assert (again.verdict, again.reason, again.compared) == (Verdict.REFUSED, refused.reason, {})


def test_scenes_are_rendered_once(scene: Project, alice: User) -> None:
    golden.prepare(seeds=[7], by=alice, report=quiet)
    assert GoldenClip.objects.count() == 1


def test_a_clip_is_golden_once_people_accepted_its_annotations(clip: Clip, alice: User) -> None:
    with pytest.raises(RunRefused, match="accepted"):
        golden.mark(clip=clip, by=alice)
    Task.objects.filter(clip=clip).update(state=Task.State.ACCEPTED)
    assert golden.mark(clip=clip, by=alice) == golden.mark(clip=clip, by=alice)


def test_the_truth_itself_scores_full_marks(tmp_path: Path) -> None:
    frames = list(render(SceneSpec(seed=3, frames=30, width=128, height=96)))[:3]
    labels = {1: "support_surface", 2: "target_object"}
    drawn = {
        n: [Thing(label, rle.encode(frame.instances == i)) for i, label in labels.items()]
        for n, frame in enumerate(frames)
    }
    tracks = registry.get("segmentation")
    proposed = [
        {"track_id": i, "label": "", "confidence": 1, "frames": {n: there[i].mask for n, there in drawn.items()}}
        for i in range(len(labels))
    ]
    (tmp_path / "masks.json").write_text(json.dumps({"size": frames[0].instances.shape, "tracks": proposed}))
    reader = MaskTracks(tmp_path / "masks.json")
    spans = {"task": [("pick", 0.0, 2.5)], "primitive": [("grasp", 0.0, 1.0), ("lift", 1.0, 2.5)]}
    # As layers write them: a task has an action and no phase, and so may a primitive.
    segments = [
        {"level": "task", "action": "pick", "phase": "", "start": 0, "end": 25},
        {"level": "primitive", "action": "pick", "phase": "grasp", "start": 0, "end": 10},
        {"level": "primitive", "action": "lift", "phase": "", "start": 10, "end": 25},
    ]
    actions = golden_measures.ActionsReader(motion=None, segments=segments)  # type: ignore[arg-type]
    box = {"label": "target_object", "confidence": 1.0, "bbox": rle.bbox(drawn[0][1].mask)}
    other = box | {"label": "gripper", "bbox": rle.bbox(drawn[2][1].mask)}
    folder = ClipFolder(tmp_path)
    folder.write("boxes.json", json.dumps({"frames": {"0": [box], "2": [other]}}).encode())
    given = {tracks.name: reader, "actions": actions, "detections": BoxReader(folder.local("boxes.json"))}
    figures = golden_measures.of_truth(drawn, spans, given, lambda frame: frame / 10)
    assert figures == {
        golden_measures.MASKS: 1.0,
        golden_measures.FOUND: 1.0,
        golden_measures.NAMED: 0.5,
        golden_measures.BOUNDARY: 0.0,
        golden_measures.SEGMENTS: 1.0,
    }
    # People did not say what the task is: then nobody judges what is proposed as one.
    del spans["task"]
    assert golden_measures.of_truth(drawn, spans, given, lambda frame: frame / 10)[golden_measures.SEGMENTS] == 1.0


def test_depth_is_judged_in_metres_and_as_far_as_scale_and_shift_are_open() -> None:
    truth = np.linspace(0.5, 2.0, 48, dtype=np.float32).reshape(6, 8)
    metres, aligned = golden_measures.METRES, golden_measures.DEPTH
    assert golden_scene.depth_errors(truth, truth, metric=True) == pytest.approx({metres: 0.0, aligned: 0.0}, abs=1e-6)
    assert golden_scene.depth_errors(truth * 1.1, truth, metric=True)[metres] == pytest.approx(0.1)
    relative = golden_scene.depth_errors(7.0 / truth + 3.0, truth, metric=False)
    assert relative == pytest.approx({aligned: 0.0}, abs=1e-5)
    flat = golden_scene.depth_errors(np.ones_like(truth), truth, metric=False)[aligned]
    assert flat > 0.2, "a wall before everything fits nothing"
    half = np.where(np.arange(8) < 4, truth, 0)
    assert golden_scene.depth_errors(half, truth, metric=True)[metres] == pytest.approx(0.5)
    assert golden_scene.depth_errors(np.zeros_like(truth), truth, metric=True) == {metres: 1.0, aligned: 1.0}


def test_the_grippers_way_is_compared_with_the_middle_of_its_fingertips() -> None:
    truth = describe(SceneSpec(seed=3, frames=30, width=128, height=96))
    tips = truth.fingertips_px.mean(axis=1).astype(np.float32)
    pixels = np.stack([np.zeros_like(tips), tips + np.float32([3, 4])])
    assert golden_scene.tip_error(pixels, ["human_hand", "gripper"], truth) == pytest.approx(5.0, abs=1e-3)
    assert golden_scene.tip_error(pixels[:1], ["human_hand"], truth) == 160.0
    pixels[1, 5:] = np.nan
    assert golden_scene.tip_error(pixels, ["human_hand", "gripper"], truth) == 160.0


@pytest.mark.parametrize("metric", [True, False])
def test_a_depth_layers_files_are_compared_with_the_scenes_depth(tmp_path: Path, metric: bool) -> None:
    spec = SceneSpec(seed=3, frames=16, width=128, height=96)
    folder = ClipFolder(tmp_path)
    scales = []
    for frame in render(spec):
        depths = frame.depth * 1.1 if metric else 1.0 / frame.depth
        scales.append(0.001 if metric else depth.relative_scale(depths))
        _, png = cv2.imencode(".png", depth.stored(depths, scales[-1]))
        folder.write(depth.file_of(frame.index), png.tobytes())
    folder.write(depth.META_FILE, json.dumps({"kind": "metric" if metric else "relative", "scale": scales}).encode())
    figures = golden_scene.figures(spec, {"depth": depth.DepthReader(folder)}, folder)
    assert figures.pop(golden_measures.DEPTH) < 0.001
    assert figures == ({golden_measures.METRES: pytest.approx(0.1, abs=0.001)} if metric else {})


def test_people_who_are_seen_on_a_scene_are_not_there(tmp_path: Path) -> None:
    spec = SceneSpec(seed=3, frames=16, width=64, height=48)
    folder = ClipFolder(tmp_path)
    box = {"label": "person", "confidence": 0.9, "bbox": [1, 2, 3, 4]}
    folder.write("boxes.json", json.dumps({"frames": {"0": [box], "1": [box, box], "2": []}}).encode())
    points = [{"image_id": 1, "track_id": 1, "keypoints": [1, 2, 0.5]}]
    content = {"categories": [{"keypoints": ["nose"], "skeleton": []}], "annotations": points}
    folder.write(FILE, json.dumps(content).encode())
    readers = {"people": BoxReader(folder.local("boxes.json")), "pose": PoseReader(folder.local(FILE))}
    figures = golden_scene.figures(spec, readers, folder)
    assert figures == {golden_measures.PEOPLE: 3 / 16, golden_measures.POSE: 1 / 16}


def test_no_cut_and_no_bad_frame_is_in_a_scene(scene: Project, alice: User) -> None:
    results = golden.measure(layers=["keyframes", "metadata"], by=alice, report=quiet)
    figures = {name: value for result in results for name, value in result.figures.items()}
    assert figures == {golden_measures.CUTS.key: 0.0, golden_measures.FAULTS.key: 0.0}


def test_what_people_accepted_is_the_answer_with_its_labels_and_levels(clip: Clip, alice: User, bob: User) -> None:
    task = clip.tasks.get()
    Task.objects.filter(pk=task.pk).update(state=Task.State.IN_PROGRESS, assignee=bob)
    task.refresh_from_db()
    track = uuid.uuid4()
    tracks.save(task=task, id=track, base_version=0, by=bob, label="target_object")
    mask = np.zeros((clip.height, clip.width), np.uint8)
    mask[10:30, 10:40] = 1
    counts = rle.encode(mask)["counts"]
    masks.save(task=task, id=uuid.uuid4(), base_version=0, by=bob, track_id=track, frame=2, counts=counts)
    shared = {"task": task, "base_version": 0, "by": bob, "action": "pick_and_place"}
    segments.save(id=uuid.uuid4(), start=0, end=12, phase="grasp", **shared)
    segments.save(id=uuid.uuid4(), start=12, end=24, **shared)
    Task.objects.filter(pk=task.pk).update(state=Task.State.ACCEPTED)
    accepted, seconds = Task.objects.filter(clip=clip), [n / 12 for n in range(24)]
    assert golden._drawn(clip, accepted) == {2: [Thing("target_object", {"size": [64, 96], "counts": counts})]}
    assert golden._spans(seconds, accepted) == {"primitive": [("grasp", 0.0, 1.0), ("pick_and_place", 1.0, 2.0)]}


@pytest.mark.parametrize(
    ("more", "now", "before", "worse"),
    [(True, 0.80, 0.82, True), (True, 0.815, 0.82, False), (False, 0.5, 0.4, True), (False, 0.3, 0.4, False)],
)
def test_worse_means_beyond_the_slack(more: bool, now: float, before: float, worse: bool) -> None:
    measure = golden_measures.Measure(OpticalFlow.name, "any", "", more, 0.01)
    assert measure.worse(now, before) is worse


def test_seeds_that_are_no_numbers_are_answered_with_a_sentence() -> None:
    with pytest.raises(CommandError, match="--seeds has 'a', which is no whole number"):
        call_command("golden", seeds="7,a")
