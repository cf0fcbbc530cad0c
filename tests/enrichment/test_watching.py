from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from annotation.models import Clip, Project
from enrichment import costs, watching, workers
from enrichment.models import Alert, ApiCall, Batch, LayerRun, LayerWatch, Run, Worker
from tests.factories import ProjectFactory, clip_rows

pytestmark = pytest.mark.django_db
State = LayerRun.State


def layer_runs(
    clips: list[Clip], *, days_ago: float = 0.1, measure: float = 0.8, failures: int = 0, state: str = State.DONE
) -> None:
    when = timezone.now() - timedelta(days=days_ago)
    made = LayerRun.objects.bulk_create(
        [
            LayerRun(
                clip=clip,
                layer="flow",
                fingerprint=f"{clip.pk:064x}",
                state=state,
                engine="dis",
                engine_version="1",
                version="1",
                seconds=2.0,
                attempts=2,
                failures=failures,
                measure=measure + clip.pk % 5 / 100,
                done_at=when if state == State.DONE else None,
            )
            for clip in clips
        ]
    )
    LayerRun.objects.filter(pk__in=[each.pk for each in made]).update(changed_at=when)


def spoil(project: Project) -> None:
    """Have the database refuse to sum up a project's layer runs."""
    rows = LayerRun.objects.filter(clip__project=project)
    if connection.vendor == "postgresql":
        rows.update(seconds=1.7e308)  # their sum is no double any more
        return
    with connection.cursor() as cursor:  # SQLite keeps what it is given
        for pk in rows.values_list("pk", flat=True):
            cursor.execute(
                "UPDATE enrichment_layerrun SET measure = 'much', done_at = '2000-01-01' WHERE id = %s", [pk]
            )


@pytest.fixture
def history(project: Project) -> None:
    """Thirty clips that were done well some days ago."""
    layer_runs(clip_rows(project, 30), days_ago=5)


class TestFigures:
    def test_speed_is_frames_over_the_seconds_that_workers_computed(self, project: Project, history: None) -> None:
        layer_runs(clip_rows(project, 10))
        watching.look()
        flow = LayerWatch.objects.get(project=project)
        assert (flow.engine, flow.clips, flow.frames, flow.seconds, flow.history) == ("dis 1", 10, 240, 20.0, 30)
        assert flow.rate == 12.0

    def test_counting_twice_leaves_one_row(self, project: Project, history: None) -> None:
        layer_runs(clip_rows(project, 1))
        watching.look()
        watching.look()
        assert LayerWatch.objects.count() == 1

    def test_what_a_gpu_worker_did_costs_what_a_gpu_costs_and_paid_calls_count(
        self, project: Project, settings: Settings, dana: User
    ) -> None:
        layer_runs(clip_rows(project, 4))
        on_gpu, elsewhere, *_ = LayerRun.objects.order_by("pk")
        for row, queue in ((on_gpu, "gpu"), (on_gpu, "gpu"), (elsewhere, "cpu")):
            Batch.objects.create(layer_run=row, index=row.batches.count(), start=0, end=9, queue=queue)
        said = {"service": "gemini", "model": "m", "prompt": "keyframe-1", "attempt": 1, "began_at": timezone.now()}
        for dollars in (Decimal("0.25"), Decimal("0.50"), None):
            ApiCall.objects.create(layer_run=elsewhere, dollars=dollars, **said)
        # Another version of the layer on other clips is no further layer of a clip.
        LayerRun.objects.filter(pk__gt=elsewhere.pk).update(engine_version="2")
        settings.PRICES = {"cpu": 0.36, "gpu": 3.6}
        watching.look()
        first, second = LayerWatch.objects.all()
        assert (first.gpu_seconds, first.seconds, first.dollars) == (2.0, 4.0, 0.75)
        assert costs.of_layer(first) == pytest.approx(2 * 0.0001 + 2 * 0.001 + 0.75)
        assert costs.per_frame(first) == pytest.approx(0.7522 / 48)
        assert costs.per_clip([first, second]) == pytest.approx((0.7522 + 0.0004) / 4)
        settings.PRICES = {"cpu": 0, "gpu": 0}
        browser = Client()
        browser.force_login(dana)
        page = browser.get(f"/projects/{project.slug}/runs/health/").content.decode()
        assert "<b>$0.1875</b>" in page, "paid calls have a price where workers have none"

    def test_two_engines_with_weights_are_named_by_the_beginning_of_their_digests(self, project: Project) -> None:
        layer_runs(clip_rows(project, 1))
        folders = "clip:clip-vit-base-patch32,dinov2:dinov2-small"
        LayerRun.objects.update(engine=folders, engine_version=f"1 sha256:{'a' * 64},1 sha256:{'b' * 64}")
        watching.look()
        assert LayerWatch.objects.get().engine == f"{folders} 1 sha256:{'a' * 12},1 sha256:{'b' * 12}"

    def test_one_projects_failure_does_not_stop_the_others(
        self, project: Project, alice: User, caplog: pytest.LogCaptureFixture
    ) -> None:
        other = ProjectFactory(name="Other", slug="other", by=alice)
        for each in (project, other):
            layer_runs(clip_rows(each, 12), failures=1)
        spoil(project)
        watching.look()
        assert [watch.project for watch in LayerWatch.objects.all()] == [other]
        assert [alert.project for alert in Alert.objects.all()] == [other]
        assert "table-top could not be watched" in caplog.text


