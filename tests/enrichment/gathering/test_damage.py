"""Parts and files that are lost, damaged or out of reach: no answer is wrong, and no good part is removed."""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from django.utils import timezone

from annotation.media.durable import PART
from annotation.models import Clip, Project
from enrichment import gathering, metadata_parts, metadata_sql
from enrichment.errors import QueryRefused
from enrichment.layers.metadata import TABLE_FILE
from enrichment.models import LayerRun
from tests.enrichment.gathering.measured import ask, parts, spoil

pytestmark = pytest.mark.django_db


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


def test_a_disk_that_is_away_for_a_moment_costs_no_part(
    project: Project, ten: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    gathering.gather(project)
    whole = metadata_parts.there(project)
    Clip.objects.filter(pk=ten[2].pk).delete()

    def away(*_: Any, **__: Any) -> Any:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(pq, "ParquetFile", away)
        assert not metadata_parts.forget_damaged(whole, until=math.inf)
        with pytest.raises(OSError, match="Input/output error"):
            gathering.gather(project)
    assert [part.path for part in whole] == parts(project)
    # What is wrong with the query, too, is not the parts' fault, which an error may name.
    named = f'IO Error: Could not read from file "{whole[1].path}": Input/output error'

    def failing(*_: Any) -> Any:
        raise duckdb.IOException(named)

    asked: list[Path] = []
    usual = metadata_parts.readable
    monkeypatch.setattr(metadata_parts, "readable", lambda path: asked.append(path) or usual(path))
    monkeypatch.setattr(metadata_sql._Asked, "_rows", failing)
    with pytest.raises(QueryRefused, match='Could not read from file "metadata of several clips"'):
        ask(project)
    assert asked == [whole[1].path], "the others are not suspected"
    whole[1].path.unlink()
    monkeypatch.setattr(metadata_parts, "cover", lambda _: metadata_parts.Cover(whole=whole))
    with pytest.raises(QueryRefused, match="put together anew meanwhile; ask again"):
        ask(project)


def test_parts_are_looked_through_for_damage_as_long_as_a_query_may_take(project: Project, ten: list[Clip]) -> None:
    gathering.gather(project)
    there = metadata_parts.there(project)
    for part in there:
        spoil(part.path, "cut short")
    assert metadata_parts.forget_damaged(there, until=0.0)
    assert [part.path.exists() for part in there] == [False, True, True]
