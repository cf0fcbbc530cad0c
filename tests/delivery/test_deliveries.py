"""Deliveries as a whole: the same again, whole or not at all, and every byte answered for."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, connections
from django.utils import timezone

from annotation import clips, history
from annotation.models import History, Mask, Project, Task
from delivery import deliveries, making
from delivery.errors import BadRequest, UnknownFormat
from delivery.formats import registry
from delivery.models import Delivery
from delivery.verify import verify
from tests.delivery.conftest import Deliver, edit
from tests.factories import ClipFactory

FORMATS = sorted(registry.every())
ROOT = Path(__file__).parents[2]


def an_hour_ago() -> datetime:
    """Past whatever SQLite's clock says, which counts milliseconds where Python counts microseconds."""
    return timezone.now() - timedelta(hours=1)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


@pytest.mark.parametrize("format", FORMATS)
class TestEveryFormat:
    def test_it_is_verified_counted_and_recorded(
        self, format: str, drawn: list[Mask], deliver: Deliver, alice: User
    ) -> None:
        made = deliver(format)
        assert list(verify(made.folder)) == []
        there = {"clips": 1, "frames": 3, "tracks": 2, "masks": 4, "segments": 1}
        holds = registry.get(format).holds
        assert made.counts == {name: count if name in holds else 0 for name, count in there.items()}
        lying = [path for path in made.folder.rglob("*") if path.is_file()]
        assert (made.files, made.size) == (len(lying), sum(path.stat().st_size for path in lying))
        verbs = History.objects.filter(subject="delivery", actor=alice).order_by("id").values_list("verb", flat=True)
        assert list(verbs) == ["requested", "delivered"]

    def test_sha256sum_holds(self, format: str, drawn: list[Mask], deliver: Deliver) -> None:
        folder = deliver(format).folder
        subprocess.run(["sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS"], cwd=folder, check=True)
        for inner in folder.glob("clip_*/"):
            subprocess.run(["sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS"], cwd=inner, check=True)

    def test_the_same_export_made_again_has_the_same_hashes(
        self, format: str, drawn: list[Mask], deliver: Deliver
    ) -> None:
        first, second = deliver(format), deliver(format)
        assert first.digest == second.digest != ""
        assert first.folder != second.folder

    def test_an_edit_does_not_change_what_a_snapshot_says(
        self, format: str, task: Task, drawn: list[Mask], deliver: Deliver, bob: User, dana: User, alice: User
    ) -> None:
        first = deliver(format)
        edit(task, drawn, by=bob, manager=dana)
        ClipFactory(project=task.project)
        task.clip.name, task.clip.scene = "another name", "another scene"
        task.clip.save()
        again = deliveries.run(delivery_id=deliveries.again(delivery=first, by=alice).pk)
        assert (again.state, again.digest) == ("done", first.digest), again.reason
        anew = deliver(format)
        assert anew.digest != first.digest
        assert anew.counts["masks"] == (3 if "masks" in registry.get(format).holds else 0)

    def test_a_flipped_byte_in_any_file_is_found(self, format: str, drawn: list[Mask], deliver: Deliver) -> None:
        folder = deliver(format).folder
        chance = random.Random(1)
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            whole = path.read_bytes()
            for _ in range(3):
                place = chance.randrange(len(whole))
                broken = bytearray(whole)
                broken[place] ^= 1 << chance.randrange(8)
                path.write_bytes(broken)
                named = [problem.path for problem in verify(folder)]
                assert named, f"byte {place} of {path.relative_to(folder)}"
                if path.name != "SHA256SUMS":
                    assert path.relative_to(folder).as_posix() in named
            path.write_bytes(whole)
        assert list(verify(folder)) == []

    def test_files_that_are_missing_or_came_in_from_elsewhere_are_found(
        self, format: str, drawn: list[Mask], deliver: Deliver
    ) -> None:
        folder = deliver(format).folder
        (folder / ".hidden").write_text("x")
        (folder / "zz").symlink_to("/etc/hostname")
        (folder / "checks/report.json").unlink()
        found = {problem.path: problem.sentence for problem in verify(folder)}
        assert "not listed" in found[".hidden"]
        assert "not listed" in found["zz"]
        assert "not here" in found["checks/report.json"]

    def test_overlays_to_look_at_are_drawn_from_what_was_written(
        self, format: str, drawn: list[Mask], deliver: Deliver
    ) -> None:
        folder = deliver(format).folder
        shown = sorted(path.name for path in folder.glob("checks/overlays/*"))
        clip = drawn[0].task.clip.folder_name
        with_masks = (0, 5, 12) if "masks" in registry.get(format).holds else ()
        assert shown == [f"{clip}_frame_{frame:06d}.png" for frame in with_masks]
        report = json.loads((folder / "checks/report.json").read_text())
        assert report["labels"]["gripper"]["masks"] == 1
        assert report["segments_by_action"] == {"pick": 1}

    def test_a_project_without_work_is_delivered_empty(self, format: str, project: Project, deliver: Deliver) -> None:
        assert deliver(format).counts["masks"] == 0

    def test_a_worker_that_died_is_taken_over_and_leaves_nothing(
        self, format: str, drawn: list[Mask], project: Project, alice: User
    ) -> None:
        asked = deliveries.request(project=project, format=format, filters={}, by=alice)
        # As kill -9 leaves it: the row held, its lease run out, half a folder on the disk.
        Delivery.objects.update(state="running", lease="0" * 32, leased_until=an_hour_ago(), attempts=1)
        asked.refresh_from_db()
        assert asked.lease is not None
        half = making.part_of(asked.folder, asked.pk, asked.lease)
        half.mkdir(parents=True)
        (half / "half").write_text("x")
        made = deliveries.run(delivery_id=asked.pk)
        assert (made.state, made.attempts) == ("done", 2), made.reason
        assert left_in(made.folder.parent) == [made.folder_name]