class TestAlerts:
    def test_work_that_goes_well_raises_none(self, project: Project, history: None) -> None:
        layer_runs(clip_rows(project, 12))
        watching.look()
        assert not Alert.objects.exists()

    def test_more_than_one_failed_attempt_in_twenty_raises_one_until_it_is_over(self, project: Project) -> None:
        layer_runs(clip_rows(project, 12), failures=1)
        watching.look()
        watching.look()
        alert = Alert.objects.get()
        assert (alert.kind, alert.about) == (Alert.Kind.ERRORS, "flow")
        assert "12 of 24 attempts at flow failed" in alert.sentence
        LayerRun.objects.update(failures=0)
        watching.look()
        alert.refresh_from_db()
        assert alert.closed_at is not None

    def test_quality_a_standard_deviation_below_its_history_raises_one(self, project: Project, history: None) -> None:
        layer_runs(clip_rows(project, 8), measure=0.6)
        watching.look()
        alert = Alert.objects.get()
        assert alert.kind == Alert.Kind.DRIFT
        assert "standard deviations below its history" in alert.sentence

    def test_a_run_that_came_to_nothing_raises_one(self, project: Project, alice: User) -> None:
        clips = clip_rows(project, 3)
        layer_runs(clips, state=State.FAILED)
        now = timezone.now()
        run = Run.objects.create(project=project, layers=["flow"], clip_count=3, planned_at=now, settled_at=now)
        run.layer_runs.set(LayerRun.objects.all())
        Run.objects.update(created_at=now - timedelta(hours=3))
        watching.look()
        assert Alert.objects.get(kind=Alert.Kind.NOTHING).about == f"run {run.pk}"
        LayerRun.objects.filter(clip=clips[0]).update(state=State.DONE)
        watching.look()
        assert not Alert.objects.filter(kind=Alert.Kind.NOTHING, closed_at=None).exists()

    def test_runs_that_came_to_nothing_are_found_by_one_query_however_many_there_are(
        self, project: Project, django_assert_num_queries: Any
    ) -> None:
        layer_runs(clip_rows(project, 3), state=State.FAILED)
        now = timezone.now()
        for number in range(6):
            run = Run.objects.create(project=project, layers=["flow"], clip_count=3, planned_at=now, settled_at=now)
            run.layer_runs.set(LayerRun.objects.all()[: number % 2 * 3])
        Run.objects.update(created_at=now - timedelta(hours=3))
        with django_assert_num_queries(1):
            assert len(watching._without_result(project)) == 3

    def test_layers_that_stood_before_are_not_what_a_run_computed(self, project: Project) -> None:
        clips = clip_rows(project, 3)
        layer_runs(clips, days_ago=2)
        stood = list(LayerRun.objects.all())
        layer_runs(clip_rows(project, 3), state=State.FAILED)
        now = timezone.now()
        run = Run.objects.create(project=project, layers=["flow"], clip_count=6, planned_at=now, settled_at=now)
        run.layer_runs.set(LayerRun.objects.all())
        Run.objects.update(created_at=now - timedelta(hours=3))
        watching.look()
        assert Alert.objects.filter(kind=Alert.Kind.NOTHING).count() == 1
        LayerRun.objects.filter(pk=stood[0].pk).update(changed_at=now)
        watching.look()
        assert not Alert.objects.filter(kind=Alert.Kind.NOTHING, closed_at=None).exists()

    def test_work_that_no_running_worker_takes_raises_one_and_is_said_to_leads(
        self, project: Project, dana: User, bob: User
    ) -> None:
        layer_runs(clip_rows(project, 1), state=State.QUEUED)
        run = Run.objects.create(project=project, layers=["flow"], clip_count=1, planned_at=timezone.now())
        run.layer_runs.set(LayerRun.objects.all())
        waiting = {"index": 0, "start": 0, "end": 9, "state": Batch.State.QUEUED, "queue": "gpu"}
        Batch.objects.create(layer_run=LayerRun.objects.get(), **waiting)
        worker = Worker.objects.create(name="cpu@a", queues=["cpu", "files"], seen_at=timezone.now())
        watching.look()
        alert = Alert.objects.get(closed_at=None)
        assert (alert.kind, alert.about) == (Alert.Kind.UNSERVED, "queue gpu")
        assert "--queues gpu" in alert.sentence
        for person, told in ((dana, True), (bob, False)):
            browser = Client()
            browser.force_login(person)
            page = browser.get(f"/projects/{project.slug}/runs/").content.decode()
            assert ("celery -A config worker -n gpu@%h --queues gpu" in page) is told
        worker.queues = ["gpu"]
        worker.save()
        watching.look()
        assert not Alert.objects.filter(closed_at=None).exists()

    def test_requests_that_nobody_plans_raise_one_by_another_worker_as_nobody_is_asked_to_watch(
        self, project: Project, caplog: pytest.LogCaptureFixture
    ) -> None:
        Run.objects.create(project=project, layers=["flow"], clip_count=1)
        for name in ("cpu@a", "gpu@a"):
            Worker.objects.create(name=name, queues=["cpu"], seen_at=timezone.now())
        looks: list[str] = []

        def looked(by: str) -> list[str]:
            def watch() -> None:
                looks.append(by)
                watching.look()

            looks.clear()
            workers.be(by)
            try:
                workers.Announcing(["cpu"], watch)._stand_in()
            finally:
                workers.be("")
            return looks

        assert looked("cpu@a") == [], "a worker that starts again is back by then"
        Run.objects.update(created_at=timezone.now() - timedelta(minutes=6))
        assert looked("gpu@a") == [], "one of them does it for all"
        assert looked("cpu@a") == ["cpu@a"]
        alert = Alert.objects.get()
        assert (alert.kind, alert.about) == (Alert.Kind.UNSERVED, "queue control")
        assert "no running worker serves the queue control" in caplog.text
        Worker.objects.create(name="control@a", queues=["control"], seen_at=timezone.now())
        assert looked("cpu@a") == []


