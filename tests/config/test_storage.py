"""The bucket behind the clip folders, against a server that speaks S3."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from boto3.exceptions import S3UploadFailedError
from django.core.exceptions import ImproperlyConfigured
from moto.server import ThreadedMotoServer
from pytest_django import Settings

from annotation import clips
from annotation.media.clip_folder import ClipFolder
from annotation.media.errors import ClipFolderError
from annotation.models import Project
from annotation.scene.numbered import read_frame_number
from config.env import ObjectStorage
from config.storage import Bucket, bucket
from tests.factories import ClipFactory, tiny_video


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def storage(endpoint: str, request: pytest.FixtureRequest) -> ObjectStorage:
    name = f"b{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:20]}"
    made = ObjectStorage(endpoint=endpoint, bucket=name, access_key="key", secret_key="secret", region="us-east-1")
    boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id="key", aws_secret_access_key="secret", region_name="us-east-1"
    ).create_bucket(Bucket=name)
    return made


def test_a_file_comes_back_as_it_went(storage: ObjectStorage, tmp_path: Path) -> None:
    held = Bucket(storage)
    # More than 8 MiB travels in several parts.
    for name, data in (("small", b"x"), ("large", bytes(range(256)) * 40_000), ("empty", b"")):
        (tmp_path / "out").write_bytes(data)
        held.push(tmp_path / "out", f"clip_1/{name}")
        assert held.fetch(f"clip_1/{name}", tmp_path / "in")
        assert (tmp_path / "in").read_bytes() == data
    assert list(held.names("clip_1/")) == ["clip_1/empty", "clip_1/large", "clip_1/small"]
    assert list(held.names("clip_2/")) == []


def test_what_is_not_there_is_said_and_writes_nothing(storage: ObjectStorage, tmp_path: Path) -> None:
    assert not Bucket(storage).fetch("clip_1/none", tmp_path / "in")
    assert list(tmp_path.iterdir()) == []


def test_a_bucket_that_does_not_exist_is_an_error(storage: ObjectStorage, tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"x")
    elsewhere = ObjectStorage(storage.endpoint, "no-such-bucket", "key", "secret", "us-east-1")
    with pytest.raises(S3UploadFailedError, match="NoSuchBucket"):
        Bucket(elsewhere).push(tmp_path / "out", "clip_1/x")


def test_names_go_on_past_a_page(storage: ObjectStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.storage.PAGE", 2)
    held = Bucket(storage)
    (tmp_path / "out").write_bytes(b"x")
    names = [f"clip_1/flow/flow_{n:03d}.npy" for n in range(5)]
    for name in names:
        held.push(tmp_path / "out", name)
    assert list(held.names("clip_1/flow/")) == names


@pytest.fixture
def mirrored(storage: ObjectStorage, settings: Settings) -> Iterator[None]:
    settings.OBJECT_STORAGE = storage
    settings.CLIP_MIRROR = "config.storage.bucket"
    clips.mirror.cache_clear()
    yield
    clips.mirror.cache_clear()


@pytest.mark.usefixtures("mirrored")
def test_a_machine_without_the_clip_fetches_what_it_needs(project: Project) -> None:
    clip = ClipFactory(project=project)
    written = clips.folder(clip).write("flow/flow_000.npy", b"flow")
    clips.folder(clip).commit("flow", engine="dis", version="1", parameters={}, fingerprint="f", files=[written])
    shutil.rmtree(clip.folder)
    clips._index.cache_clear()

    assert clips.source(clip).read_bytes() == tiny_video().read_bytes()
    with clips.reader(clip) as reader:
        assert read_frame_number(reader.read(17)) == 17
    assert clips.folder(clip).local("flow/flow_000.npy").read_bytes() == b"flow"
    assert set(clips.folder(clip).manifest()["layers"]) == {"source", "flow"}
    assert clips.folder(clip).verify() == []


@pytest.mark.usefixtures("mirrored")
def test_a_changed_object_is_not_taken_for_the_file(project: Project, tmp_path: Path) -> None:
    clip = ClipFactory(project=project)
    (tmp_path / "wrong").write_bytes(b"something else")
    mirror = clips.mirror()
    assert mirror is not None
    mirror.push(tmp_path / "wrong", f"{clip.folder_name}/source/{clip.source_name}")
    shutil.rmtree(clip.folder)
    with pytest.raises(ClipFolderError, match="not the file that was written"):
        ClipFolder(clip.folder, mirror).local(f"source/{clip.source_name}")


def test_without_a_bucket_the_settings_say_so(settings: Settings) -> None:
    settings.OBJECT_STORAGE = None
    with pytest.raises(ImproperlyConfigured, match="S3_BUCKET"):
        bucket()
