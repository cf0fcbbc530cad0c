"""What an annotator submitted is compared with what the clip shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User

from annotation import clips, segments
from annotation.models import Clip, Project, SegmentRevision, Task
from annotation.scene import describe, grasp_label_late
from enrichment import compute, jobs, runs, task_checks, work_checks
from enrichment.models import LayerRun, TaskCheck, from_now
from tests.enrichment.submitted.drawn import SPEC, compute_layers, draw, know_motion, label_phases, submit

pytestmark = pytest.mark.django_db


class TestFindings:
    def test_work_handed_in_before_the_clips_arrival_is_planned_is_checked_later(
        self, task: Task, scene: Clip, project: Project, check: Callable[[Task], bool]
    ) -> None:
        arrival = runs.request(project=project, by=None, clips=[scene], layers=["flow"], tell=False)
        submit(task)
        assert check(task)
        row = TaskCheck.objects.get(task=task)
        assert (row.state, row.skipped) == (TaskCheck.State.QUEUED, {})
        runs.plan(arrival)
        compute.work_here(arrival)
        TaskCheck.objects.update(not_before=None)
        assert check(task)
        row.refresh_from_db()
        assert row.state == TaskCheck.State.DONE
        assert "flow_vs_segmentation" not in row.skipped

    def test_good_work_raises_nothing_and_a_mask_left_behind_does(
        self, task: Task, scene: Clip, bob: User, frames: list[Any], heard: list[Any], check: Callable[[Task], bool]
    ) -> None:
        compute_layers(scene, "flow")
        target = next(thing for thing in describe(SPEC).objects if thing.label == "target_object")
        draw(task, bob, frames, target.instance, "target_object", lambda number: frames[number])
        submit(task)
        assert check(task)
        flow = [news for news in heard if news["check"] == "flow_vs_segmentation"]
        assert flow == [{"clip_id": scene.pk, "task_id": task.pk, "check": "flow_vs_segmentation", "findings": []}]
        row = TaskCheck.objects.get(task=task)
        assert row.state == TaskCheck.State.DONE
        assert row.skipped == {
            "actions_vs_motion": "The clip's actions did not come about.",
            "depth_vs_segmentation": "The clip's depth did not come about.",
        }

    def test_a_mask_that_stays_behind_is_found(
        self, task: Task, scene: Clip, bob: User, frames: list[Any], heard: list[Any], check: Callable[[Task], bool]
    ) -> None:
        compute_layers(scene, "flow")
        target = next(thing for thing in describe(SPEC).objects if thing.label == "target_object")
        draw(task, bob, frames, target.instance, "target_object", lambda number: frames[0])
        submit(task)
        assert check(task)
        found = next(news["findings"] for news in heard if news["check"] == "flow_vs_segmentation")
        assert found
        drawn = task.tracks.get()
        assert found[0]["evidence"]["tracks"] == [drawn.number]
        assert found[0]["evidence"]["track_ids"] == [str(drawn.pk)]

    def test_a_grasp_labelled_half_a_second_late_is_found_and_one_in_time_is_not(
        self,
        task: Task,
        scene: Clip,
        bob: User,
        frames: list[Any],
        heard: list[Any],
        check: Callable[[Task], bool],
    ) -> None:
        know_motion(scene, frames)
        truth = describe(SPEC).segments
        label_phases(task, bob, truth)
        submit(task)
        assert check(task)
        assert [news["findings"] for news in heard if news["check"] == "actions_vs_motion"] == [[]]
        heard.clear()
        late, _ = grasp_label_late(truth, seconds=0.5, fps=SPEC.fps)
        Task.objects.filter(pk=task.pk).update(state=Task.State.IN_PROGRESS)
        task.refresh_from_db()
        for old in SegmentRevision.objects.filter(of__task=task):
            moved = next(segment for segment in late if segment.phase == old.phase.key)
            segments.save(
                task=task,
                id=old.of_id,
                base_version=1,
                by=bob,
                start=moved.start,
                end=moved.end,
                action="pick_and_place",
                phase=moved.phase,
            )
        task.refresh_from_db()
        submit(task)
        assert check(task)
        found = next(news["findings"] for news in heard if news["check"] == "actions_vs_motion")
        assert any("grasp" in finding["reason"] for finding in found)
        ids = {str(pk) for pk in task.segments.values_list("pk", flat=True)}
        assert set(found[0]["evidence"]["segments"]) <= ids

    @pytest.mark.parametrize(("guided", "count"), [(False, 0), (True, 1)])
    def test_slight_motion_contradicts_a_label_only_where_a_hand_was_followed(
        self,
        task: Task,
        scene: Clip,
        bob: User,
        frames: list[Any],
        heard: list[Any],
        check: Callable[[Task], bool],
        guided: bool,
        count: int,
    ) -> None:
        know_motion(scene, frames, 0.2, guided=guided)
        late, _ = grasp_label_late(describe(SPEC).segments, seconds=0.5, fps=SPEC.fps)
        label_phases(task, bob, [segment for segment in late if segment.phase == "grasp"])
        submit(task)
        assert check(task)
        (found,) = [news["findings"] for news in heard if news["check"] == "actions_vs_motion"]
        assert len(found) == count

    def test_a_gripper_that_closes_at_another_time_contradicts_the_grasp(
        self, task: Task, scene: Clip, bob: User, heard: list[Any], check: Callable[[Task], bool], frames: list[Any]
    ) -> None:
        know_motion(scene, frames)
        truth = describe(SPEC)
        label_phases(task, bob, truth.segments)
        for shift, kinds in ((0, []), (25, ["not_closing"])):
            rows = "".join(f"{n},{value:.5f}\n" for n, value in enumerate(np.roll(truth.gripper_opening, shift)))
            clips.folder(scene).write("signals/robot.csv", f"frame,gripper opening [m]\n{rows}".encode())
            heard.clear()
            submit(task)
            assert check(task)
            (found,) = [news["findings"] for news in heard if news["check"] == "actions_vs_motion"]
            assert sorted({finding["evidence"]["kind"] for finding in found}) == kinds
            task.refresh_from_db()


class TestLedger:
    def test_it_waits_for_the_clips_own_layers(self, task: Task, scene: Clip, alice: User) -> None:
        runs.plan(runs.request(project=scene.project, by=alice, layers=["flow"], tell=False))
        submit(task)
        assert work_checks.run(task.pk)
        row = TaskCheck.objects.get(task=task)
        assert (row.state, row.attempts) == (TaskCheck.State.QUEUED, 0)
        assert not work_checks.run(task.pk), "it looks again only after a while"

    def test_news_that_was_lost_is_made_up_for(self, task: Task) -> None:
        Task.objects.filter(pk=task.pk).update(state=Task.State.SUBMITTED)
        jobs.reconcile()
        jobs.reconcile()
        assert TaskCheck.objects.get(task=task).state == TaskCheck.State.QUEUED

    def test_three_deliveries_check_once(self, task: Task, heard: list[Any], check: Callable[[Task], bool]) -> None:
        LayerRun.objects.all().delete()
        submit(task)
        assert [check(task) for _ in range(3)] == [True, False, False]

    def test_a_task_that_went_back_is_left_alone(
        self, task: Task, heard: list[Any], check: Callable[[Task], bool]
    ) -> None:
        submit(task)
        Task.objects.filter(pk=task.pk).update(state=Task.State.SENT_BACK)
        assert check(task)
        assert heard == []
        assert "worked on again" in TaskCheck.objects.get(task=task).skipped["flow_vs_segmentation"]

    def test_a_silent_worker_loses_it(self, task: Task) -> None:
        submit(task)
        assert task_checks.claim(task.pk) is not None
        assert task_checks.claim(task.pk) is None
        TaskCheck.objects.update(leased_until=from_now(-1))
        task_checks.find_missing()
        assert task_checks.claim(task.pk) is not None

    def test_a_failure_is_kept_with_its_reason(self, task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
        def break_down(*_: object) -> None:
            raise RuntimeError("the flow is unreadable")

        monkeypatch.setattr(work_checks, "_check", break_down)
        submit(task)
        for _ in range(3):
            TaskCheck.objects.update(not_before=None)
            assert work_checks.run(task.pk)
        row = TaskCheck.objects.get(task=task)
        assert (row.state, row.error) == (TaskCheck.State.FAILED, "RuntimeError: the flow is unreadable.")

    def test_a_layer_that_comes_later_has_the_work_checked_by_what_lacked_it_and_by_nothing_else(
        self, task: Task, scene: Clip, bob: User, heard: list[Any], frames: list[Any], check: Callable[[Task], bool]
    ) -> None:
        know_motion(scene, frames)
        submit(task)
        assert check(task)
        row = TaskCheck.objects.get(task=task)
        assert set(row.skipped) == {"flow_vs_segmentation", "depth_vs_segmentation"}
        heard.clear()
        compute_layers(scene, "keyframes")
        assert not check(task), "no check reads keyframes"
        compute_layers(scene, "flow")
        assert check(task)
        row.refresh_from_db()
        assert (row.state, set(row.skipped)) == (TaskCheck.State.DONE, {"depth_vs_segmentation"})
        assert [news["check"] for news in heard] == ["flow_vs_segmentation"]
        assert not check(task)

    def test_workers_are_told_of_it_by_the_reconciler(self, task: Task, scene: Clip, check: Any) -> None:
        submit(task)
        assert check(task)
        compute_layers(scene, "flow")
        assert TaskCheck.objects.get(task=task).sent_at is None
        jobs.reconcile()
        assert TaskCheck.objects.get(task=task).sent_at is not None

    @pytest.mark.parametrize("state", [Task.State.SENT_BACK, Task.State.IN_PROGRESS])
    def test_work_that_went_back_waits_until_it_is_handed_in_again(
        self, task: Task, scene: Clip, check: Callable[[Task], bool], state: str
    ) -> None:
        submit(task)
        assert check(task)
        Task.objects.filter(pk=task.pk).update(state=state)
        compute_layers(scene, "flow")
        assert not check(task)

    def test_a_layer_that_comes_while_the_check_looks_is_looked_at_after_all(
        self, task: Task, scene: Clip, frames: list[Any], check: Callable[[Task], bool], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def slow(task: Task) -> Any:
            if not LayerRun.objects.filter(layer="flow").exists():
                compute_layers(scene, "flow")
            return known(task)

        known = work_checks.work.load
        know_motion(scene, frames)
        monkeypatch.setattr(work_checks.work, "load", slow)
        submit(task)
        assert check(task)
        TaskCheck.objects.update(not_before=None)
        assert check(task)
        assert set(TaskCheck.objects.get(task=task).skipped) == {"depth_vs_segmentation"}
