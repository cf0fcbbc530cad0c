from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.contrib.auth.models import User
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from annotation import clips
from annotation.models import Clip, Project
from enrichment import batches, compute, failures, jobs, leases, ledger, priorities, progress, queue, runs
from enrichment.layer import Context, Layer, Product, Span
from enrichment.models import Batch, LayerRun, Run, from_now
from tests.enrichment.layers import Numbers
from tests.factories import ClipFactory

State = LayerRun.State


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "RETRY_AFTER", (0.0, 0.0))


@pytest.fixture
def asked(project: Project, clip: Clip, alice: User, small_layers: dict[str, Layer]) -> Run:
    """All small layers on one clip of 24 frames, planned."""
    run = runs.request(project=project, by=alice, clips=[clip], tell=False)
    runs.plan(run)
    return run


def finish(run: Run) -> None:
    compute.work_here(run)
    run.refresh_from_db()


def states(clip: Clip) -> dict[str, str]:
    return dict(LayerRun.objects.current().filter(clip=clip).values_list("layer", "state"))


def content(clip: Clip) -> dict[str, str]:
    root = clip.folder
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.mark.django_db
class TestAskingAgain:
    def test_layers_are_computed_in_order_and_listed_in_the_manifest(self, asked: Run, clip: Clip) -> None:
        assert states(clip) == {"numbers": State.QUEUED, "sums": State.WAITING, "last": State.WAITING}
        finish(asked)
        assert states(clip) == dict.fromkeys(("numbers", "sums", "last"), State.DONE)
        manifest = clips.folder(clip).manifest()
        assert manifest["layers"]["sums"]["engine"] == "counter"
        assert clips.folder(clip).verify() == []
        assert (clip.folder / "sums/all.json").read_text().endswith(f"{sum(range(24))}]")
        assert asked.settled_at is not None

    def test_what_an_earlier_version_cut_otherwise_is_begun_again(
        self, asked: Run, clip: Clip, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        numbers = LayerRun.objects.get(clip=clip, layer="numbers")
        cut = numbers.batches.filter(closing=False).count()
        assert cut > 1
        monkeypatch.setattr(Numbers, "batch_frames", 2 * Numbers.batch_frames)
        finish(asked)
        assert states(clip) == dict.fromkeys(("numbers", "sums", "last"), State.DONE)
        assert numbers.batches.filter(closing=False).count() < cut
        assert (clip.folder / "sums/all.json").read_text().endswith(f"{sum(range(24))}]")

    def test_no_layer_that_ends_reads_all_clips_of_its_run(self, asked: Run, clip: Clip) -> None:
        with CaptureQueriesContext(connection) as seen:
            compute.work_here(asked)
        assert states(clip) == dict.fromkeys(("numbers", "sums", "last"), State.DONE)
        assert [query["sql"] for query in seen.captured_queries if '"enrichment_run"."clips"' in query["sql"]] == []

    def test_asking_again_does_nothing(self, asked: Run, project: Project, clip: Clip, alice: User) -> None:
        finish(asked)
        before, ran = content(clip), Numbers.ran.copy()
        again = runs.request(project=project, by=alice, tell=False)
        runs.plan(again)
        finish(again)
        assert content(clip) == before
        assert Numbers.ran == ran
        assert again.settled_at is not None

    def test_a_changed_parameter_computes_that_layer_and_what_depends_on_it(
        self, asked: Run, project: Project, clip: Clip, alice: User
    ) -> None:
        finish(asked)
        Numbers.ran.clear()
        runs.configure(project=project, layer="sums", parameters={"add": 5}, by=alice)
        again = runs.request(project=project, by=alice, tell=False)
        runs.plan(again)
        finish(again)
        assert {name.split()[0] for name in Numbers.ran} == {"sums", "last"}
        assert LayerRun.objects.filter(clip=clip, layer="sums").count() == 2
        assert LayerRun.objects.current().filter(clip=clip, layer="sums").count() == 1

    def test_a_file_that_went_missing_is_made_again_just_the_same(
        self, asked: Run, project: Project, clip: Clip, alice: User
    ) -> None:
        finish(asked)
        before = content(clip)
        (clip.folder / "numbers/all.json").unlink()
        again = runs.request(project=project, by=alice, tell=False)
        runs.plan(again)
        finish(again)
        assert content(clip) == before
        assert Numbers.ran["sums closing"] == 1

    def test_planning_twice_plans_once(self, asked: Run) -> None:
        batches = Batch.objects.count()
        Run.objects.filter(pk=asked.pk).update(planned_at=None)
        runs.plan(Run.objects.get(pk=asked.pk))
        assert Batch.objects.count() == batches

    def test_a_newer_request_takes_unfinished_work_out_of_the_workers_hands(
        self, asked: Run, project: Project, clip: Clip, alice: User
    ) -> None:
        held = ledger.claim(Batch.objects.filter(layer_run__layer="numbers").earliest("index").pk)
        assert held is not None
        runs.configure(project=project, layer="numbers", parameters={"add": 7}, by=alice)
        newer = runs.request(project=project, by=alice, tell=False)
        runs.plan(newer)
        assert not held.renew()
        assert ledger.complete(held) is False
        assert LayerRun.objects.get(pk=held.batch.layer_run_id).state == State.SUPERSEDED
        finish(newer)
        assert (clip.folder / "numbers/all.json").read_text().startswith("[7, 8, ")


@pytest.mark.django_db
class TestClaims:
    def test_a_batch_is_held_by_one_worker(self, asked: Run) -> None:
        first = Batch.objects.filter(layer_run__layer="numbers").earliest("index")
        assert ledger.claim(first.pk) is not None
        assert ledger.claim(first.pk) is None

    def test_three_deliveries_of_every_job_leave_one_artifact_with_one_hash(self, asked: Run, clip: Clip) -> None:
        while asked.layer_runs.unsettled().exists():
            for pk in list(Batch.objects.filter(state=Batch.State.QUEUED).values_list("pk", flat=True)):
                for _ in range(3):
                    compute.run_batch(pk)
        assert set(Numbers.ran.values()) == {1}
        assert clips.folder(clip).verify() == []

    def test_a_batch_done_again_after_its_worker_lost_it_leaves_the_same_bytes(self, asked: Run, clip: Clip) -> None:
        slow = ledger.claim(Batch.objects.filter(layer_run__layer="numbers").earliest("index").pk)
        assert slow is not None
        Batch.objects.filter(pk=slow.batch.pk).update(leased_until=from_now(-1))
        finish(asked)
        before = content(clip)
        # The worker that everybody thought dead wakes up and ends its batch.
        compute._compute(slow, compute.Heartbeat("slow", slow.renew))
        assert ledger.complete(slow) is False
        assert content(clip) == before

    def test_a_sequential_layer_offers_one_batch_at_a_time(self, asked: Run) -> None:
        while not Batch.objects.filter(layer_run__layer="sums").exists():
            for pk in list(Batch.objects.filter(state=Batch.State.QUEUED).values_list("pk", flat=True)):
                compute.run_batch(pk)
        offered = Batch.objects.filter(layer_run__layer="sums", state=Batch.State.QUEUED)
        assert [batch.index for batch in offered] == [0]
        compute.run_batch(offered.get().pk)
        assert [batch.index for batch in offered.all()] == [1]

    def test_pieces_that_were_lost_are_computed_again(self, asked: Run, clip: Clip) -> None:
        numbers = LayerRun.objects.get(clip=clip, layer="numbers")
        for batch in numbers.batches.filter(closing=False):
            compute.run_batch(batch.pk)
        batches.pieces_of(numbers).clear()
        finish(asked)
        assert states(clip)["numbers"] == State.DONE
        assert Numbers.ran["numbers 0"] == 2

    def test_pieces_are_removed_once_the_layer_is_published(self, asked: Run, clip: Clip) -> None:
        finish(asked)
        assert not [path for path in (clip.folder.parent / ".checkpoints").rglob("*") if path.is_file()]


@pytest.mark.django_db
class TestFailures:
    def test_a_batch_that_fails_three_times_is_put_aside_with_the_reason(
        self, asked: Run, clip: Clip, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Numbers, "breaks_at", 1)
        finish(asked)
        numbers = LayerRun.objects.get(clip=clip, layer="numbers")
        assert Numbers.ran["numbers 1"] == 3
        assert numbers.state == State.FAILED
        assert numbers.error == "RuntimeError: the sensor was unplugged."
        assert states(clip) == {"numbers": State.FAILED, "sums": State.BLOCKED, "last": State.BLOCKED}
        assert asked.settled_at is not None
        assert "numbers" not in clips.folder(clip).manifest()["layers"]

    def test_what_failed_is_tried_again_when_a_person_asks(
        self, asked: Run, project: Project, clip: Clip, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Numbers, "breaks_at", 1)
        finish(asked)
        monkeypatch.setattr(Numbers, "breaks_at", None)
        by_itself = runs.request(project=project, by=None, tell=False)
        runs.plan(by_itself)
        assert states(clip)["numbers"] == State.FAILED
        again = runs.request(project=project, by=alice, layers=["numbers"], tell=False)
        runs.plan(again)
        finish(again)
        compute.work_here(asked)
        assert states(clip) == dict.fromkeys(("numbers", "sums", "last"), State.DONE)

    def test_a_silent_worker_loses_its_batch_and_a_third_one_ends_it(self, asked: Run, clip: Clip) -> None:
        first = Batch.objects.filter(layer_run__layer="numbers").earliest("index")
        for _ in range(leases.MOST_ATTEMPTS):
            assert ledger.claim(first.pk) is not None
            assert ledger.expire() == 0
            Batch.objects.filter(pk=first.pk).update(leased_until=from_now(-1))
            assert ledger.expire() == 1
        numbers = LayerRun.objects.get(clip=clip, layer="numbers")
        assert numbers.state == State.FAILED
        assert "3 workers in a row stopped without a word while at frames 0 to 9" in numbers.error
        assert "heard of for 0 seconds; they may lack memory" in numbers.error

    def test_a_worker_killed_for_taking_too_long_is_not_said_to_lack_memory(self, asked: Run, clip: Clip) -> None:
        first = Batch.objects.filter(layer_run__layer="numbers").earliest("index")
        for _ in range(leases.MOST_ATTEMPTS):
            assert ledger.claim(first.pk) is not None
            Batch.objects.filter(pk=first.pk).update(
                taken_at=from_now(-1800), heartbeat=from_now(-6), leased_until=from_now(-1)
            )
            assert ledger.expire() == 1
        numbers = LayerRun.objects.get(clip=clip, layer="numbers")
        assert numbers.state == State.FAILED
        assert numbers.error.startswith("Frames 0 to 9 were stopped after 30 minutes, longer than a batch may take.")
        assert "memory" not in numbers.error

    def test_a_batch_that_is_told_to_stop_gets_other_attempts_and_then_the_reason(
        self, asked: Run, clip: Clip, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stopped(layer: Numbers, context: Context, span: Span) -> None:
            layer.ran[f"{layer.name} {span.index}"] += 1
            try:
                raise SoftTimeLimitExceeded
            except SoftTimeLimitExceeded as error:
                raise ValueError("the model's own words for it") from error

        monkeypatch.setattr(Numbers, "compute", stopped)
        finish(asked)
        numbers = LayerRun.objects.get(clip=clip, layer="numbers")
        assert numbers.error.startswith("Frames 0 to 9 were stopped after 0 seconds, longer than a batch may take.")
        assert Numbers.ran["numbers 0"] == leases.MOST_ATTEMPTS

    def test_putting_together_that_takes_too_long_has_a_reason_of_its_own(
        self, asked: Run, clip: Clip, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stopped(layer: Numbers, context: Context) -> Product:
            raise SoftTimeLimitExceeded

        monkeypatch.setattr(Numbers, "publish", stopped)
        finish(asked)
        said = LayerRun.objects.get(clip=clip, layer="numbers").error
        assert said.startswith("Putting together what was computed of all 24 frames was stopped after")

    def test_a_full_disk_is_said_to_be_full(self) -> None:
        assert failures.sentence(OSError(28, "No space left on device")).startswith("The disk is full;")

    def test_a_layer_that_is_no_longer_installed_fails_with_a_sentence(
        self, asked: Run, clip: Clip, small_layers: dict[str, Layer]
    ) -> None:
        del small_layers["numbers"]
        finish(asked)
        assert "There is no layer 'numbers'" in LayerRun.objects.get(clip=clip, layer="numbers").error


@pytest.mark.django_db
class TestHints:
    def test_the_broker_is_told_of_every_free_batch_once(
        self, asked: Run, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: object
    ) -> None:
        sent: list[int] = []
        monkeypatch.setattr(queue, "send", lambda job, pk, queue, expires: sent.append(pk))
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
            assert queue.top_up() == 3
            assert queue.top_up() == 0
        assert len(sent) == len(set(sent)) == 3

    def test_what_the_broker_lost_is_told_again(self, asked: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(queue, "send", lambda *args, **options: None)
        queue.top_up()
        assert queue.tell_again() == 0
        Batch.objects.filter(state=Batch.State.QUEUED).update(sent_at=from_now(-queue.LOST_AFTER - 1))
        assert queue.tell_again() == 3

    def test_a_hint_that_comes_too_late_is_used_for_the_next_free_batch(self, asked: Run) -> None:
        first, second, third = Batch.objects.filter(layer_run__layer="numbers", closing=False).order_by("index")
        jobs.run_batch(first.pk)
        jobs.run_batch(first.pk)
        second.refresh_from_db()
        third.refresh_from_db()
        assert (second.state, third.state) == (Batch.State.DONE, Batch.State.QUEUED)

    def test_without_any_worker_hints_are_repeated_ever_more_seldom(
        self, asked: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(queue, "send", lambda *args, **options: None)
        queue.top_up()
        LayerRun.objects.update(created_at=from_now(-8 * 3600))
        Batch.objects.filter(state=Batch.State.QUEUED).update(sent_at=from_now(-3600))
        assert queue.tell_again() == 0
        Batch.objects.filter(state=Batch.State.QUEUED).update(sent_at=from_now(-3 * 3600))
        assert queue.tell_again() == 3

    def test_no_more_than_a_window_is_on_its_way(self, asked: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(queue, "WINDOW", 2)
        monkeypatch.setattr(queue, "send", lambda *args, **options: None)
        assert queue.top_up() == 2
        assert queue.top_up() == 0
        Batch.objects.filter(sent_at__lte=Now()).update(state=Batch.State.DONE)
        assert queue.top_up() == 1

    def test_a_broker_that_is_away_stops_nothing(self, asked: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*args: object, **options: object) -> None:
            raise ConnectionRefusedError("nobody listens")

        monkeypatch.setattr(queue.current_app, "send_task", refuse)
        queue.send("enrichment.jobs.run_batch", 1)


def test_a_piece_becomes_a_file_of_the_clip_folder_without_being_copied(tmp_path: Path) -> None:
    from annotation.media.clip_folder import ClipFolder
    from enrichment.checkpoints import Pieces

    pieces = Pieces(ClipFolder(tmp_path / "checkpoints"), "flow-1")
    pieces.write("a.bin", b"abc")
    folder = ClipFolder(tmp_path / "clip")
    first = pieces.publish("a.bin", folder, "flow/a.bin")
    assert (tmp_path / "clip/flow/a.bin").stat().st_ino == pieces.path("a.bin").stat().st_ino
    assert pieces.publish("a.bin", folder, "flow/a.bin") == first
    pieces.clear()
    assert (tmp_path / "clip/flow/a.bin").read_bytes() == b"abc"


@pytest.mark.django_db
class TestTurns:
    def test_what_a_person_waits_for_goes_before_bulk_and_cheap_before_dear(
        self, project: Project, alice: User, small_layers: dict[str, Layer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(priorities, "FEW_CLIPS", 1)
        made = [ClipFactory(project=project, by=alice) for _ in range(3)]
        bulk = runs.request(project=project, by=alice, clips=made, layers=["numbers"], tell=False)
        runs.plan(bulk)
        late = runs.request(project=project, by=alice, clips=made[2:], layers=["numbers"], tell=False)
        runs.plan(late)
        due = Batch.objects.filter(Batch.is_due(), layer_run__runs=late)
        assert due.exists()
        first = Batch.objects.filter(Batch.is_due(), layer_run__layer="numbers").in_turn()[: due.count()]
        assert {batch.layer_run.clip_id for batch in first} == {made[2].pk}

    def test_attempts_failures_and_seconds_are_counted(
        self, asked: Run, clip: Clip, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Numbers, "breaks_at", 1)
        finish(asked)
        numbers = LayerRun.objects.get(clip=clip, layer="numbers")
        assert (numbers.attempts, numbers.failures) == (2 + 3, 3)
        assert numbers.seconds > 0

    def test_a_large_request_shows_its_last_count(
        self, asked: Run, clip: Clip, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("enrichment.models.ledger.LARGE_RUN", 1)
        assert progress.of_run(asked).layers[0].states == {}
        assert progress.count_large() == 1
        asked.refresh_from_db()
        assert progress.of_run(asked).states == {State.QUEUED: 1, State.WAITING: 2}
        assert progress.count_large() == 0, "it was counted a moment ago"
        finish(asked)
        Run.objects.filter(pk=asked.pk).update(summary_at=from_now(-60))
        progress.count_large()
        asked.refresh_from_db()
        assert progress.of_run(asked).states == {State.DONE: 3}
