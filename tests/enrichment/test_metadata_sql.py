from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from annotation.models import Clip, Project
from enrichment import compute, metadata_sql, runs
from enrichment.errors import QueryRefused
from enrichment.layers.metadata import TABLE_FILE
from enrichment.metadata_schema import COLUMNS, EXAMPLES
from tests.factories import ClipFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def measured(project: Project, clip: Clip, alice: User) -> Clip:
    """Two clips with metadata, and one of another project."""
    ClipFactory(project=project, by=alice)
    elsewhere = ClipFactory(project__by=alice).project
    for each in (project, elsewhere):
        run = runs.request(project=each, by=alice, layers=["metadata"], tell=False)
        runs.plan(run)
        compute.work_here(run)
    return clip


def test_every_column_is_described_and_nothing_else(measured: Clip) -> None:
    assert sorted(pq.read_schema(measured.folder / TABLE_FILE).names) == sorted(COLUMNS)


def test_a_projects_own_clips_are_asked_and_no_others(measured: Clip, project: Project) -> None:
    answer = metadata_sql.query(project=project, sql="SELECT clip_id, count(*) AS n FROM frames GROUP BY 1 ORDER BY 1")
    assert list(answer.columns) == ["clip_id", "n"]
    assert [row[0] for row in answer.rows] == sorted(project.clips.values_list("pk", flat=True))


@pytest.mark.parametrize("sql", [sql for _, sql in EXAMPLES])
def test_the_examples_work(sql: str, measured: Clip, project: Project) -> None:
    assert metadata_sql.query(project=project, sql=sql).columns


def test_more_rows_than_asked_for_are_said(measured: Clip, project: Project) -> None:
    answer = metadata_sql.query(project=project, sql="SELECT frame FROM frames", most=2)
    assert (len(answer.rows), answer.more) == (2, True)


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE frames",
        "SELECT 1; SELECT 2",
        "COPY frames TO '{file}'",
        "ATTACH '{file}' AS other",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "PRAGMA database_list",
        "CREATE TABLE mine AS SELECT 1",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '{file}'",
        "SELECT * FROM read_parquet('{elsewhere}')",
        "SELECT * FROM read_parquet('{folder}/*/metadata.parquet')",
        "SELECT * FROM frames, read_text('{folder}/metadata.json')",
        "SELECT * FROM glob('/*')",
        "SELECT getenv('SECRET_KEY')",
        "SELECT * FROM read_parquet('http://127.0.0.1/x.parquet')",
        "SELECT nothing FROM frames",
        "SELEC",
        "",
    ],
)
def test_anything_but_reading_the_table_is_refused(sql: str, measured: Clip, project: Project, tmp_path: Path) -> None:
    file = tmp_path / "written.db"
    other = Clip.objects.exclude(project=project).get()
    places = {"file": file, "elsewhere": other.folder / TABLE_FILE, "folder": measured.folder.parent}
    with pytest.raises(QueryRefused):
        metadata_sql.query(project=project, sql=sql.format(**places))
    assert not file.exists()


def test_a_query_without_an_end_is_stopped(measured: Clip, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata_sql, "SECONDS", 0.2)
    endless = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b"
    with pytest.raises(QueryRefused, match="longer than"):
        metadata_sql.query(project=project, sql=endless)


