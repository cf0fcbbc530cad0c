"""What lies on a machine's disk that nobody needs: each machine's workers clean it, one of them at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings

from annotation.models import Clip, Project
from enrichment import batches, jobs, leftovers, runs, workers
from enrichment.layer import Layer
from enrichment.models import Batch, LayerRun
from tests.enrichment.test_control import until

pytestmark = pytest.mark.django_db


@pytest.fixture
def wanted(project: Project, clip: Clip, alice: User, small_layers: dict[str, Layer]) -> Path:
    """Pieces of a layer that is being computed."""
    runs.plan(runs.request(project=project, by=alice, clips=[clip], layers=["numbers"], tell=False))
    return pieces(batches.pieces_of(LayerRun.objects.get(layer="numbers")).directory)


@pytest.fixture
def stale(settings: Settings) -> Path:
    """Pieces of a layer that nobody computes any more, in the home of the worker of this test."""
    return pieces(settings.CLIPS_DIR / ".checkpoints/checkpoints_00000099/numbers_abc")


def pieces(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "0.json").write_text("[1]")
    return folder


def test_what_nobody_computes_any_more_goes_and_what_is_computed_stays(wanted: Path, stale: Path) -> None:
    assert leftovers.sweep()
    assert not stale.exists()
    assert (wanted / "0.json").exists()


def test_only_clips_whose_pieces_lie_there_are_asked_for(
    wanted: Path, stale: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    odd = pieces(settings.CLIPS_DIR / ".checkpoints/checkpoints_of_old/numbers_abc")
    monkeypatch.setattr(batches, "_AT_ONCE", 1)
    with django_assert_num_queries(2) as asked:
        assert batches.sweep() == 2
    assert all('"clip_id" IN (' in each["sql"] for each in asked.captured_queries)
    assert (wanted.exists(), stale.exists(), odd.exists()) == (True, False, False)
    shutil.rmtree(wanted)
    with django_assert_num_queries(0):
        assert batches.sweep() == 0


def test_folders_of_deleted_clips_are_set_aside(clip: Clip, settings: Settings) -> None:
    fetched = settings.CLIPS_DIR / f"clip_{clip.pk + 1:08d}"
    fetched.mkdir()
    old = time.time() - 2 * leftovers._OLD
    os.utime(fetched, (old, old))
    assert leftovers.sweep()
    assert not fetched.exists()
    assert clip.folder.is_dir()


def test_what_a_killed_worker_had_not_finished_goes_where_work_was_done_lately(
    wanted: Path, clip: Clip, settings: Settings
) -> None:
    part = clip.folder / "flow/.part-abc-flow_000.npy"
    part.parent.mkdir(exist_ok=True)
    part.write_bytes(b"half")
    old = time.time() - 2 * leftovers._OLD
    os.utime(part, (old, old))
    assert leftovers.sweep()
    assert part.exists(), "nothing was done on this clip for days"
    Batch.objects.filter(layer_run__clip=clip, closing=False).update(done_at=timezone.now())
    (settings.CLIPS_DIR / ".swept").unlink()
    assert leftovers.sweep()
    assert not part.exists()


def test_several_workers_of_a_machine_do_it_once_an_hour(stale: Path, settings: Settings) -> None:
    assert leftovers.sweep()
    pieces(stale)
    assert not leftovers.sweep()
    assert stale.exists()
    mark = settings.CLIPS_DIR / ".swept"
    old = time.time() - leftovers.EVERY - 1
    os.utime(mark, (old, old))
    assert leftovers.sweep()
    assert not stale.exists()


def test_it_is_left_to_the_one_who_is_about_it(stale: Path, settings: Settings) -> None:
    with (settings.CLIPS_DIR / ".swept").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert not leftovers.sweep()
    assert stale.exists()
    assert leftovers.sweep(), "who began and was killed has not done it"


@pytest.mark.django_db(transaction=True)
def test_each_worker_sweeps_the_disk_that_it_sees(stale: Path, settings: Settings, tmp_path: Path) -> None:
    home = settings.CLIPS_DIR
    settings.CLIPS_DIR = tmp_path / "another machine"
    jobs.sweep()
    assert stale.exists()
    settings.CLIPS_DIR = home
    (tmp_path / "worker.log").touch()
    mine = workers.Announcing(["cpu"], watch=list)
    workers.be("cpu@host")
    try:
        mine.start()
        until(lambda: not stale.exists(), tmp_path)
    finally:
        mine.stop()
        workers.be("")
