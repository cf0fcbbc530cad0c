"""Metadata of many clips put together: queries read it, and answer as if every file were read by itself."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from annotation import clips
from annotation.media.artifacts import Mirror
from annotation.models import Clip, Project
from config import celery_app
from enrichment import compute, gathering, jobs, metadata_parts, metadata_sql, runs
from enrichment.errors import QueryRefused
from enrichment.layers.metadata import TABLE_FILE
from enrichment.models import LayerRun
from tests.enrichment.gathering.measured import ALL, ask, clips_of, lay, measure, parts
from tests.factories import ClipFactory

pytestmark = pytest.mark.django_db


def test_what_is_put_together_answers_as_the_files_themselves_without_them(project: Project, ten: list[Clip]) -> None:
    before = metadata_sql.query(project=project, sql=ALL, most=100_000)
    assert gathering.gather(project) == len(ten)
    assert len(parts(project)) == 3
    for clip in ten:
        shutil.rmtree(clip.folder)
    after = metadata_sql.query(project=project, sql=ALL, most=100_000)
    assert (after.columns, after.rows) == (before.columns, before.rows)
    assert gathering.gather(project) == 0, "nothing lies apart any more"


def test_a_clip_that_is_measured_anew_is_answered_at_once_as_it_is_now(
    project: Project, ten: list[Clip], alice: User
) -> None:
    count = f"SELECT count(*) FROM frames WHERE clip_id = {ten[0].pk}"
    others = f"SELECT * FROM frames WHERE clip_id <> {ten[0].pk} ORDER BY clip_id, frame"
    gathering.gather(project)
    coarse, rest = ask(project, count), ask(project, others)
    measure(project, alice, measure_every=1)
    fine = ask(project, count)
    assert fine == [(ten[0].frame_count,)] != coarse
    assert ask(project, others) == rest
    gathering.gather(project)
    assert (ask(project, count), ask(project, others)) == (fine, rest)
    earlier = LayerRun.objects.kept().get(clip=ten[0], layer="metadata")
    compute.work_here(_planned(runs.make_current(layer_run=earlier, by=alice, tell=False)))
    assert ask(project, count) == coarse, "the version before is brought back"


def _planned(run: Any) -> Any:
    runs.plan(run)
    return run


def test_a_clip_that_is_being_measured_is_not_answered_from_before(project: Project, ten: list[Clip]) -> None:
    gathering.gather(project)
    LayerRun.objects.filter(clip=ten[1]).update(state=LayerRun.State.RUNNING)
    assert clips_of(project) == [clip.pk for clip in ten if clip != ten[1]]


def test_a_removed_clip_is_gone_at_once_and_soon_from_the_disk(project: Project, ten: list[Clip]) -> None:
    gathering.gather(project)
    gone = ten.pop(2).pk
    Clip.objects.filter(pk=gone).delete()
    assert clips_of(project) == [clip.pk for clip in ten]
    gathering.gather(project)
    assert gone not in {row for path in parts(project) for row in pq.read_table(path)["clip_id"].to_pylist()}
    assert clips_of(project) == [clip.pk for clip in ten]


def test_two_that_gather_at_once_do_no_harm(project: Project, ten: list[Clip], monkeypatch: pytest.MonkeyPatch) -> None:
    before = ask(project)
    usual = metadata_parts.write

    def meanwhile(*args: Any) -> Path:
        monkeypatch.setattr(metadata_parts, "write", usual)
        assert gathering.gather(project) == 0, "one on the same machine waits for its turn"
        # On another one it does not see the first.
        monkeypatch.setattr(gathering, "_alone", lambda folder: _Alone())
        assert gathering.gather(project) == len(ten)
        return usual(*args)

    monkeypatch.setattr(metadata_parts, "write", meanwhile)
    gathering.gather(project)
    assert ask(project) == before
    for _ in range(2):
        gathering.gather(project)
    assert len(parts(project)) <= 4
    assert ask(project) == before


class _Alone:
    def __enter__(self) -> bool:
        return True

    def __exit__(self, *_: object) -> None: ...


def test_a_file_that_is_replaced_while_it_is_gathered_stays_apart(
    project: Project, ten: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = metadata_parts.rows_of

    def rows_of(keys: metadata_parts.Keys) -> Any:
        yield from usual(keys)
        LayerRun.objects.filter(clip=ten[9]).update(changed_at=timezone.now())

    monkeypatch.setattr(metadata_parts, "rows_of", rows_of)
    assert gathering.gather(project) == len(ten) - 1


def test_few_parts_come_of_many_small_gatherings(project: Project, ten: list[Clip]) -> None:
    before = ask(project)
    LayerRun.objects.update(current=False)
    for clip in ten:
        LayerRun.objects.filter(clip=clip).update(current=True)
        assert gathering.gather(project) == 1
        assert len(parts(project)) <= 5
    assert ask(project) == before


def test_what_another_version_wrote_otherwise_is_put_together_by_itself_and_once(
    project: Project, ten: list[Clip], told: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pq.read_table(ten[0].folder / TABLE_FILE)
    column = next(name for name in table.column_names if pa.types.is_floating(table[name].type))
    otherwise = table.set_column(table.column_names.index(column), column, pa.array(["much"] * len(table)))
    for clip in ten[1::3]:
        lay(clip, otherwise)
    before = ask(project)
    assert gathering.gather(project) == len(ten), "none stays apart, for which each query would send a worker again"
    kinds = [pq.read_schema(path).field(column).type for path in parts(project)]
    assert {kinds.count(pa.string()), kinds.count(pa.float64())} == {1, 2}
    there = parts(project)
    monkeypatch.setattr(metadata_parts, "write", lambda *_: pytest.fail("there is nothing to put together"))
    assert gathering.gather(project) == 0
    LayerRun.objects.filter(clip=ten[0]).update(current=False)
    told.clear()
    assert ask(project) == [row for row in before if row[0] != ten[0].pk]
    assert (told, parts(project)) == ([], there)


def test_kinds_that_do_not_fit_are_not_all_held_in_memory_until_their_parts_are_full(
    project: Project, ten: list[Clip]
) -> None:
    table = pq.read_table(ten[0].folder / TABLE_FILE)
    column = next(name for name in table.column_names if pa.types.is_floating(table[name].type))
    at = table.column_names.index(column)
    kinds = [table, *(table.set_column(at, column, pa.array([odd] * len(table))) for odd in ("much", [1], {"a": 1}))]

    def pieces() -> Any:
        for number in range(12):
            held.append(number)
            yield gathering._Piece(kinds[number % 4], np.array([[number, number, 0]]))

    held: list[int] = []
    most = 0
    for heap in gathering._heaps(pieces()):
        most = max(most, len(held))
        for piece in heap:
            held.remove(int(piece.keys[0, 0]))
    assert most <= gathering._IN_HAND * gathering.MOST_CLIPS


def test_parts_alone_being_written_anew_are_not_said_to_be_no_clips_of_none(project: Project, ten: list[Clip]) -> None:
    gathering.gather(project)
    Clip.objects.filter(pk=ten[2].pk).delete()
    before = parts(project)
    said: list[str] = []
    gathering.gather(project, tell=said.append)
    assert parts(project) != before
    assert said == []


def test_no_more_is_to_be_read_than_before(project: Project, ten: list[Clip], alice: User) -> None:
    elsewhere = ClipFactory(project__by=alice).project
    measure(elsewhere, alice)
    for each in (project, elsewhere):
        gathering.gather(each)
    (other,) = parts(elsewhere)
    for sql in (
        f"SELECT count(*) FROM read_parquet('{other}')",
        f"SELECT count(*) FROM read_parquet('{metadata_parts.home()}/*/*.parquet')",
        f"SELECT count(*) FROM frames, glob('{metadata_parts.home()}/**')",
        f"SELECT count(*) FROM '{ten[0].folder / TABLE_FILE}'",
        f"SELECT {metadata_parts.CLIP} FROM frames",
        "SELECT filename FROM frames",
        "SELECT * FROM duckdb_views(), frames",
    ):
        with pytest.raises(QueryRefused) as refused:
            ask(project, sql)
        assert parts(project)[0].name not in str(refused.value)


def test_a_clip_that_lies_in_the_bucket_alone_is_gathered(
    project: Project, ten: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ask(project)
    table = (ten[0].folder / TABLE_FILE).read_bytes()
    shutil.rmtree(ten[0].folder)
    monkeypatch.setattr(clips, "mirror", lambda: OneFile(f"{ten[0].folder_name}/{TABLE_FILE}", table))
    assert gathering.gather(project) == len(ten)
    monkeypatch.setattr(clips, "mirror", lambda: None)
    shutil.rmtree(ten[0].folder)
    assert ask(project) == before


class OneFile(Mirror):
    """A bucket with one file in it."""

    def __init__(self, key: str, content: bytes) -> None:
        self._key = key
        self._content = content

    def fetch(self, key: str, path: Path) -> bool:
        if key == self._key:
            path.write_bytes(self._content)
        return key == self._key

    def listing(self, prefix: str) -> list[tuple[str, str]]:
        return []


def test_a_query_over_many_files_asks_a_worker_which_goes_on_until_nothing_lies_apart(
    project: Project, ten: list[Clip], told: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "SECONDS", 0.0)
    told.clear()
    ask(project, "SELECT clip_id FROM clips")
    assert told == [], "no file is read for it"
    ask(project)
    again = [("enrichment.jobs.gather", project.pk)]
    for _ in range(3):
        assert told == again
        told.clear()
        jobs.gather(project.pk)
    jobs.gather(project.pk)
    told.clear()
    ask(project)
    assert told == []
    assert celery_app.amqp.router.route({}, "enrichment.jobs.gather")["queue"].name == "files"


def test_busy_projects_are_looked_after_often_and_the_others_now_and_then(
    project: Project, ten: list[Clip], alice: User, told: list[tuple[Any, ...]]
) -> None:
    quiet = ClipFactory(project__by=alice).project
    left = metadata_parts.home() / "00009999"
    left.mkdir(parents=True)

    def looked_after() -> set[int]:
        told.clear()
        jobs.gather()
        return {args[0] for job, *args in told if job == "enrichment.jobs.gather"}

    assert looked_after() == {project.pk, quiet.pk}
    assert not left.exists()
    assert looked_after() == {project.pk}
    os.utime(metadata_parts.home() / ".looked", (0, 0))
    assert looked_after() == {project.pk, quiet.pk}


def test_what_takes_too_long_says_that_a_worker_is_at_it(
    project: Project, ten: list[Clip], dana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata_sql, "SECONDS", 0.0)
    browser = Client()
    browser.force_login(dana)
    page = f"/projects/{project.slug}/clips/query/"
    shown = browser.get(page, {"sql": "SELECT count(*) FROM frames"}).content.decode()
    assert "metadata of 10 clips, of which 10 still lie in a file each; a worker puts them together" in shown


def test_the_command_puts_together_itself_and_says_how_far_it_is(
    project: Project, ten: list[Clip], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    call_command("sql", project.slug, "SELECT count(DISTINCT clip_id) FROM frames")
    said = capsys.readouterr()
    assert said.out.splitlines()[1:] == ["10"]
    assert "The metadata of 4 of 10 clips of Table top is put together." in said.err

    def full(*_: object) -> Callable[..., Any]:
        raise OSError(28, "No space left on device")

    shutil.rmtree(metadata_parts.home())
    monkeypatch.setattr(metadata_parts, "write", full)
    call_command("sql", project.slug, "SELECT count(DISTINCT clip_id) FROM frames")
    said = capsys.readouterr()
    assert said.out.splitlines()[1:] == ["10"]
    assert "No space left on device" in said.err
