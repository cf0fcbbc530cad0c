"""Uploads by the verbs; tests/annotation/test_uploads_api.py sends them over HTTP."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from annotation import clips, jobs, uploads
from annotation.errors import LeaseLost, Refused, TooLarge, WrongOffset
from annotation.media import probe
from annotation.models import Clip, History, Project, Task, Upload
from tests.factories import ProjectFactory, UserFactory, tiny_video

State = Upload.State


def begin(project: Project, by: User, data: bytes, name: str = "arm.mp4", **about: Any) -> Upload:
    return uploads.begin(project=project, name=name, size=len(data), about=about, by=by)


def send(project: Project, by: User, data: bytes, name: str = "arm.mp4", **about: Any) -> Upload:
    upload = begin(project, by, data, name, **about)
    return uploads.append(upload=upload, offset=0, stream=io.BytesIO(data))


def inspected(upload: Upload) -> Upload:
    found = uploads.inspect(upload_id=upload.pk)
    assert found is not None
    return found


def left(settings: Settings) -> list[Path]:
    """Every file of uploads and clips."""
    return [path for root in (settings.UPLOADS_DIR, settings.CLIPS_DIR) for path in root.rglob("*") if path.is_file()]


@pytest.fixture
def video() -> bytes:
    return tiny_video().read_bytes()


def test_a_file_sent_in_pieces_becomes_a_clip(
    project: Project, bob: User, video: bytes, django_capture_on_commit_callbacks: Any
) -> None:
    upload = begin(project, bob, video, scene="bench")
    with django_capture_on_commit_callbacks(execute=True):
        for start in range(0, len(video), 1000):
            assert upload.state == State.RECEIVING
            upload = uploads.append(upload=upload, offset=start, stream=io.BytesIO(video[start : start + 1000]))
    assert (upload.state, upload.offset) == (State.WAITING, len(video))
    assert upload.path.read_bytes() == video
    with django_capture_on_commit_callbacks(execute=True):
        jobs.inspect_upload(str(upload.pk))
    upload.refresh_from_db()
    assert (upload.state, upload.progress, upload.reason) == (State.DONE, 1.0, "")
    clip = Clip.objects.get(pk=upload.clip_id)
    assert (clip.name, clip.source_name, clip.scene, clip.added_by) == ("arm", "arm.mp4", "bench", bob)
    assert clips.source(clip).read_bytes() == video
    assert Task.objects.filter(clip=clip).count() == 1
    assert not upload.path.exists()


def test_a_piece_at_the_wrong_place_changes_nothing_and_says_where_to_go_on(
    project: Project, bob: User, video: bytes
) -> None:
    upload = begin(project, bob, video)
    upload = uploads.append(upload=upload, offset=0, stream=io.BytesIO(video[:500]))
    for wrong in (0, 499, 501):
        with pytest.raises(WrongOffset, match="500 are here") as caught:
            uploads.append(upload=upload, offset=wrong, stream=io.BytesIO(b"xxx"))
        assert caught.value.offset == 500
    assert upload.path.read_bytes() == video[:500]


class Breaking(io.BytesIO):
    """A connection that breaks off after its bytes."""

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        if not piece:
            raise ConnectionResetError("gone")
        return piece


def test_what_came_before_the_line_broke_is_kept(project: Project, bob: User, video: bytes) -> None:
    upload = begin(project, bob, video)
    with pytest.raises(ConnectionResetError):
        uploads.append(upload=upload, offset=0, stream=Breaking(video[:700]))
    upload.refresh_from_db()
    assert upload.offset == 700
    upload = uploads.append(upload=upload, offset=700, stream=io.BytesIO(video[700:]))
    assert upload.path.read_bytes() == video


def test_bytes_that_a_killed_server_did_not_acknowledge_are_sent_again(
    project: Project, bob: User, video: bytes
) -> None:
    upload = begin(project, bob, video)
    upload = uploads.append(upload=upload, offset=0, stream=io.BytesIO(video[:300]))
    with upload.path.open("ab") as file:
        file.write(b"half a piece, in the file but not in the row")
    upload = uploads.append(upload=upload, offset=300, stream=io.BytesIO(video[300:]))
    assert upload.path.read_bytes() == video


def test_it_refuses_more_bytes_than_were_announced(project: Project, bob: User) -> None:
    upload = begin(project, bob, b"12345")
    with pytest.raises(TooLarge, match="announced with 5 bytes"):
        uploads.append(upload=upload, offset=0, stream=io.BytesIO(b"123456"))
    upload.refresh_from_db()
    assert (upload.offset, upload.path.stat().st_size) == (0, 0)


def test_it_refuses_a_file_that_is_too_large_or_empty_before_a_byte_is_stored(
    project: Project, bob: User, settings: Settings
) -> None:
    settings.MAX_UPLOAD_BYTES = 1000
    with pytest.raises(TooLarge, match="at most 1,000"):
        uploads.begin(project=project, name="a.mp4", size=1001, about={}, by=bob)
    with pytest.raises(Refused, match="no bytes"):
        uploads.begin(project=project, name="a.mp4", size=0, about={}, by=bob)
    with pytest.raises(Refused, match="no field"):
        uploads.begin(project=project, name="a.mp4", size=10, about={"x": "y"}, by=bob)
    settings.MAX_UPLOAD_BYTES = 2**60
    with pytest.raises(TooLarge, match="no room"):
        uploads.begin(project=project, name="a.mp4", size=2**59, about={}, by=bob)
    assert not Upload.objects.exists()
    assert left(settings) == []


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"Monday: calibrate the wrist camera.\n" * 30, "arm.mp4 is not a video: it looks like text"),
        (b"PK\x03\x04" + bytes(500), "zip archive"),
        (None, "arm.mp4"),
    ],
)
def test_nothing_remains_of_a_refused_file_but_the_reason(
    project: Project,
    bob: User,
    video: bytes,
    settings: Settings,
    data: bytes | None,
    sentence: str,
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        upload = inspected(send(project, bob, data or video[:-800]))
    assert upload.state == State.REFUSED
    assert sentence in upload.reason
    assert str(upload.pk) not in upload.reason
    assert not Clip.objects.exists()
    assert left(settings) == []
    assert History.objects.filter(verb="refused", subject_id=str(upload.pk)).exists()


def test_the_same_file_twice_names_the_clip(
    project: Project, clip: Clip, bob: User, video: bytes, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        upload = inspected(send(project, bob, video, "again.mp4"))
    assert (upload.state, upload.clip) == (State.DUPLICATE, clip)
    assert upload.reason == f"again.mp4 is already here as clip {clip.pk} ({clip.name})."
    assert not upload.path.exists()


def test_a_job_delivered_again_does_nothing(project: Project, bob: User, video: bytes) -> None:
    upload = inspected(send(project, bob, video))
    assert uploads.inspect(upload_id=upload.pk) is None
    assert uploads.inspect(upload_id=uuid.uuid4()) is None
    assert Clip.objects.count() == 1


def test_a_worker_that_lost_its_lease_leaves_nothing(
    project: Project, bob: User, video: bytes, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = send(project, bob, video)

    def slow(*args: Any, **kwargs: Any) -> Any:
        # Meanwhile the lease runs out and another worker claims the upload.
        Upload.objects.filter(pk=upload.pk).update(attempts=2)
        return probe.inspect(*args, **kwargs)

    monkeypatch.setattr(uploads, "look_through", slow)
    after = uploads.inspect(upload_id=upload.pk)
    assert after is not None
    assert after.state == State.INSPECTING
    assert not Clip.objects.exists()
    assert left(settings) == [upload.path]


def test_cancelling_while_a_worker_looks_makes_no_clip(
    project: Project,
    bob: User,
    video: bytes,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    upload = send(project, bob, video)

    def cancelled(*args: Any, **kwargs: Any) -> Any:
        facts = probe.inspect(*args, **kwargs)
        uploads.cancel(upload=Upload.objects.get(pk=upload.pk), by=bob)
        return facts

    monkeypatch.setattr(uploads, "look_through", cancelled)
    with django_capture_on_commit_callbacks(execute=True):
        assert uploads.inspect(upload_id=upload.pk) is None
    assert not Clip.objects.exists()
    assert left(settings) == []


def test_a_file_that_kills_three_workers_is_refused(project: Project, bob: User, video: bytes) -> None:
    upload = send(project, bob, video)
    past = timezone.now() - timedelta(seconds=1)
    Upload.objects.filter(pk=upload.pk).update(state=State.INSPECTING, attempts=3, leased_until=past)
    assert uploads.inspect(upload_id=upload.pk) is None
    upload.refresh_from_db()
    assert upload.state == State.REFUSED
    assert "stopped 3 times" in upload.reason


def test_uploads_whose_message_or_worker_was_lost_are_sent_again(project: Project, bob: User, video: bytes) -> None:
    lost, fresh, killed, held = (send(project, bob, video) for _ in range(4))
    now = timezone.now()
    Upload.objects.filter(pk=lost.pk).update(changed_at=now - timedelta(minutes=5))
    Upload.objects.filter(pk=killed.pk).update(state=State.INSPECTING, leased_until=now - timedelta(seconds=1))
    Upload.objects.filter(pk=held.pk).update(state=State.INSPECTING, leased_until=now + timedelta(seconds=20))
    assert set(uploads.recover()) == {lost.pk, killed.pk}
    # A busy worker's queue must not grow by the same upload every ten seconds.
    assert uploads.recover() == [killed.pk]
    assert fresh.state == State.WAITING


def test_housekeeping_forgets_half_uploads_after_a_week_and_bytes_nobody_needs(
    project: Project, bob: User, video: bytes, settings: Settings
) -> None:
    half, young = begin(project, bob, video), begin(project, bob, video)
    for upload in (half, young):
        uploads.append(upload=upload, offset=0, stream=io.BytesIO(video[:100]))
    Upload.objects.filter(pk=half.pk).update(changed_at=timezone.now() - timedelta(days=8))
    stray = settings.UPLOADS_DIR / str(uuid.uuid4())
    stray.write_bytes(b"of an upload that was deleted")
    long_ago = time.time() - 9 * 86400
    for path in (half.path, stray):
        os.utime(path, (long_ago, long_ago))
    jobs.housekeep()
    assert list(Upload.objects.all()) == [young]
    assert list(settings.UPLOADS_DIR.iterdir()) == [young.path]


# ---- with real transactions


@pytest.mark.django_db(transaction=True)
def test_of_two_connections_that_send_the_same_piece_one_is_told_where_to_go_on() -> None:
    bob = UserFactory(username="bob")
    data = os.urandom(200_000)
    upload = begin(ProjectFactory(by=bob), bob, data)
    start = threading.Barrier(4)
    outcomes: list[str] = []

    def piece() -> None:
        start.wait()
        try:
            uploads.append(upload=Upload.objects.get(pk=upload.pk), offset=0, stream=io.BytesIO(data))
            outcomes.append("kept")
        except (WrongOffset, Refused):
            outcomes.append("told")
        finally:
            connection.close()

    threads = [threading.Thread(target=piece) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["kept", "told", "told", "told"]
    assert upload.path.read_bytes() == data


@pytest.mark.django_db(transaction=True)
def test_an_upload_survives_the_worker_that_is_killed_over_it(settings: Settings, tmp_path: Path) -> None:
    settings.LEASE_SECONDS = 2
    bob = UserFactory(username="bob")
    upload = send(ProjectFactory(by=bob), bob, tiny_video(frames=600, width=320, height=240).read_bytes())
    worker = subprocess.Popen(
        [sys.executable, "-c", f"{_WORKER}uploads.inspect(upload_id=uuid.UUID('{upload.pk}'))"],
        env={
            **os.environ,
            "LOUPE_HOME": str(tmp_path / "home"),
            "LOUPE_LEASE_SECONDS": "2",
            "DATABASE_URL": _database(),
        },
        cwd=django_settings.BASE_DIR,
    )
    until(lambda: state(upload) == State.INSPECTING)
    worker.kill()
    worker.wait()
    assert state(upload) == State.INSPECTING
    until(lambda: uploads.recover() == [upload.pk])
    after = inspected(upload)
    assert (after.state, after.attempts) == (State.DONE, 2)
    assert Clip.objects.get().frame_count == 600
    assert not upload.path.exists()


_WORKER = "import django, uuid; django.setup(); from annotation import uploads; "


def _database() -> str:
    kept = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{kept['NAME']}"
    return f"postgres://{kept['USER']}:{kept['PASSWORD']}@{kept['HOST']}:{kept['PORT'] or 5432}/{kept['NAME']}"


def state(upload: Upload) -> str:
    return str(Upload.objects.values_list("state", flat=True).get(pk=upload.pk))


def until(happened: Any) -> None:
    end = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < end, "it did not happen within 20 s"
        time.sleep(0.02)


def test_only_the_holder_of_the_lease_can_finish(project: Project, bob: User, video: bytes) -> None:
    upload = send(project, bob, video)
    claimed = uploads._claim(upload.pk)
    assert claimed is not None
    assert uploads._claim(upload.pk) is None
    Upload.objects.filter(pk=upload.pk).update(attempts=claimed.attempts + 1)
    with pytest.raises(LeaseLost):
        uploads._finish(claimed, State.DONE)