def test_a_delivery_that_someone_holds_is_left_alone(drawn: list[Mask], project: Project, alice: User) -> None:
    asked = deliveries.request(project=project, format="coco", filters={}, by=alice)
    held = Delivery.objects.filter(pk=asked.pk)
    held.update(state="running", lease="1" * 32, leased_until=timezone.now() + timezone.timedelta(minutes=1))
    assert deliveries.run(delivery_id=asked.pk).state == "running"
    assert not asked.folder.exists()


@pytest.mark.django_db(transaction=True)
def test_a_job_delivered_three_times_at_once_makes_one_delivery(
    drawn: list[Mask], project: Project, alice: User
) -> None:
    asked = deliveries.request(project=project, format="coco", filters={}, by=alice)
    together = threading.Barrier(3)

    def job() -> None:
        together.wait()
        try:
            deliveries.run(delivery_id=asked.pk)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(3) as workers:
        for running in [workers.submit(job) for _ in range(3)]:
            running.result()
    asked.refresh_from_db()
    assert (asked.state, asked.attempts) == ("done", 1)
    assert left_in(asked.folder.parent) == [asked.folder_name]
    assert list(verify(asked.folder)) == []


def test_a_worker_that_lost_its_lease_publishes_nothing(
    drawn: list[Mask], project: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = deliveries.request(project=project, format="coco", filters={}, by=alice)
    check = making.check

    def slow(*args: Any) -> None:
        check(*args)
        Delivery.objects.update(lease="2" * 32)

    monkeypatch.setattr(making, "check", slow)
    assert deliveries.run(delivery_id=asked.pk).state == "running"
    assert left_in(asked.folder.parent) == []


def test_a_worker_killed_between_the_rename_and_the_row_has_published(drawn: list[Mask], deliver: Deliver) -> None:
    made = deliver("coco")
    Delivery.objects.update(state="running", lease="3" * 32, leased_until=an_hour_ago(), digest="")
    again = deliveries.run(delivery_id=made.pk)
    assert (again.state, again.digest) == ("done", made.digest)


def test_a_delivery_that_kills_its_worker_is_given_up_with_the_reason(
    drawn: list[Mask], project: Project, alice: User
) -> None:
    asked = deliveries.request(project=project, format="coco", filters={}, by=alice)
    Delivery.objects.update(state="running", leased_until=an_hour_ago(), attempts=deliveries.MAX_ATTEMPTS)
    made = deliveries.run(delivery_id=asked.pk)
    assert made.said_state == "failed: stopped"
    assert deliveries.retry(delivery=made, by=alice).state == "queued"
    assert deliveries.run(delivery_id=asked.pk).state == "done"


@pytest.mark.django_db(transaction=True)
def test_the_reconciler_tells_a_worker_of_what_waits_but_not_all_the_time(
    drawn: list[Mask], project: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    monkeypatch.setattr(deliveries.current_app, "send_task", lambda name, args, **more: sent.append(args[0]))
    asked = deliveries.request(project=project, format="coco", filters={}, by=alice)
    assert (sent, deliveries.reconcile()) == ([asked.pk], 0)
    Delivery.objects.update(sent_at=timezone.now() - deliveries.TELL_AGAIN_AFTER * 2)
    assert (deliveries.reconcile(), sent) == (1, [asked.pk, asked.pk])
    Delivery.objects.update(sent_at=None, state="running", leased_until=an_hour_ago())
    assert deliveries.reconcile() == 1
    deliveries.run(delivery_id=asked.pk)
    Delivery.objects.update(sent_at=None)
    assert deliveries.reconcile() == 0


def test_a_broker_that_does_not_answer_loses_nothing(
    project: Project, alice: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    def refuse(*args: Any, **more: Any) -> None:
        raise OSError("nobody there")

    monkeypatch.setattr(deliveries.current_app, "send_task", refuse)
    with django_capture_on_commit_callbacks(execute=True):
        asked = deliveries.request(project=project, format="coco", filters={}, by=alice)
    assert deliveries.run(delivery_id=asked.pk).state == "done"


def test_a_changed_layer_is_not_delivered_as_what_was_pinned(drawn: list[Mask], deliver: Deliver, alice: User) -> None:
    folder = clips.folder(drawn[0].task.clip)
    one = {"engine": "e", "version": "1", "parameters": {}, "fingerprint": "f"}
    folder.commit("flow", files=[folder.write("flow/flow_000.npy", b"one")], **one)
    first = deliver("clip_folder")
    delivered = first.folder / drawn[0].task.clip.folder_name
    assert (delivered / "flow/flow_000.npy").read_bytes() == b"one"
    folder.commit("flow", files=[folder.write("flow/flow_000.npy", b"two")], **(one | {"fingerprint": "g"}))
    again = deliveries.run(delivery_id=deliveries.again(delivery=first, by=alice).pk)
    assert again.said_state == "failed: source"
    assert "flow" in again.reason


def test_a_damaged_layer_file_is_not_delivered(drawn: list[Mask], deliver: Deliver) -> None:
    folder = clips.folder(drawn[0].task.clip)
    file = folder.write("flow/flow_000.npy", b"one")
    folder.commit("flow", engine="e", version="1", parameters={}, fingerprint="f", files=[file])
    folder.path("flow/flow_000.npy").write_bytes(b"0ne")
    made = deliver("clip_folder", fails=True)
    assert made.said_state == "failed: source"
    assert left_in(made.folder.parent) == []


def test_work_that_does_not_pass_its_own_check_is_not_offered(drawn: list[Mask], deliver: Deliver) -> None:
    head = Mask.objects.get(pk=drawn[0].pk).head
    assert head is not None
    type(head).objects.filter(pk=head.pk).update(area=1)
    made = deliver("coco", fails=True)
    assert made.said_state == "failed: check"
    assert "its pixels say" in made.reason
    assert left_in(made.folder.parent) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A disk with room for two megabytes; needs the right to mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if mount is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here; it needs root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("room", [0, 1, 4, 8])
def test_a_full_disk_leaves_nothing_and_is_said_and_succeeds_once_there_is_room(
    room: int, drawn: list[Mask], deliver: Deliver, settings: Any, small_disk: Path, alice: User
) -> None:
    settings.DELIVERIES_DIR = small_disk
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    os.truncate(ballast, ballast.stat().st_size - room * 4096)
    made = deliver("coco", fails=True)
    assert (made.state, made.said_state) == ("failed", "failed: disk")
    assert "make room" in made.reason
    assert left_in(small_disk) == ["ballast"]
    ballast.unlink()
    deliveries.retry(delivery=made, by=alice)
    assert deliveries.run(delivery_id=made.pk).state == "done"
    assert list(verify(made.folder)) == []


def test_a_disk_that_fills_up_at_any_write_leaves_nothing(
    drawn: list[Mask], deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For where no disk can be mounted: the system's answer is given by hand."""

    def full(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    made = deliver("coco", fails=True)
    assert made.said_state == "failed: disk"
    assert left_in(made.folder.parent) == []


@pytest.mark.django_db(transaction=True)
def test_a_killed_process_leaves_nothing_visible(drawn: list[Mask], project: Project, tmp_path: Path) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the process that is killed opens the test database by its file")
    out = tmp_path / "out" / "delivery"
    database = f"sqlite:///{connection.settings_dict['NAME']}"
    home = {"LOUPE_HOME": str(tmp_path / "home"), "DATABASE_URL": database}
    command = [sys.executable, "manage.py", "deliver", project.slug, "--format", "coco", "--out", str(out)]
    Task.objects.update(frames=list(range(24)))  # so that there is something to be in the middle of
    killed = 0
    for delay in (0.0, 0.02, 0.05):
        before = set(out.parent.glob(".*.part-*"))
        with subprocess.Popen(command, cwd=ROOT, env=os.environ | home, stderr=subprocess.PIPE) as process:
            while process.poll() is None and set(out.parent.glob(".*.part-*")) <= before:
                time.sleep(0.001)
            time.sleep(delay)
            process.kill()
            said = process.communicate()[1].decode()
        killed += process.returncode == -signal.SIGKILL
        if out.exists():  # it was quicker than the blow; then it must be whole
            assert list(verify(out)) == []
            shutil.rmtree(out)
    assert killed, said
    Delivery.objects.filter(state="running").update(leased_until=an_hour_ago())
    deliveries.reconcile()
    assert {each.said_state for each in Delivery.objects.all()} <= {"failed: stopped", "done"}
    call_command("deliver", project.slug, "--format", "coco", "--out", str(out))
    assert left_in(out.parent) == ["delivery"]
    assert list(verify(out)) == []


def test_verify_says_when_a_folder_is_no_delivery(tmp_path: Path) -> None:
    assert any("is this a delivered folder?" in problem.sentence for problem in verify(tmp_path))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"review_status": "gold"}, "none of accepted"),
        ({"labels": ["unicorn"]}, "no label unicorn"),
        ({"clips": [99]}, "no clip 99"),
        ({"colour": "red"}, "no filter colour"),
    ],
)
def test_an_unknown_filter_is_refused(asked: dict[str, Any], said: str, project: Project, alice: User) -> None:
    with pytest.raises(BadRequest, match=said):
        deliveries.request(project=project, format="coco", filters=asked, by=alice)


def test_an_unknown_format_or_option_is_refused(project: Project, alice: User) -> None:
    with pytest.raises(UnknownFormat, match="clip_folder, coco"):
        deliveries.request(project=project, format="cocoa", filters={}, by=alice)
    with pytest.raises(BadRequest, match="png, jpg, none"):
        deliveries.request(project=project, format="coco", filters={}, options={"images": "gif"}, by=alice)


def test_two_formats_of_one_name_are_refused() -> None:
    with pytest.raises(registry.DuplicateFormat, match="registers the format 'coco'"):
        registry.register(type(registry.get("coco")))


def test_history_is_written_with_the_request(project: Project, alice: User) -> None:
    deliveries.request(project=project, format="coco", filters={}, by=alice)
    assert history.History.objects.filter(subject="delivery", verb="requested").exists()
