"""The bucket behind the clip folders, against a server that speaks S3."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.exceptions import S3UploadFailedError
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from moto.server import ThreadedMotoServer
from pytest_django import Settings

from annotation import clips
from annotation.media.clip_folder import ClipFolder
from annotation.media.errors import ClipFolderError
from annotation.models import Clip, Project
from annotation.scene.numbered import read_frame_number
from config.env import ObjectStorage
from config.storage import Bucket, bucket
from enrichment import batches, comparing, compute, kept, runs
from enrichment.errors import VersionGone
from enrichment.layer import Layer
from enrichment.models import LayerRun
from tests.enrichment.layers import Last, Numbers, Sums, only
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
    assert [key for key, _ in held.listing("clip_1/")] == ["clip_1/empty", "clip_1/large", "clip_1/small"]
    assert list(held.listing("clip_2/")) == []


def test_what_is_not_there_is_said_and_writes_nothing(storage: ObjectStorage, tmp_path: Path) -> None:
    assert not Bucket(storage).fetch("clip_1/none", tmp_path / "in")
    assert list(tmp_path.iterdir()) == []


def test_a_bucket_that_does_not_exist_is_an_error(storage: ObjectStorage, tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"x")
    elsewhere = ObjectStorage(storage.endpoint, "no-such-bucket", "key", "secret", "us-east-1")
    with pytest.raises(S3UploadFailedError, match="NoSuchBucket"):
        Bucket(elsewhere).push(tmp_path / "out", "clip_1/x")


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_a_bucket_that_is_missing_is_made_and_one_that_is_there_keeps_what_it_holds(
    endpoint: str, region: str, settings: Settings, tmp_path: Path
) -> None:
    settings.OBJECT_STORAGE = ObjectStorage(endpoint, f"fresh-{region}", "key", "secret", region)
    settings.CLIP_MIRROR = "config.storage.bucket"
    clips.mirror.cache_clear()
    (tmp_path / "out").write_bytes(b"x")
    try:
        call_command("prepare_storage", stdout=io.StringIO())
        bucket().push(tmp_path / "out", "clip_1/x")
        said = io.StringIO()
        call_command("prepare_storage", stdout=said)
        assert "ready" in said.getvalue()
        assert [key for key, _ in bucket().listing("")] == ["clip_1/x"]
    finally:
        clips.mirror.cache_clear()


def test_names_go_on_past_a_page(storage: ObjectStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.storage.PAGE", 2)
    held = Bucket(storage)
    (tmp_path / "out").write_bytes(b"x")
    names = [f"clip_1/flow/flow_{n:03d}.npy" for n in range(5)]
    for name in names:
        held.push(tmp_path / "out", name)
    assert [key for key, _ in held.listing("clip_1/flow/")] == names


def test_other_bytes_under_a_name_have_another_mark(storage: ObjectStorage, tmp_path: Path) -> None:
    held, marks = Bucket(storage), []
    for data in (b"x", b"y", b"x"):
        (tmp_path / "out").write_bytes(data)
        held.push(tmp_path / "out", "clip_1/manifest")
        marks += [mark for _, mark in held.listing("clip_1/")]
    assert marks[0] != marks[1]
    assert marks[0] == marks[2]


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


@pytest.fixture
def small_layers() -> Iterator[dict[str, Layer]]:
    """Nothing but numbers is computed."""
    with only(Numbers) as known:
        yield known


def computed(project: Project, add: int) -> LayerRun:
    """Numbers with a parameter of its own; its current run."""
    runs.configure(project=project, layer="numbers", parameters={"add": add}, by=None)
    run = runs.request(project=project, by=None, layers=["numbers"], tell=False)
    runs.plan(run)
    compute.work_here(run)
    return LayerRun.objects.current().get(layer="numbers")


def first_number(clip: Clip) -> int:
    return int(json.loads(clips.folder(clip).local("numbers/all.json").read_bytes())[0])


@pytest.mark.usefixtures("mirrored", "small_layers")
def test_a_machine_that_computed_a_layer_before_reads_what_another_one_made_of_it_since(
    project: Project, settings: Settings, tmp_path: Path
) -> None:
    clip = ClipFactory(project=project)
    computed(project, 1)
    assert first_number(clip) == 1
    here, there = settings.CLIPS_DIR, tmp_path / "another" / "clips"
    settings.CLIPS_DIR = there
    computed(project, 7)
    settings.CLIPS_DIR = here
    assert first_number(clip) == 7
    assert clips.folder(clip).verify() == []


@pytest.mark.usefixtures("mirrored")
def test_planning_what_is_done_asks_the_bucket_once_for_all_layers_of_a_clip(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = ClipFactory(project=project)
    with only(Numbers, Sums, Last) as known:
        # Some read what was recorded with the clip, which stands in its folder as well.
        monkeypatch.setattr(known["last"], "from_recording", "recording", raising=False)
        runs.plan(first := runs.request(project=project, by=None, tell=False))
        compute.work_here(first)
        behind = clips.mirror()
        assert isinstance(behind, Bucket)
        asked: list[str] = []
        behind._client.meta.events.register("before-call.s3", lambda model, **_: asked.append(model.name))
        again = runs.request(project=project, by=None, tell=False)
        clips.folder(clip).manifest()
        asked.clear()
        runs.plan(again)
        assert asked == ["ListObjectsV2"]
        # A machine that has none of the files looks whether they are there, and carries none of them here.
        shutil.rmtree(clip.folder)
        clips.folder(clip).manifest()
        asked.clear()
        runs.plan(another := runs.request(project=project, by=None, tell=False))
        assert asked == ["ListObjectsV2", *["HeadObject"] * 3]
        assert not another.layer_runs.unsettled().exists()


@pytest.mark.usefixtures("mirrored", "small_layers")
def test_another_machine_brings_an_older_version_back_out_of_the_bucket(project: Project) -> None:
    clip = ClipFactory(project=project)
    old = computed(project, 1)
    new = computed(project, 7)
    # The machine that computed both is gone, with its disk.
    shutil.rmtree(clip.folder)
    clips._index.cache_clear()
    Numbers.ran.clear()
    old.refresh_from_db()
    assert old.kept_at is not None
    run = runs.make_current(layer_run=old, by=None, tell=False)
    runs.plan(run)
    compute.work_here(run)
    assert Numbers.ran == {}
    assert first_number(clip) == 1
    assert clips.folder(clip).verify() == []
    assert LayerRun.objects.kept().get() == new, "what it replaced is kept in its turn"
    assert comparing.compare(new, LayerRun.objects.get(pk=old.pk)).error == ""


@pytest.mark.usefixtures("mirrored", "small_layers")
def test_a_dropped_version_is_gone_for_every_machine_and_from_the_bucket(
    project: Project, storage: ObjectStorage, django_capture_on_commit_callbacks: Any
) -> None:
    clip = ClipFactory(project=project)
    old = computed(project, 1)
    computed(project, 7)
    with django_capture_on_commit_callbacks(execute=True):
        assert kept.drop(project=project, kept=LayerRun.objects.kept(), by=None)[0] == 1
    assert not (clip.folder / ".versions").exists()
    assert {key.split("/")[0] for key, _ in Bucket(storage).listing("")} == {clip.folder_name}
    shutil.rmtree(clip.folder)
    with pytest.raises(VersionGone, match="not kept any more"):
        runs.make_current(layer_run=LayerRun.objects.get(pk=old.pk), by=None)
    assert first_number(clip) == 7


def test_a_folder_goes_with_all_that_is_in_it_and_nothing_else(
    storage: ObjectStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.storage.PAGE", 2)
    held = Bucket(storage)
    (tmp_path / "out").write_bytes(b"x")
    for name in (*(f"clip_1/flow/{n}" for n in range(5)), "clip_1/flow_2/0", "clip_10/flow/0"):
        held.push(tmp_path / "out", name)
    held.remove("clip_1/flow/")
    held.remove("clip_1/none/")
    assert [key for key, _ in held.listing("")] == ["clip_1/flow_2/0", "clip_10/flow/0"]


@pytest.mark.usefixtures("mirrored", "small_layers")
def test_pieces_leave_the_bucket_when_the_layer_is_done_and_when_nobody_computes_it_any_more(
    project: Project, storage: ObjectStorage
) -> None:
    clip = ClipFactory(project=project)
    done = computed(project, 1)
    assert list(Bucket(storage).listing("checkpoints_")) == []
    assert first_number(clip) == 1
    runs.configure(project=project, layer="numbers", parameters={"add": 2}, by=None)
    runs.plan(runs.request(project=project, by=None, layers=["numbers"], tell=False))
    underway = LayerRun.objects.current().exclude(state="done").get(layer="numbers")
    for layer_run in (underway, done):
        batches.pieces_of(layer_run).write_json("0.json", [1])  # of the second one, by a worker that was killed late
    assert batches.sweep_mirror() == 1
    assert batches.pieces_of(underway).has("0.json")
    there = {key.split("/")[1] for key, _ in Bucket(storage).listing("checkpoints_")}
    assert there == {batches.pieces_of(underway).directory.name}
