"""How a clip's work is cut into batches, and what of it is still there when it is asked for again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import ClassVar

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from annotation import clips
from annotation.media.clip_folder import ClipFolder
from annotation.models import Clip, Project
from enrichment import batches, compute, ledger, runs
from enrichment.layer import Context, Layer, Product, Span
from enrichment.models import Batch, LayerRun, Run
from tests.annotation.media.test_clip_folder import FolderMirror
from tests.enrichment.layers import Numbers, Sums, only

State = LayerRun.State


class Thirds(Numbers):
    """Works only on every third frame that Numbers wrote."""

    name = "thirds"
    title = "Thirds"
    inputs = ("numbers",)
    batch_frames = None
    batch_stops = 3
    breaks_at: ClassVar[int | None] = None

    def stops(self, folder: ClipFolder) -> Sequence[int]:
        return [int(number) - 1 for number in json.loads(folder.local("numbers/all.json").read_bytes())][::3]

    def compute(self, context: Context, span: Span) -> None:
        self.ran[f"{self.name} {span.index}"] += 1
        if span.index == self.breaks_at:
            raise RuntimeError("the lamp went out")
        context.pieces.write_json(f"{span.index}.json", span.among(self.stops(context.folder)))

    def publish(self, context: Context) -> Product:
        spans = self.spans(context.clip.frame_count, self.stops(context.folder))
        found = [number for span in spans for number in context.pieces.read_json(f"{span.index}.json")]
        return Product([context.folder.write("thirds/all.json", str(found).encode())])


@pytest.fixture
def layers() -> Iterator[dict[str, Layer]]:
    with only(Numbers, Thirds) as known:
        yield known


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "RETRY_AFTER", (0.0, 0.0))


def planned(project: Project, by: User, **given: object) -> Run:
    run = runs.request(project=project, by=by, tell=False, **given)  # type: ignore[arg-type]
    runs.plan(run)
    return run


class TestSpans:
    def test_stops_are_shared_out_evenly_and_all_frames_belong_to_a_batch(self) -> None:
        spans = Thirds().spans(100, [40, 3, 3, 50, 7, 60, 70, 99])
        assert [(span.start, span.end) for span in spans] == [(0, 50), (50, 99), (99, 100)]
        assert [span.among([3, 7, 40, 50, 60, 70, 99]) for span in spans] == [[3, 7, 40], [50, 60, 70], [99]]

    @pytest.mark.parametrize("stops", [[], [5], [5, 6, 7]])
    def test_few_stops_are_one_batch(self, stops: list[int]) -> None:
        assert Thirds().spans(24, stops) == [Span(0, 0, 24)]


@pytest.mark.django_db
class TestCutting:
    def test_a_layer_that_stops_here_and_there_is_cut_when_it_is_known_where(
        self, project: Project, clip: Clip, alice: User, layers: dict[str, Layer]
    ) -> None:
        run = planned(project, alice)
        compute.work_here(run)
        thirds = LayerRun.objects.get(clip=clip, layer="thirds")
        assert (thirds.state, thirds.error) == (State.DONE, "")
        cut = thirds.batches.filter(closing=False).values_list("start", "end")
        assert list(cut) == [(0, 9), (9, 18), (18, 24)]
        assert (clip.folder / "thirds/all.json").read_text() == str(list(range(0, 24, 3)))

    def test_where_it_stops_cannot_be_read_it_fails_by_itself_and_with_the_reason(
        self, project: Project, clip: Clip, alice: User, layers: dict[str, Layer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Numbers, "publish", lambda self, context: Product([context.folder.write("numbers/x", b"")]))
        run = planned(project, alice)
        compute.work_here(run)
        assert LayerRun.objects.get(clip=clip, layer="numbers").state == State.DONE
        thirds = LayerRun.objects.get(clip=clip, layer="thirds")
        assert thirds.state == State.FAILED
        assert "There is no numbers/all.json" in thirds.error


def ran(layer: str) -> list[str]:
    """What was computed of a layer since the count began: numbers of batches, or closing."""
    return sorted(step.split()[1] for step in Numbers.ran.elements() if step.split()[0] == layer)


@pytest.mark.django_db
class TestAskingAgainAfterAFailure:
    @pytest.fixture(params=[Numbers, Sums])
    def failed(
        self,
        request: pytest.FixtureRequest,
        project: Project,
        clip: Clip,
        alice: User,
        small_layers: dict[str, Layer],
        monkeypatch: pytest.MonkeyPatch,
    ) -> LayerRun:
        """A layer of which the last of three batches has failed, beside each other or in sequence; it is mended."""
        with monkeypatch.context() as broken:
            broken.setattr(request.param, "breaks_at", 2)
            compute.work_here(planned(project, alice))
        Numbers.ran.clear()
        layer_run = LayerRun.objects.get(clip=clip, layer=request.param.name)
        assert (layer_run.state, layer_run.error) == (State.FAILED, "RuntimeError: the sensor was unplugged.")
        return layer_run

    def content(self, layer_run: LayerRun) -> str:
        return (layer_run.clip.folder / f"{layer_run.layer}/all.json").read_text()

    def whole(self, layer_run: LayerRun) -> str:
        numbers = range(1, 25) if layer_run.layer == "numbers" else accumulate(range(24))
        return str(list(numbers))

    def test_what_was_done_is_not_computed_again(self, failed: LayerRun, project: Project, alice: User) -> None:
        run = planned(project, alice, layers=[failed.layer])
        failed.refresh_from_db()
        assert (failed.state, failed.batches_done, failed.batches_total) == (State.QUEUED, 2, 4)
        compute.work_here(run)
        assert ran(failed.layer) == ["2", "closing"]
        assert self.content(failed) == self.whole(failed)

    def test_a_batch_whose_piece_is_gone_is_and_in_a_sequence_all_after_it(
        self, failed: LayerRun, project: Project, alice: User
    ) -> None:
        batches.pieces_of(failed).path("0.json").unlink()
        compute.work_here(planned(project, alice, layers=[failed.layer]))
        assert ran(failed.layer) == (["0", "1", "2", "closing"] if failed.layer == "sums" else ["0", "2", "closing"])
        assert self.content(failed) == self.whole(failed)

    def test_other_parameters_begin_anew(self, failed: LayerRun, project: Project, alice: User) -> None:
        runs.configure(project=project, layer=failed.layer, parameters={"add": 5}, by=alice)
        compute.work_here(planned(project, alice, layers=[failed.layer]))
        assert ran(failed.layer) == ["0", "1", "2", "closing"]

    def test_another_cut_begins_anew(
        self, failed: LayerRun, project: Project, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Numbers, "batch_frames", 12)
        compute.work_here(planned(project, alice, layers=[failed.layer]))
        assert ran(failed.layer) == ["0", "1", "closing"]
        assert self.content(failed) == self.whole(failed)

    def test_a_piece_that_is_lost_before_the_end_costs_its_batch_and_no_other(
        self, failed: LayerRun, project: Project, alice: User
    ) -> None:
        run = planned(project, alice, layers=[failed.layer])
        while Batch.objects.filter(layer_run=failed, closing=False).exclude(state=Batch.State.DONE).exists():
            compute.run_batch(Batch.objects.filter(Batch.is_due(), layer_run=failed).earliest("index").pk)
        batches.pieces_of(failed).path("2.json").unlink()
        compute.work_here(run)
        assert ran(failed.layer) == ["2", "2", "closing", "closing"]
        assert self.content(failed) == self.whole(failed)


@pytest.mark.django_db
def test_another_machine_goes_on_with_the_pieces_that_lie_in_the_mirror(
    project: Project, clip: Clip, alice: User, layers: dict[str, Layer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mirror = FolderMirror(tmp_path / "mirror")
    monkeypatch.setattr(clips, "mirror", lambda: mirror)
    with monkeypatch.context() as broken:
        broken.setattr(Numbers, "breaks_at", 2)
        compute.work_here(planned(project, alice))
    Numbers.ran.clear()
    shutil.rmtree(clip.folder.parent / ".checkpoints")
    compute.work_here(planned(project, alice, layers=["numbers"]))
    assert ran("numbers") == ["2", "closing"]


class Squares(Numbers):
    """As quick as Numbers, over the same frames."""

    name = "squares"
    title = "Squares"


@pytest.mark.django_db
@pytest.mark.parametrize(("seconds", "done"), [(1680, ["numbers", "squares"]), (0, ["numbers"])])
def test_quick_layers_go_together_until_a_third_of_a_batchs_time_is_gone(
    seconds: int, done: list[str], project: Project, clip: Clip, alice: User, settings: Settings
) -> None:
    settings.BATCH_SECONDS = seconds
    with only(Numbers, Squares):
        planned(project, alice)
        compute.run_batch(Batch.objects.get(layer_run__layer="numbers", index=0).pk)
    found = Batch.objects.filter(state=Batch.State.DONE).values_list("layer_run__layer", flat=True)
    assert sorted(found) == done


class Answers(Numbers):
    """Asks something dear of every frame, and leaves each answer by itself."""

    name = "answers"
    title = "Answers"

    def compute(self, context: Context, span: Span) -> None:
        for frame in range(span.start, span.end):
            if not context.pieces.has(f"frame_{frame}.json"):
                self.ran[f"{self.name} {frame}"] += 1
                context.pieces.write_json(f"frame_{frame}.json", frame)

    def publish(self, context: Context) -> Product:
        found = [context.pieces.read_json(f"frame_{frame}.json") for frame in range(context.clip.frame_count)]
        return Product([context.folder.write("answers/all.json", str(found).encode())])


@pytest.mark.django_db
def test_an_answer_is_asked_for_once_though_a_newer_version_cuts_otherwise(
    project: Project, clip: Clip, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with only(Answers):
        run = planned(project, alice)
        for batch in Batch.objects.filter(closing=False):
            compute.run_batch(batch.pk)
        monkeypatch.setattr(Answers, "batch_frames", 7)
        compute.work_here(run)
        answers = LayerRun.objects.get(clip=clip)
        assert (answers.state, answers.batches_total) == (State.DONE, 4 + 1)
        assert set(Numbers.ran.values()) == {1}
    assert (clip.folder / "answers/all.json").read_text() == str(list(range(24)))
