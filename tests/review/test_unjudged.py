"""A check that could not judge is no clean bill: flags stay open, and people are told why."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation.models import Clip, Project, Task
from enrichment import task_checks, unjudged, work_checks
from enrichment.layers.depth import NO_LENGTH
from enrichment.models import LayerRun, TaskCheck
from review import flags
from review.models import Flag
from tests import acted
from tests.factories import clip_rows
from tests.frontend.conftest import browse  # noqa: F401

FOUND = {"start": 2, "end": 5, "severity": 2, "reason": "Two depths."}
DEPTH, JOINTS = "depth_vs_segmentation", "joint_limits"


@pytest.fixture
def relative(clip: Clip, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any) -> Clip:
    """The clip with flags of proposals and work, then with depth that has no scale."""
    [task] = Task.objects.filter(clip=clip)
    for check, of in ((DEPTH, None), (JOINTS, None), (DEPTH, task)):
        flags.record(clip=clip, task=of, check=check, findings=[FOUND])
    monkeypatch.setattr(acted.Wall, "metric", False)
    with acted.acting(), django_capture_on_commit_callbacks(execute=True):
        acted.computed(clip, ["check_depth_segmentation", "check_joint_limits"])
    return clip


@pytest.fixture
def submitted(relative: Clip, bob: User, django_capture_on_commit_callbacks: Any) -> Task:
    """bob's task on that clip, handed in and looked at."""
    Task.objects.filter(clip=relative).update(state=Task.State.SUBMITTED, assignee=bob)
    task = Task.objects.get(clip=relative)
    task_checks.ask(task.pk)
    with django_capture_on_commit_callbacks(execute=True):
        assert work_checks.run(task.pk)
    return task


def test_flags_stay_open_where_depth_has_no_scale_and_the_reason_is_kept(relative: Clip, submitted: Task) -> None:
    assert set(Flag.objects.values_list("state", flat=True)) == {Flag.State.OPEN}
    there = dict(LayerRun.objects.current().filter(clip=relative).values_list("layer", "unjudged"))
    assert (there["check_depth_segmentation"], there["check_joint_limits"]) == (NO_LENGTH, NO_LENGTH)
    assert TaskCheck.objects.get(task=submitted).skipped[DEPTH] == NO_LENGTH
    found = unjudged.of_project(relative.project)
    assert [(each.why, each.clips, each.tasks) for each in found[DEPTH]] == [(NO_LENGTH, 1, 1)]
    assert [(each.why, each.clips, each.tasks) for each in found[JOINTS]] == [(NO_LENGTH, 1, 0)]


