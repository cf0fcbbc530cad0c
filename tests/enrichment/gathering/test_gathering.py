"""Metadata of many clips put together: queries read it, and answer as if every file were read by itself."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from annotation import clips
from annotation.media.artifacts import Mirror
from annotation.media.durable import PART
from annotation.models import Clip, Project
from config import celery_app
from enrichment import compute, gathering, jobs, metadata_parts, metadata_sql, queue, runs
from enrichment.errors import QueryRefused
from enrichment.layers.metadata import TABLE_FILE
from enrichment.models import LayerRun
from tests.factories import ClipFactory

pytestmark = pytest.mark.django_db

COPIES = 9
ALL = "SELECT * FROM frames ORDER BY clip_id, frame"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four clips make a part, and one that lies apart is worth gathering."""
    monkeypatch.setattr(gathering, "MOST_CLIPS", 4)
    monkeypatch.setattr(gathering, "LEAST", 1)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the broker is told."""
    found: list[tuple[Any, ...]] = []
    monkeypatch.setattr(queue, "send", lambda job, *args, **more: found.append((job, *args)))
    return found


@pytest.fixture
def ten(project: Project, clip: Clip, alice: User, told: list[tuple[Any, ...]]) -> list[Clip]:
    """A clip with metadata, and nine copies of its rows under other names and numbers."""
    measure(project, alice)
    row, table = LayerRun.objects.get(clip=clip, layer="metadata"), pq.read_table(clip.folder / TABLE_FILE)
    found = [clip]
    for number in range(COPIES):
        copy = Clip.objects.get(pk=clip.pk)
        copy.pk, copy.sha256, copy.name = None, f"{number:064x}", f"copy {number}"
        copy.save()
        LayerRun.objects.create(
            clip=copy, layer="metadata", fingerprint=f"{number:064x}", state=row.state, done_at=timezone.now()
        )
        lay(copy, table)
        found.append(copy)
    return found


def measure(project: Project, by: User, **parameters: Any) -> None:
    """Have the metadata of the clips computed that have a source."""
    if parameters:
        runs.configure(project=project, layer="metadata", parameters=parameters, by=by)
    with_source = project.clips.exclude(name__startswith="copy")
    run = runs.request(project=project, by=by, layers=["metadata"], clips=list(with_source), tell=False)
    runs.plan(run)
    compute.work_here(run)


def lay(clip: Clip, table: pa.Table) -> None:
    """Write a clip's own file, with its number and its name in every row."""
    clip.folder.mkdir(parents=True, exist_ok=True)
    named = {"clip_id": pa.array([clip.pk] * len(table)), "clip_name": pa.array([clip.name] * len(table))}
    for name, column in named.items():
        table = table.set_column(table.column_names.index(name), name, column)
    pq.write_table(table, clip.folder / TABLE_FILE)


def ask(project: Project, sql: str = ALL) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in metadata_sql.query(project=project, sql=sql, most=100_000).rows]


def parts(project: Project) -> list[Path]:
    return [part.path for part in metadata_parts.there(project)]


def clips_of(project: Project) -> list[int]:
    return [row[0] for row in ask(project, "SELECT DISTINCT clip_id FROM frames ORDER BY 1")]


def spoil(path: Path, how: str) -> None:
    """Damage a file."""
    whole = path.read_bytes()
    spoiled = {
        "cut short": whole[: len(whole) // 2],
        "spoiled within": whole[:4] + bytes(len(whole) // 4) + whole[4 + len(whole) // 4 :],
        "of something else": b"no table",
    }
    path.write_bytes(spoiled[how])


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


def test_parts_that_are_lost_are_made_again(project: Project, ten: list[Clip]) -> None:
    before = ask(project)
    gathering.gather(project)
    shutil.rmtree(metadata_parts.home())
    assert ask(project) == before
    assert gathering.gather(project) == len(ten)
    assert ask(project) == before


@pytest.mark.parametrize("how", ["cut short", "spoiled within", "of something else"])
def test_a_damaged_part_changes_no_answer_and_is_made_again(project: Project, ten: list[Clip], how: str) -> None:
    before = ask(project)
    gathering.gather(project)
    spoil(parts(project)[1], how)
    assert ask(project) == before
    assert gathering.gather(project) == gathering.MOST_CLIPS
    assert ask(project) == before
    # One that is to be written anew: what it held is gathered the next time.
    spoil(parts(project)[-1], how)
    LayerRun.objects.filter(clip=ten[-1]).update(changed_at=timezone.now())
    gathering.gather(project)
    gathering.gather(project)
    assert all(len(pq.read_table(path)) for path in parts(project))
    assert ask(project) == before


def test_a_part_that_is_replaced_under_a_query_costs_it_a_second_look(
    project: Project, ten: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ask(project)
    gathering.gather(project)
    usual, looks = metadata_parts.cover, []

    def cover(of: Project) -> metadata_parts.Cover:
        found = usual(of)
        if not looks:
            found.whole[0].path.unlink()
        looks.append(found)
        return found

    monkeypatch.setattr(metadata_parts, "cover", cover)
    assert ask(project) == before
    assert len(looks) == 2


def test_a_file_of_clips_that_is_damaged_stays_apart_and_is_named(project: Project, ten: list[Clip]) -> None:
    (ten[3].folder / TABLE_FILE).write_bytes(b"no table")
    assert gathering.gather(project) == len(ten) - 1
    with pytest.raises(QueryRefused, match=rf"of clip {ten[3].name} \({ten[3].pk}\) is damaged"):
        ask(project)


def test_what_a_killed_worker_left_twice_is_read_once(project: Project, ten: list[Clip]) -> None:
    before = ask(project)
    gathering.gather(project)
    first = parts(project)[0]
    shutil.copy(first, first.with_name("0.parquet"))
    half = first.with_name(f"{PART}half")
    half.write_bytes(first.read_bytes()[:100])
    os.utime(half, (0, 0))
    assert ask(project) == before
    gathering.gather(project)
    assert len(parts(project)) == 3
    assert not half.exists()
    assert ask(project) == before


def test_two_that_gather_at_once_do_no_harm(project: Project, ten: list[Clip], monkeypatch: pytest.MonkeyPatch) -> None:
    before = ask(project)
    usual = metadata_parts.write

    def meanwhile(*args: Any) -> Path:
        monkeypatch.setattr(metadata_parts, "write", usual)
        assert gathering.gather(project) == 0, "one on the same machine waits for its turn"
        # On another one it does not see the first.
        monkeypatch.setattr(gathering, "_alone", lambda folder: _Nobody())
        assert gathering.gather(project) == len(ten)
        return usual(*args)

    monkeypatch.setattr(metadata_parts, "write", meanwhile)
    gathering.gather(project)
    assert ask(project) == before
    for _ in range(2):
        gathering.gather(project)
    assert len(parts(project)) <= 4
    assert ask(project) == before


class _Nobody:
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
