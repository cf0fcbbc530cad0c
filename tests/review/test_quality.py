"""A clip's composite quality: what it is made of, when it is made anew, and where it is read."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from annotation import clips
from annotation.models import Clip, Project
from enrichment import compute, metadata_sql, queue, runs
from enrichment.layers import captions
from enrichment.layers.metadata import JSON_FILE
from enrichment.models import ClipQuality, LayerRun
from review import flags, jobs, quality, weighing
from review.errors import ReviewRefused
from review.metrics import quality as metrics
from review.models import Flag
from tests import acted, factories

LAYERS = ["metadata", "check_pose_time"]


class TestNumbers:
    def test_unknown_parts_do_not_count(self) -> None:
        weights = {"frames": 0.5, "flags": 0.25, "pose": 0.25}
        assert metrics.composite({"frames": 0.8, "flags": 0.2, "pose": None}, weights) == pytest.approx(0.6)
        assert metrics.composite({"frames": None}, weights) is None
        assert metrics.composite({"frames": 0.8}, {"frames": 0.0}) is None

    def test_a_grave_flag_costs_more_than_a_light_one_and_a_long_clip_bears_more(self) -> None:
        assert metrics.flags({}, 30.0) == (1.0, 0.0)
        light, grave = metrics.flags({1: 1}, 30.0)[0], metrics.flags({3: 1}, 30.0)[0]
        assert 1 > light > grave
        assert metrics.flags({2: 6}, 60.0) == (0.5, 6.0)
        assert metrics.flags({3: 1}, 300.0)[0] > grave
        assert metrics.flags({3: 1}, 1.0) == metrics.flags({3: 1}, 10.0), "one flag in a second is not sixty a minute"

    def test_frames_that_are_flagged_twice_count_once(self) -> None:
        assert metrics.agreement([], 100) == 1
        assert metrics.agreement([(10, 30), (20, 40), (22, 25), (90, 200)], 100) == pytest.approx(0.6)

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"beauty": 1.0}, "no part beauty; it has frames, flags"),
            ({"pose": -1.0}, "weight of pose is -1.0"),
            ({"pose": float("nan")}, "weight of pose is nan"),
            (dict.fromkeys(metrics.WEIGHTS, 0.0), "All weights are 0"),
        ],
    )
    def test_wrong_weights_are_refused_with_a_sentence(self, given: dict[str, object], said: str) -> None:
        with pytest.raises(ValueError, match=said):
            metrics.weights(given)

    def test_what_is_not_set_weighs_as_usual(self) -> None:
        assert metrics.weights({"pose": 2}) == metrics.WEIGHTS | {"pose": 2.0}
        assert sum(metrics.WEIGHTS.values()) == pytest.approx(1)
        assert tuple(metrics.WEIGHTS) == ClipQuality.PARTS


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What is sent to workers."""
    found: list[tuple[Any, ...]] = []
    for module in (jobs, quality, weighing):
        monkeypatch.setattr(module, "send", lambda *job, **_: found.append(job))
    return found


@pytest.fixture
def filmed(clip: Clip, sent: list[Any], django_capture_on_commit_callbacks: Any) -> Clip:
    """A clip with metadata and an acted pose with two faults, scored as a worker does it."""
    with acted.acting(), django_capture_on_commit_callbacks(execute=True):
        acted.computed(clip, LAYERS)
    quality.score(clip.pk)
    clip.refresh_from_db()
    return clip