class TestPages:
    def test_leads_see_the_figures_and_annotators_do_not(
        self, project: Project, history: None, dana: User, bob: User
    ) -> None:
        layer_runs(clip_rows(project, 12), failures=1)
        watching.look()
        browser = Client()
        browser.force_login(dana)
        page = browser.get(f"/projects/{project.slug}/runs/health/").content.decode()
        assert "12 of 24 attempts at flow failed" in page
        assert "Add" not in page, "only managers add webhooks"
        browser.force_login(bob)
        assert browser.get(f"/projects/{project.slug}/runs/health/").status_code == 403

    def test_paid_calls_are_counted_with_their_cost(self, project: Project, dana: User) -> None:
        layer_runs(clip_rows(project, 1))
        said = {"service": "gemini", "model": "m", "prompt": "keyframe-1", "attempt": 1, "began_at": timezone.now()}
        for dollars in (Decimal("0.25"), Decimal("0.50"), None):
            ApiCall.objects.create(layer_run=LayerRun.objects.get(), dollars=dollars, **said)
        browser = Client()
        browser.force_login(dana)
        page = browser.get(f"/projects/{project.slug}/runs/health/").content.decode()
        assert "$0.75" in page
        assert "3 calls of paid services" in page

    def test_metrics_need_the_token(self, project: Project, history: None, settings: Settings) -> None:
        settings.METRICS_TOKEN = "secret"
        layer_runs(clip_rows(project, 3))
        watching.look()
        assert Client().get("/metrics").status_code == 401
        assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401
        page = Client().get("/metrics", headers={"Authorization": "Bearer secret"}).content.decode()
        assert 'loupe_layer_clips{engine="dis 1",layer="flow",project="table-top"} 3.0' in page

    def test_metrics_without_a_token_set_are_closed(self) -> None:
        assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401