def test_once_there_is_a_scale_the_check_judges_and_closes_what_is_gone(
    relative: Clip, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    monkeypatch.setattr(acted.Wall, "metric", True)
    LayerRun.objects.filter(clip=relative).delete()
    with acted.acting(), django_capture_on_commit_callbacks(execute=True):
        acted.computed(relative, ["check_depth_segmentation"])
    assert Flag.objects.get(task=None, check_name=DEPTH).state == Flag.State.GONE
    assert LayerRun.objects.current().get(layer="check_depth_segmentation").unjudged == ""


def test_leads_read_what_was_not_judged_on_the_checks_page_and_on_the_task(
    submitted: Task,
    dana: User,
    browse: Any,  # noqa: F811
) -> None:
    client = browse(dana)
    page = client.get(f"/projects/table-top/flags/checks/?check={DEPTH}").content.decode()
    assert NO_LENGTH in page
    assert f'?check={DEPTH}#unjudged">2</a>' in page, "a clip and a task, whatever the reasons"
    assert NO_LENGTH in client.get(f"/projects/table-top/reviews/{submitted.pk}/").content.decode()


def test_a_failed_look_at_work_is_told_for_every_check_of_it(submitted: Task) -> None:
    TaskCheck.objects.filter(task=submitted).update(state=TaskCheck.State.FAILED, error="The disk is away.")
    assert {(each.check, each.why) for each in unjudged.of_task(submitted)} == {
        (check, "The disk is away.") for check in work_checks.NAMES
    }


def test_programs_read_beside_the_flags_of_a_project_clip_or_task_what_was_not_judged(
    relative: Clip, submitted: Task, dana: User, client: Client
) -> None:
    client.force_login(dana)

    def told(asked: str) -> set[tuple[str, str, int, int]]:
        answer = client.get(f"/api/projects/table-top/flags/?{asked}").json()
        return {(each["check"], each["why"], each["clips"], each["tasks"]) for each in answer["unjudged"]}

    lacking = {each for each in told("") if each[1] != NO_LENGTH}
    assert told("") - lacking == {(DEPTH, NO_LENGTH, 1, 1), (JOINTS, NO_LENGTH, 1, 0)}
    assert told(f"check={JOINTS}") == {(JOINTS, NO_LENGTH, 1, 0)}
    assert told(f"clip={relative.pk}") == told("")
    assert told("clip=999999") == set()
    assert (DEPTH, NO_LENGTH, 0, 1) in told(f"task={submitted.pk}")
    assert not any(each[2] for each in told(f"task={submitted.pk}"))
    layers = {each["layer"]: each["unjudged"] for each in client.get(f"/api/clips/{relative.pk}/layers/").json()}
    assert layers["check_depth_segmentation"] == NO_LENGTH
    assert layers["depth"] == ""


def test_what_was_not_judged_is_counted_for_the_first_page_of_flags_only(
    relative: Clip, dana: User, client: Client
) -> None:
    client.force_login(dana)
    first = client.get("/api/projects/table-top/flags/?page_size=1").json()
    assert first["unjudged"]
    with CaptureQueriesContext(connection) as asked:
        second = client.get(first["next"]).json()
    assert second["results"]
    assert "unjudged" not in second
    assert not any("unjudged" in query["sql"] for query in asked)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite says less of its plans")
def test_indexes_lead_to_the_few_that_were_not_judged(project: Project) -> None:
    clips = clip_rows(project, 500)
    LayerRun.objects.bulk_create(
        LayerRun(clip=each, layer="check_joint_limits", fingerprint="f", state=LayerRun.State.DONE) for each in clips
    )
    tasks = Task.objects.bulk_create(
        Task(project=project, clip=each, start=0, end=24, state=Task.State.SUBMITTED) for each in clips
    )
    TaskCheck.objects.bulk_create(TaskCheck(task=each, version=1, state=TaskCheck.State.DONE) for each in tasks)
    with CaptureQueriesContext(connection) as asked:
        unjudged.of_project(project)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("SET LOCAL enable_seqscan = off")  # the tables are small
        plans = []
        for query in list(asked):
            cursor.cursor.execute(f"EXPLAIN {query['sql']}")
            plans.append(str(cursor.fetchall()))
    *of_checks, of_work = plans
    assert len(of_checks) == 5
    assert all("layerrun_unjudged" in plan for plan in of_checks)
    assert "taskcheck_unjudged" in of_work


def test_of_a_check_that_no_clip_has_an_engine_for_some_are_counted(
    project: Project, dana: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = clip_rows(project, 7)
    state, why = LayerRun.State.NO_ENGINE, "It needs pose_3d, and there is no engine for that."
    LayerRun.objects.bulk_create(
        LayerRun(clip=each, layer="check_joint_limits", fingerprint="f", state=state, error=why) for each in clips
    )
    monkeypatch.setattr(unjudged, "COUNTED", 5)
    [told] = unjudged.of_project(project)[JOINTS]
    assert (told.clips, told.why) == (5, why)
    client.force_login(dana)
    page = client.get(f"/projects/{project.slug}/flags/checks/?check={JOINTS}").content.decode()
    assert page.count("5+</") == 2