@pytest.mark.parametrize("spoil", ["cut short", "spoiled within", "of something else"])
def test_a_damaged_file_is_named_by_its_clip(measured: Clip, project: Project, dana: User, spoil: str) -> None:
    whole = (measured.folder / TABLE_FILE).read_bytes()
    spoiled = {
        "cut short": whole[: len(whole) // 2],
        "spoiled within": whole[:4] + bytes(len(whole) // 4) + whole[4 + len(whole) // 4 :],
        "of something else": b"no table",
    }
    (measured.folder / TABLE_FILE).unlink()
    (measured.folder / TABLE_FILE).write_bytes(spoiled[spoil])
    browser = Client()
    browser.force_login(dana)
    answer = browser.get(f"/projects/{project.slug}/clips/query/", {"sql": "SELECT * FROM frames"})
    assert answer.status_code == 200
    assert f"of clip {measured.name} ({measured.pk}) is damaged" in answer.content.decode()


@pytest.mark.usefixtures("measured")
def test_the_page_sets_numbers_to_the_right_and_no_longer_than_they_are_read(project: Project, dana: User) -> None:
    sql = """
        SELECT 0.7495764929212348::DOUBLE AS quality, 1200 AS frames, 'a<b' AS name, NULL AS nothing, true AS yes
        FROM frames LIMIT 1
    """
    browser = Client()
    browser.force_login(dana)
    page = browser.get(f"/projects/{project.slug}/clips/query/", {"sql": sql}).content.decode()
    row = page[page.index("<tbody>") : page.index("</tbody>")]
    assert '<td class="num" title="0.7495764929212348">0.749576</td><td class="num" title="1200">1200</td>' in row
    assert "<td>a&lt;b</td><td>–</td><td>True</td>" in row
    assert '<th scope="col" class="num">quality</th>' in page
    assert '<th scope="col">name</th>' in page
    asked = {"sql": "SELECT nope\nFROM frames"}
    wrong = browser.get(f"/projects/{project.slug}/clips/query/", asked).content.decode()
    told = wrong[wrong.index('<p class="panel panel-body mono lines" role="alert">') :]
    assert "\nLINE 1: SELECT nope" in told[: told.index("</p>")]


def test_more_frames_than_fit_into_memory_are_asked_all_the_same(
    measured: Clip, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = measured.folder / TABLE_FILE
    table = pq.read_table(file)
    rows, rng = 400_000, np.random.default_rng(1)
    wide = {name: np.resize(table[name].to_numpy(zero_copy_only=False), rows) for name in table.column_names}
    wide |= {name: rng.random(rows) for name in ("sharpness", "net_sharpness", "exposure", "contrast", "noise")}
    file.unlink()
    pq.write_table(pa.table(wide, schema=table.schema), file, row_group_size=20_000)
    monkeypatch.setattr(metadata_sql, "MEMORY", "24MB")
    answer = metadata_sql.query(project=project, sql="SELECT count(*), min(frame) FROM frames WHERE frame >= 0")
    assert answer.rows[0][0] > rows
    with pytest.raises(QueryRefused, match="24MB of memory"):
        metadata_sql.query(project=project, sql="SELECT * FROM frames ORDER BY sharpness")


def test_opening_the_files_takes_no_longer_than_a_query_may(
    measured: Clip, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata_sql, "SECONDS", 0.0)
    with pytest.raises(QueryRefused, match="metadata of 2 clips"):
        metadata_sql.query(project=project, sql="SELECT 1 FROM frames")


def test_without_metadata_there_is_nothing_to_ask(project: Project, clip: Clip) -> None:
    with pytest.raises(QueryRefused, match="metadata"):
        metadata_sql.query(project=project, sql="SELECT 1")


def test_the_page_answers_and_says_what_is_wrong(measured: Clip, project: Project, dana: User) -> None:
    browser = Client()
    browser.force_login(dana)
    page = f"/projects/{project.slug}/clips/query/"
    assert "3 rows" in browser.get(page, {"sql": "SELECT frame FROM frames LIMIT 3"}).content.decode()
    assert "nothing else is answered" in browser.get(page, {"sql": "DROP TABLE frames"}).content.decode()
    hostile = browser.get(page, {"sql": "SELECT '<script>alert(1)</script>' AS x"}).content.decode()
    assert "<script>alert" not in hostile


def test_the_command_writes_csv(measured: Clip, project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("sql", project.slug, "SELECT DISTINCT clip_codec FROM frames")
    assert capsys.readouterr().out.splitlines() == ["clip_codec", measured.codec]
    with pytest.raises(CommandError, match="nothing else"):
        call_command("sql", project.slug, "DELETE FROM frames")
    with pytest.raises(CommandError, match="no project 'nosuch'"):
        call_command("sql", "nosuch")
    call_command("sql", project.slug)
    assert "quality of the frame, 0-1" in capsys.readouterr().out