@pytest.mark.django_db
class TestClips:
    def test_it_is_scored_from_what_its_layers_and_flags_say(self, filmed: Clip) -> None:
        row = ClipQuality.objects.get(pk=filmed.pk)
        measures = dict(LayerRun.objects.current().values_list("layer", "measure"))
        assert row.frames == pytest.approx(measures["metadata"])
        assert row.pose == pytest.approx(measures["pose"])
        assert row.agreement is None
        assert row.coverage == 1.0
        severities = list(Flag.objects.open().values_list("severity", flat=True))
        assert severities
        counts = {severity: severities.count(severity) for severity in severities}
        assert row.flags == pytest.approx(metrics.flags(counts, filmed.duration)[0])
        parts = {part: getattr(row, part) for part in row.PARTS}
        assert row.score == pytest.approx(metrics.composite(parts, metrics.WEIGHTS))
        assert (filmed.quality, row.stale) == (row.score, False)
        assert row.details["agreement"]["missing"].startswith("No check of masks")
        assert 0 <= row.details["frames"]["sharp"] <= 1

    def test_the_end_of_a_clips_layers_asks_for_it_and_the_middle_does_not_answer(
        self, clip: Clip, sent: list[Any], django_capture_on_commit_callbacks: Any
    ) -> None:
        run = runs.request(project=clip.project, by=None, clips=[clip], layers=["metadata"], tell=False)
        runs.plan(run)
        assert quality.score(clip.pk) is None
        assert sent == []
        with django_capture_on_commit_callbacks(execute=True):
            compute.work_here(run)
        assert ("review.jobs.score", clip.pk) in sent
        assert quality.score(clip.pk) is not None

    def test_it_says_whether_checks_could_not_judge_or_never_ran(self, filmed: Clip) -> None:
        assert (
            ClipQuality.objects.get().details["agreement"]["missing"] == "No check of masks against flow or depth ran."
        )
        ran = {"clip": filmed, "layer": "check_depth_segmentation", "state": LayerRun.State.DONE}
        LayerRun.objects.create(**ran, fingerprint="f", unjudged="Depth has no scale here.")
        ran |= {"layer": "check_flow_segmentation", "state": LayerRun.State.BLOCKED}
        LayerRun.objects.create(**ran, fingerprint="f", error="Flow failed.")
        row = quality.score(filmed.pk)
        assert row is not None
        told = row.details["agreement"]["missing"]
        assert told == "No check of masks against flow or depth could judge. Flow failed. Depth has no scale here."

    def test_settling_a_flag_raises_it_and_many_changes_are_one_message(
        self, filmed: Clip, dana: User, sent: list[Any], django_capture_on_commit_callbacks: Any
    ) -> None:
        before = filmed.quality
        sent.clear()
        with django_capture_on_commit_callbacks(execute=True):
            for flag in Flag.objects.open():
                flags.decide(flag=flag, verdict="dismissed", by=dana, reason="A glove.")
        assert sent == [("review.jobs.score", filmed.pk)]
        assert ClipQuality.objects.get().stale
        assert quality.waiting(10) == [filmed.pk]
        quality.score(filmed.pk)
        filmed.refresh_from_db()
        assert filmed.quality > before
        assert quality.waiting(10) == []

    def test_a_clip_from_before_there_were_scores_is_found(self, filmed: Clip) -> None:
        ClipQuality.objects.all().delete()
        assert quality.waiting(10) == [], "it has a score already"
        Clip.objects.update(quality=-1)
        assert quality.waiting(10) == [filmed.pk]

    def test_weights_of_a_project_change_scores_without_a_look_at_files(
        self, filmed: Clip, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = ClipQuality.objects.get()
        monkeypatch.setattr(quality.clips, "folder", None)
        weighing.weigh(project=filmed.project, weights={"frames": 0, "flags": 0, "coverage": 0}, by=alice)
        assert weighing.follow(filmed.project) == 1
        filmed.refresh_from_db()
        assert filmed.quality == pytest.approx(row.pose)
        assert weighing.follow(filmed.project) == 0
        filmed.project.refresh_from_db()
        assert filmed.project.quality_reweighed is None, "all have followed"
        with pytest.raises(ReviewRefused, match="no part beauty"):
            weighing.weigh(project=filmed.project, weights={"beauty": 1}, by=alice)

    def test_new_weights_reach_all_clips_though_their_message_was_lost(
        self, filmed: Clip, alice: User, sent: list[Any]
    ) -> None:
        weighing.weigh(project=filmed.project, weights={"frames": 0}, by=alice)
        sent.clear()
        jobs.reconcile()
        assert sent == [], "it may be on its way"
        Project.objects.update(quality_reweighed=timezone.now() - 2 * jobs.REWEIGHED_WITHIN)
        jobs.reconcile()
        [(job, *told)] = sent
        assert (job, told[0]) == ("review.jobs.weigh_again", filmed.project.pk)
        jobs.weigh_again(*told)
        sent.clear()
        jobs.reconcile()
        assert sent == []

    def test_scores_follow_new_weights_in_one_process_however_often_it_is_asked(
        self, filmed: Clip, alice: User, sent: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent.clear()
        weighing.weigh(project=filmed.project, weights={"frames": 0}, by=alice)
        at = Project.objects.get().quality_reweighed
        assert at is not None
        chunk, walks = weighing._weigh_chunk, []

        def asked_again(project: Project, *, after: int) -> Any:
            walks.append(after)
            jobs.weigh_again(project.pk, at.timestamp())
            assert weighing.to_weigh(timezone.now() - jobs.REWEIGHED_WITHIN) == [], "somebody is at it"
            return chunk(project, after=after)

        monkeypatch.setattr(weighing, "_weigh_chunk", asked_again)
        for _ in range(2):
            jobs.weigh_again(filmed.project.pk, at.timestamp())
        assert walks == [0, filmed.pk]
        assert Project.objects.get().quality_reweighed is None

    def test_weights_that_nobody_goes_on_following_are_taken_up_where_they_are(
        self, filmed: Clip, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        weighing.weigh(project=filmed.project, weights={"frames": 0}, by=alice)
        chunk = weighing._weigh_chunk
        monkeypatch.setattr(weighing, "_weigh_chunk", Mock(side_effect=SystemExit))
        with pytest.raises(SystemExit):
            weighing.follow(filmed.project)
        monkeypatch.setattr(weighing, "_weigh_chunk", chunk)
        [(pk, at)] = weighing.to_weigh(timezone.now())
        jobs.weigh_again(pk, at.timestamp())
        assert Project.objects.get().quality_reweighed is None

    def test_waiting_clips_are_one_message_that_is_still_read_behind_a_line_of_batches(
        self, filmed: Clip, make_clip: Callable[..., Clip], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[tuple[tuple[Any, ...], float]] = []
        monkeypatch.setattr(jobs, "send", lambda *job, expires: told.append((job, expires)))
        ClipQuality.objects.update(stale=True)
        jobs.reconcile()
        [(job, expires)] = told
        assert job == ("review.jobs.score_waiting",)
        assert expires >= queue.GONE_AFTER + settings.CELERY_TASK_TIME_LIMIT

    def test_a_clip_that_cannot_be_scored_does_not_stop_the_others(
        self, filmed: Clip, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ClipQuality.objects.update(stale=True)
        score = quality.score
        monkeypatch.setattr(quality, "waiting", lambda most: [-1, filmed.pk])
        monkeypatch.setattr(quality, "score", lambda pk: score(pk) if pk > 0 else 1 / 0)
        assert quality.score_waiting(10) == 1
        assert quality.score_waiting(10) == 0, "it is scored already"

    def test_of_two_changes_of_weights_the_later_one_stays(
        self, filmed: Clip, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        weighing.weigh(project=filmed.project, weights={"frames": 0}, by=alice)
        chunk = weighing._weigh_chunk

        def overtaken(project: Project, *, after: int) -> Any:
            monkeypatch.setattr(weighing, "_weigh_chunk", chunk)
            weighing.weigh(project=project, weights={"flags": 0, "frames": 0, "pose": 0, "coverage": 5}, by=alice)
            weighing.follow(project)
            return chunk(project, after=after)

        monkeypatch.setattr(weighing, "_weigh_chunk", overtaken)
        weighing.follow(filmed.project)
        row = ClipQuality.objects.get()
        parts = {part: getattr(row, part) for part in row.PARTS}
        assert row.score == pytest.approx(metrics.composite(parts, quality.weights_of(filmed.project.pk)))

    def test_it_is_in_the_api_for_everybody_and_weights_are_the_managers(
        self, filmed: Clip, alice: User, bob: User, mallory: User, api: APIClient
    ) -> None:
        api.force_authenticate(bob)
        answer = api.get(f"/api/clips/{filmed.pk}/quality/").json()
        assert answer["score"] == pytest.approx(filmed.quality)
        assert set(answer["parts"]) == set(answer["weights"]) == set(ClipQuality.PARTS)
        assert api.get(f"/api/clips/{filmed.pk}/").json()["quality"] == pytest.approx(filmed.quality)
        address = "/api/projects/table-top/quality/weights/"
        assert api.put(address, {"pose": 1.0}, format="json").status_code == 403
        api.force_authenticate(alice)
        assert api.put(address, {"pose": 1.0}, format="json").json()["pose"] == 1.0
        assert api.put(address, {"beauty": 1.0}, format="json").status_code == 400
        assert api.put(address, {"pose": -1.0}, format="json").status_code == 422
        api.force_authenticate(mallory)
        assert api.get(f"/api/clips/{filmed.pk}/quality/").status_code == 404

    def test_a_clip_that_is_not_scored_says_so(self, clip: Clip, bob: User, api: APIClient) -> None:
        api.force_authenticate(bob)
        assert api.get(f"/api/clips/{clip.pk}/quality/").json()["score"] is None
        assert api.get(f"/api/clips/{clip.pk}/").json()["quality"] is None

    def test_it_is_in_sql_and_in_parquet(self, filmed: Clip, project: Project, dana: User, api: APIClient) -> None:
        answer = metadata_sql.query(project=project, sql="SELECT clip_id, quality, quality_agreement FROM clips")
        assert [tuple(row) for row in answer.rows] == [(filmed.pk, pytest.approx(filmed.quality), None)]
        together = "SELECT c.quality, count(*) FROM clips c JOIN frames f USING (clip_id) GROUP BY ALL"
        assert len(metadata_sql.query(project=project, sql=together).rows) == 1
        api.force_authenticate(dana)
        table = pq.read_table(io.BytesIO(api.get("/api/projects/table-top/quality.parquet").content))
        assert table.column_names == list(metadata_sql.CLIP_COLUMNS)
        assert table["quality_flags"].to_pylist() == [pytest.approx(ClipQuality.objects.get().flags)]

    def test_light_and_surroundings_are_in_sql_with_who_says_so(self, filmed: Clip, project: Project) -> None:
        ask = "SELECT completeness, frozen, lighting, lighting_tone, environment, environment_by FROM clips"
        said = json.loads((filmed.folder / JSON_FILE).read_text())["quality"]
        light = [said["completeness"], said["frozen_fraction"], said["lighting"], said["lighting_tone"]]
        assert "environment" not in said
        assert [list(row) for row in metadata_sql.query(project=project, sql=ask).rows] == [[*light, None, None]]
        frames = (
            "SELECT DISTINCT clip_completeness, clip_frozen_fraction, clip_lighting, clip_lighting_tone FROM frames"
        )
        assert [list(row) for row in metadata_sql.query(project=project, sql=frames).rows] == [light]
        Clip.objects.update(environment="lab 4")
        quality.score(filmed.pk)
        (row,) = metadata_sql.query(project=project, sql=ask).rows
        assert list(row[4:]) == ["lab 4", "who handed the clip in"]
        caption(filmed, ["kitchen", "unknown", "office", "kitchen", ""])
        quality.score(filmed.pk)
        (row,) = metadata_sql.query(project=project, sql=ask).rows
        assert list(row[4:]) == ["kitchen", "2 of 5 captions by gemini:flash"]


def caption(clip: Clip, environments: list[str]) -> None:
    """Captions as the layer leaves them, one for each of these words."""
    frames = {str(n): {"caption": "A table.", "environment": each} for n, each in enumerate(environments)}
    folder, made = clips.folder(clip), {"engine": "gemini:flash", "version": "1", "fingerprint": "c" * 64}
    file = folder.write(captions.FILE, json.dumps({"frames": frames}).encode())
    folder.commit("captions", parameters={}, files=[file], **made)
    LayerRun.objects.filter(clip=clip, layer="captions").delete()
    LayerRun.objects.create(clip=clip, layer="captions", state=LayerRun.State.DONE, files=[captions.FILE], **made)


@pytest.mark.django_db
class TestPages:
    def test_the_clips_page_shows_the_parts_and_the_list_sorts_by_it(
        self, filmed: Clip, alice: User, client: Any, make_clip: Callable[..., Clip]
    ) -> None:
        other = make_clip(quality=0.01)
        client.force_login(alice)
        page = client.get(f"/clips/{filmed.pk}/").content.decode()
        assert "mean confidence of keypoints" in page
        assert "No check of masks against flow or depth ran." in page
        listed = client.get("/projects/table-top/clips/?sort=quality").context["window"].rows
        assert [row.pk for row in listed] == [other.pk, filmed.pk]
        listed = client.get("/projects/table-top/clips/?sort=-quality").context["window"].rows
        assert [row.pk for row in listed] == [filmed.pk, other.pk]
        assert "Scored as soon as" in client.get(f"/clips/{other.pk}/").content.decode()

    def test_a_manager_sets_the_weights_on_the_settings_page(self, project: Project, alice: User, client: Any) -> None:
        client.force_login(alice)
        given = {"weight-frames": "1", "weight-flags": "0", "weight-pose": "0", "weight-agreement": "2"}
        answer = client.post("/projects/table-top/settings/", given | {"weight-coverage": "0", "weigh": "1"})
        assert answer.status_code == 302
        project.refresh_from_db()
        assert project.quality_weights["agreement"] == 2.0
        given = dict.fromkeys([f"weight-{part}" for part in ClipQuality.PARTS], "0")
        answer = client.post("/projects/table-top/settings/", given | {"weigh": "1"})
        assert "All weights are 0" in answer.content.decode()


@pytest.fixture
def make_clip(project: Project) -> Callable[..., Clip]:
    """Another clip of the project, without layers."""

    def make(**values: Any) -> Clip:
        made = factories.ClipFactory(project=project)
        Clip.objects.filter(pk=made.pk).update(**values)
        return made

    return make
