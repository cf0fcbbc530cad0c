"""Clusters, near-duplicates and diversity, on vectors with known ones and on clips with the layer's own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from annotation.models import Clip, History, Project
from config import celery_app
from enrichment import compute, jobs, leases, queue, reconciler, runs, surveys
from enrichment import similarity as verbs
from enrichment.engines import similarity
from enrichment.errors import EngineInputError, RunRefused
from enrichment.models import LayerRun, Survey, Worker, from_now
from tests.factories import ClipFactory


def around(middles: np.ndarray, each: int, spread: float, seed: int = 0) -> np.ndarray:
    """Vectors of length 1 around some directions, `each` for every one."""
    numbers = np.random.default_rng(seed)
    drawn = np.repeat(middles, each, axis=0) + numbers.normal(0, spread, (len(middles) * each, middles.shape[1]))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def three() -> np.ndarray:
    """Three kinds of vectors, twelve of each."""
    return around(np.eye(8)[:3], 12, 0.02)


class TestClusters:
    @pytest.mark.parametrize("labels", [lambda v: similarity.kmeans(v, 3), lambda v: similarity.hdbscan(v, 5)])
    def test_kinds_are_told_apart_and_always_alike(self, labels: Any, three: np.ndarray) -> None:
        found = labels(three)
        assert [len(set(found[start : start + 12])) for start in (0, 12, 24)] == [1, 1, 1]
        assert set(found) == {0, 1, 2}
        assert np.array_equal(found, labels(three))

    def test_the_largest_cluster_is_the_first_and_what_belongs_to_none_stays_out(self) -> None:
        labels = np.array([7, 4, 4, -1, 4, 9, 9])
        assert similarity.by_size(labels).tolist() == [2, 0, 0, -1, 0, 1, 1]

    @pytest.mark.parametrize("spread", [0.0, 1e-7, 0.02])
    def test_what_is_alike_is_one_cluster_where_there_is_no_other(self, spread: float) -> None:
        alike, unlike = around(np.eye(64)[:1], 30, spread), around(np.eye(64)[1:4], 1, 0.0)
        assert similarity.hdbscan(alike, 5).tolist() == [0] * 30
        assert similarity.hdbscan(np.concatenate([unlike, alike]), 5).tolist() == [-1] * 3 + [0] * 30
        assert similarity.hdbscan(np.concatenate([unlike, alike[:4]]), 5).tolist() == [-1] * 7

    def test_more_clusters_than_different_vectors_are_not_made(self) -> None:
        assert set(similarity.kmeans(np.repeat(np.eye(4, dtype=np.float32)[:2], 3, axis=0), 20)) == {0, 1}

    def test_what_cannot_be_clustered_is_said(self, three: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(EngineInputError, match="no cluster of 5"):
            similarity.hdbscan(three[:3], 5)
        with pytest.raises(EngineInputError, match="into 0 clusters"):
            similarity.kmeans(three, 0)
        monkeypatch.setattr(similarity, "MOST_FOR_HDBSCAN", 10)
        with pytest.raises(EngineInputError, match="use k-means"):
            similarity.hdbscan(three, 5)


class TestNearDuplicates:
    def test_a_repetition_names_the_first_that_it_repeats(self) -> None:
        rows = np.eye(3, dtype=np.float32)[[0, 1, 0, 2, 1, 0]]
        of, cosine = similarity.near_duplicates(rows)
        assert of.tolist() == [-1, -1, 0, -1, 1, 0]
        assert cosine.tolist() == [0, 0, 1, 0, 1, 1]

    def test_a_chain_of_small_steps_is_not_one_repetition(self) -> None:
        angles = np.radians([0, 15, 30, 45])
        rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
        assert similarity.near_duplicates(rows, 0.95)[0].tolist() == [-1, 0, -1, 2]

    def test_blocks_make_no_difference(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rows = around(np.random.default_rng(2).normal(size=(40, 16)), 5, 0.15)
        rows = rows[np.random.default_rng(3).permutation(len(rows))]
        whole = similarity.near_duplicates(rows, 0.8)
        monkeypatch.setattr(similarity, "_ROWS", 7)
        blocks = similarity.near_duplicates(rows, 0.8)
        assert 0 < (whole[0] >= 0).sum() < len(rows)
        assert np.array_equal(whole[0] < 0, blocks[0] < 0)
        assert np.allclose(whole[1], blocks[1], atol=1e-6)

    def test_every_duplicate_is_near_a_row_that_is_kept(self) -> None:
        rows = around(np.random.default_rng(4).normal(size=(30, 12)), 6, 0.1)
        of, cosine = similarity.near_duplicates(rows, 0.9)
        repeats = np.flatnonzero(of >= 0)
        assert (of[of[repeats]] == -1).all()
        assert np.allclose((rows[repeats] * rows[of[repeats]]).sum(axis=1), cosine[repeats], atol=1e-5)
        assert (cosine[repeats] > 0.9).all()
        kept = rows[of < 0]
        assert ((kept @ kept.T)[~np.eye(len(kept), dtype=bool)] <= 0.9 + 1e-6).all()

    def test_an_index_finds_nearly_all_of_what_comparing_everything_finds(self) -> None:
        pytest.importorskip("faiss")
        rows = around(np.random.default_rng(5).normal(size=(400, 32)), 5, 0.02)
        exact = similarity.near_duplicates(rows)[0] >= 0
        indexed = similarity.near_duplicates(rows, exact_up_to=10)[0] >= 0
        assert exact.sum() == 1600
        assert (exact & indexed).sum() >= 0.95 * exact.sum()
        assert not (indexed & ~exact).any()


class TestDiversity:
    def test_alike_rows_are_as_one_and_unlike_ones_as_many(self) -> None:
        alike = np.repeat(np.eye(4, dtype=np.float32)[:1], 5, axis=0)
        assert similarity.diversity(alike) == pytest.approx((0.0, 1.0), abs=1e-6)
        assert similarity.diversity(np.eye(4, dtype=np.float32)) == pytest.approx((1.0, 4.0))
        halves = np.repeat(np.eye(4, dtype=np.float32)[:2], 10, axis=0)
        assert similarity.diversity(halves) == pytest.approx((1 - 180 / 380, 2.0))
        assert similarity.diversity(alike[:1]) == (0.0, 1.0)


@pytest.mark.django_db
class TestSurvey:
    @pytest.fixture
    def embedded(self, project: Project, clip: Clip, alice: User) -> list[Clip]:
        """Two clips with embeddings; the keyframes of each nearly repeat each other."""
        both = [clip, ClipFactory(project=project, by=alice)]
        run = runs.request(project=project, by=alice, layers=["embeddings"], tell=False)
        runs.plan(run)
        compute.work_here(run)
        return both

    def test_the_table_has_a_row_for_each_keyframe_and_says_what_its_columns_mean(
        self, project: Project, embedded: list[Clip]
    ) -> None:
        summary = verbs.survey(project=project, by=None, clusters=2)
        table = pq.read_table(verbs.folder(project) / "similarity.parquet")
        assert table.schema.equals(verbs.SCHEMA, check_metadata=True)
        assert all(field.metadata[b"about"] for field in table.schema)
        rows = table.to_pylist()
        assert len(rows) == summary["keyframes"] > 4
        assert {row["clip_id"] for row in rows} == {clip.pk for clip in embedded}
        assert sum(row["duplicate_of_frame"] is not None for row in rows) == summary["duplicates"]
        assert all((row["cosine"] is None) == (row["duplicate_of_clip"] is None) for row in rows)
        assert sum(each["keyframes"] for each in summary["clusters"]) == len(rows)
        assert verbs.read(project) == summary

    def test_embeddings_of_another_engine_are_left_out_and_named(self, project: Project, embedded: list[Clip]) -> None:
        LayerFiles.rename_engine(embedded[1], "other")
        summary = verbs.survey(project=project, by=None, engine="hsv-hog-lbp")
        assert summary["left_out"] == [embedded[1].name]
        assert [each["clip"] for each in summary["diversity"]] == [embedded[0].pk]
        with pytest.raises(RunRefused, match="embeddings of clip; there are: hsv-hog-lbp, other"):
            verbs.survey(project=project, by=None, engine="clip")

    def test_the_command_tells_what_it_found(self, project: Project, embedded: list[Clip]) -> None:
        said = StringIO()
        call_command("survey", project.slug, "--clusters=2", stdout=said)
        assert "by hsv-hog-lbp: 2 clusters" in said.getvalue()
        assert embedded[0].name in said.getvalue()
        with pytest.raises(CommandError, match="threshold is 2"):
            call_command("survey", project.slug, "--threshold=2")

    def test_the_page_shows_it_to_those_who_lead(self, project: Project, embedded: list[Clip], dana: User) -> None:
        client = Client()
        client.force_login(dana)
        address = f"/projects/{project.slug}/similar/"
        assert "Nothing is compared yet" in client.get(address).content.decode()
        verbs.survey(project=project, by=None, clusters=2)
        shown = client.get(address).content.decode()
        assert embedded[1].name in shown
        assert f"/clips/{embedded[0].pk}/" in shown

    def test_the_page_looks_for_the_result_until_it_is_there_the_second_time_too(
        self, project: Project, embedded: list[Clip], dana: User
    ) -> None:
        client = Client()
        client.force_login(dana)
        for _ in range(2):
            asked = client.post(f"/projects/{project.slug}/similar/")["Location"]
            assert "every 4s" in client.get(asked).content.decode()
            jobs.survey(project.pk)
            assert "every 4s" not in client.get(asked).content.decode()
        assert History.objects.filter(verb="surveyed", actor=dana).count() == 2

    def test_the_page_says_when_no_worker_would_take_it_and_why_nothing_came_of_it(
        self, project: Project, embedded: list[Clip], dana: User
    ) -> None:
        client = Client()
        client.force_login(dana)
        address = f"/projects/{project.slug}/similar/"
        client.post(address)
        Worker.objects.create(name="cpu@elsewhere", queues=["control", "cpu"], seen_at=timezone.now())
        assert "celery -A config worker -n files@%h --queues files" in client.get(address).content.decode()
        Worker.objects.create(name="cpu@here", queues=["files"], seen_at=timezone.now())
        assert "--queues files" not in client.get(address).content.decode()
        LayerRun.objects.filter(layer="embeddings").update(current=False)
        jobs.survey(project.pk)
        page = client.get(address).content.decode()
        assert "came to nothing: No clip of Table top has embeddings" in page
        assert "every 4s" not in page

    def test_without_embeddings_nothing_is_asked_of_workers(self, project: Project, clip: Clip) -> None:
        with pytest.raises(RunRefused, match="enrich the clips first"):
            surveys.ask(project=project, by=None)
        assert not Survey.objects.exists()
        with pytest.raises(RunRefused, match="there are: none yet"):
            verbs.survey(project=project, by=None)

    def test_it_goes_to_workers_that_share_the_home_in_which_pages_read_it(self) -> None:
        assert celery_app.amqp.router.route({}, "enrichment.jobs.survey")["queue"].name == "files"

    def test_what_was_lost_is_told_again_and_what_a_killed_worker_left_is_taken_up(
        self,
        project: Project,
        embedded: list[Clip],
        monkeypatch: pytest.MonkeyPatch,
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        told: list[tuple[str, int]] = []
        monkeypatch.setattr(queue, "send", lambda job, *args, **more: told.append((job, *args)))

        def look_round() -> list[tuple[str, int]]:
            told.clear()
            with django_capture_on_commit_callbacks(execute=True):
                reconciler.look_round()
            return [each for each in told if each[0] == "enrichment.jobs.survey"]

        again = [("enrichment.jobs.survey", project.pk)]
        with django_capture_on_commit_callbacks(execute=True):
            surveys.ask(project=project, by=None)
            surveys.ask(project=project, by=None)
        assert told == again, "asked for twice, it is one comparison"
        assert look_round() == []
        Survey.objects.update(sent_at=from_now(-queue.TELL_AGAIN_AFTER - 1))
        assert look_round() == again
        assert leases.take(Survey.objects.filter(project=project), Survey.is_due()) is not None
        assert not surveys.run(project.pk), "another worker has it"
        Survey.objects.update(leased_until=from_now(-1))
        assert look_round() == again
        assert surveys.run(project.pk)
        assert Survey.objects.get().state == Survey.State.DONE
        assert look_round() == []

    def test_one_that_takes_longer_than_a_job_may_says_so_and_is_not_begun_again(
        self, project: Project, embedded: list[Clip], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def slow(**_: object) -> None:
            raise SoftTimeLimitExceeded

        assert jobs.survey.soft_time_limit < jobs.survey.time_limit
        monkeypatch.setattr(verbs, "survey", slow)
        surveys.ask(project=project, by=None)
        assert surveys.run(project.pk)
        row = Survey.objects.get()
        assert row.state == Survey.State.FAILED
        assert "longer than a job may take" in row.error
        assert not surveys.run(project.pk)

    def test_two_at_once_do_not_write_into_each_others_files(self, project: Project, embedded: list[Clip]) -> None:
        tables = [pa.table([pa.array([n] * 20_000, type=pa.int64())], ["number"]) for n in range(4)]
        with ThreadPoolExecutor(4) as pool:
            for n in range(20):
                list(pool.map(lambda table: verbs._write(project, table, {"n": n}), tables))  # noqa: B023
                read = pq.read_table(verbs.folder(project) / "similarity.parquet")["number"].to_pylist()
                assert len(set(read)) == 1
        left = {path.name for path in verbs.folder(project).iterdir()}
        assert left == {"similarity.parquet", "summary.json"}


class LayerFiles:
    """What another version of the world would have left on disk."""

    @staticmethod
    def rename_engine(clip: Clip, name: str) -> None:
        path = clip.folder / "embeddings/frames.json"
        path.chmod(0o644)
        path.write_text(path.read_text().replace('"engine": "hsv-hog-lbp"', f'"engine": "{name}"'))
