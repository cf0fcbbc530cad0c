"""The clip folder: whole files only, a manifest that tells of every changed byte, several workers at once."""

import errno
import hashlib
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from annotation.media import manifest
from annotation.media.clip_folder import ClipFolder
from annotation.media.durable import digest_of, remove_half_written
from annotation.media.errors import ClipFolderError
from annotation.media.mirrored import Mirrored
from annotation.media.settling import Settling


class FolderMirror:
    """A mirror that is a folder elsewhere; the S3 one is tried against a real server in its own test."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.asked = []

    def push(self, path, key):
        (self.root / key).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, self.root / key)

    def fetch(self, key, path):
        self.asked.append(key)
        if not (self.root / key).is_file():
            return False
        shutil.copyfile(self.root / key, path)
        return True

    def has(self, key):
        self.asked.append(key)
        return (self.root / key).is_file()

    def remove(self, prefix):
        for key, _ in list(self.listing(prefix)):
            (self.root / key).unlink()

    def listing(self, prefix):
        self.asked.append(f"{prefix}*")
        for path in sorted(self.root.rglob("*")):
            key = path.relative_to(self.root).as_posix()
            if path.is_file() and key.startswith(prefix):
                yield key, digest_of(path)[0]


def commit(folder, layer, files, **changed):
    facts = {"engine": "dis", "version": "1", "parameters": {"preset": "medium"}, "fingerprint": "f1", **changed}
    return folder.commit(layer, files=files, **facts)


@pytest.fixture
def folder(tmp_path):
    return ClipFolder(tmp_path / "clip_00000001")


def test_a_file_appears_whole_with_its_hash(folder):
    with folder.writing("flow/flow_000.npy") as file:
        np.save(file, np.arange(4, dtype=np.float32))
        assert not folder.path("flow/flow_000.npy").exists()
    assert np.load(folder.local("flow/flow_000.npy")).tolist() == [0, 1, 2, 3]
    assert file.artifact == folder.artifact("flow/flow_000.npy")
    assert file.artifact.bytes == folder.path("flow/flow_000.npy").stat().st_size


def test_a_write_that_fails_leaves_nothing_and_the_old_file_stays(folder):
    folder.write("metadata.json", b"old")

    def interrupted():
        with folder.writing("metadata.json") as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert folder.local("metadata.json").read_bytes() == b"old"
    assert [path.name for path in folder.root.iterdir()] == ["metadata.json"]


def test_a_worker_killed_while_writing_leaves_no_file_of_that_name(folder):
    folder.root.mkdir()
    script = (
        "import sys, pathlib\n"
        "from annotation.media.clip_folder import ClipFolder\n"
        "with ClipFolder(pathlib.Path(sys.argv[1])).writing('depth/frame_000.png') as file:\n"
        "    file.write(b'x' * 100_000); file.flush(); print('written', flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(folder.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdout.readline() == b"written\n"
        worker.kill()
    assert folder.artifact("depth/frame_000.png") is None
    assert folder.verify()[0].kind == "missing"
    (part,) = folder.path("depth/frame_000.png").parent.iterdir()
    assert remove_half_written(folder.root, older_than=3600) == 0
    os.utime(part, (time.time() - 7200,) * 2)
    assert remove_half_written(folder.root, older_than=3600) == 1


def test_one_of_several_files_that_cannot_be_placed_holds_up_no_other(tmp_path):
    placed = []

    def full():
        raise OSError("No space left on device")

    settling = Settling()
    for place in (lambda: placed.append(1), full, lambda: placed.append(3)):
        settling.add(place, tmp_path)
    with pytest.raises(OSError, match="No space"):
        settling.catch_up()
    assert placed == [1, 3]


def filled(n, file):
    file.write(bytes([n]) * 1000)


def test_what_is_written_beside_the_work_is_whole_when_the_block_has_ended(tmp_path):
    folder = ClipFolder(tmp_path / "pieces", listed=False)
    with folder.together():
        told = [
            folder.write_beside(f"{n}.bin", lambda file, n=n: file.write(bytes([n]) * 1000), 1000) for n in range(20)
        ]
        # Who reads one meanwhile gets it whole.
        assert folder.local("19.bin").read_bytes() == bytes([19]) * 1000
    for n, pending in enumerate(told):
        path = folder.path(f"{n}.bin")
        assert (path.read_bytes(), digest_of(path)[0]) == (bytes([n]) * 1000, pending.seal.sha256)


def test_what_cannot_be_written_beside_the_work_is_told_at_the_end_and_leaves_nothing(tmp_path):
    folder = ClipFolder(tmp_path / "pieces", listed=False)

    def full(file):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    def work():
        with folder.together():
            folder.write_beside("a.bin", full, 4)
            folder.write_beside("b.bin", partial(filled, 1), 1000)

    with pytest.raises(OSError, match="No space"):
        work()
    assert [path.name for path in folder.root.iterdir()] == ["b.bin"]


def test_files_that_are_written_faster_than_the_disk_takes_them_are_waited_for(tmp_path):
    folder, go, ahead = ClipFolder(tmp_path / "pieces", listed=False), threading.Event(), []

    def slow(file):
        go.wait(20)
        file.write(b"x")

    def work():
        with folder.together():
            for n in range(30):
                folder.write_beside(f"{n}.bin", slow, 8 << 20)
                ahead.append(n)

    worker = threading.Thread(target=work)
    worker.start()
    time.sleep(0.5)
    held = len(ahead)
    go.set()
    worker.join(20)
    assert 1 <= held <= 5, held
    assert len(ahead) == 30


@pytest.mark.parametrize(
    "path",
    ["../x", "/etc/passwd", "a/../../x", "", ".", "a//b", "./a", "a/", ".hidden", "a\\b", "a\0b", "manifest.json"],
)
def test_it_refuses_a_path_that_is_not_plainly_inside(folder, path):
    with pytest.raises(ClipFolderError):
        folder.write(path, b"x")


@pytest.mark.parametrize("relative", ["a/", "a/.x", "a/..", "a//x", "/a/x", "/x", "a/x\\y", "a/x\0y", "./a/x", "../x"])
def test_it_refuses_them_beside_files_that_are_there_too(folder, relative):
    for plain in ("a/b.txt", "c.txt"):
        folder.write(plain, b"")
    with pytest.raises(ClipFolderError):
        folder.path(relative)


def test_a_manifest_is_sealed_by_what_it_says_with_its_keys_in_order():
    plain = {"schema_version": 1, "layers": {"flow": {"version": "1"}}, "files": {"a/ü.npy": {"bytes": 3}}}
    for more in ({}, {"written_by": "x", "zone": "y"}):
        content = plain | more
        told = {"indent": 1, "sort_keys": True, "ensure_ascii": False}
        seal = hashlib.sha256((json.dumps(content, **told) + "\n").encode()).hexdigest()
        sealed = (json.dumps(content | {"seal": seal}, **told) + "\n").encode()
        assert manifest.render(content) == manifest.render(content | {"seal": "old"}) == sealed


def test_it_refuses_a_link_that_leads_out(folder, tmp_path):
    folder.root.mkdir()
    (folder.root / "flow").symlink_to(tmp_path)
    with pytest.raises(ClipFolderError, match="through a link"):
        folder.write("flow/flow_000.npy", b"x")


def test_a_committed_layer_verifies_and_is_entered_in_the_manifest(folder):
    commit(folder, "flow", [folder.write("flow/flow_000.npy", b"abc"), folder.write("flow/flow_001.npy", b"def")])
    assert folder.verify() == []
    entry = json.loads((folder.root / "manifest.json").read_text())
    assert entry["layers"]["flow"]["parameters"] == {"preset": "medium"}
    listed = entry["files"]["flow/flow_000.npy"]
    assert listed == {"sha256": hashlib.sha256(b"abc").hexdigest(), "bytes": 3, "layer": "flow"}


def test_every_flipped_byte_is_found_in_the_manifest_too(folder):
    commit(folder, "flow", [folder.write(f"flow/flow_{n:03}.npy", bytes([n] * 9)) for n in range(5)])
    for path in sorted(path for path in folder.root.rglob("*") if path.is_file()):
        sound = path.read_bytes()
        for at in range(0, len(sound), 7):
            path.write_bytes(sound[:at] + bytes([sound[at] ^ 1]) + sound[at + 1 :])
            assert [problem.path for problem in folder.verify()] == [path.relative_to(folder.root).as_posix()]
        path.write_bytes(sound)
    assert folder.verify() == []


def test_missing_and_unlisted_files_are_named(folder):
    commit(folder, "flow", [folder.write("flow/flow_000.npy", b"abc")])
    folder.path("flow/flow_000.npy").rename(folder.root / "stray.npy")
    assert [(problem.kind, problem.path) for problem in folder.verify()] == [
        ("missing", "flow/flow_000.npy"),
        ("unlisted", "stray.npy"),
    ]


def test_the_same_work_committed_again_changes_not_one_byte(folder):
    files = [folder.write("flow/flow_000.npy", b"abc")]
    commit(folder, "flow", files)
    before = (folder.root / "manifest.json").stat()
    commit(folder, "flow", files)
    assert (folder.root / "manifest.json").stat() == before


def test_new_work_replaces_the_layer_and_removes_what_it_has_no_more(folder):
    commit(folder, "flow", [folder.write("flow/flow_000.npy", b"a"), folder.write("flow/flow_001.npy", b"b")])
    content = commit(folder, "flow", [folder.write("flow/flow_000.npy", b"c")], fingerprint="f2")
    assert list(content["files"]) == ["flow/flow_000.npy"]
    assert not folder.path("flow/flow_001.npy").exists()
    assert folder.verify() == []


def test_a_layer_cannot_claim_anothers_file_nor_one_that_is_not_there(folder):
    stray = folder.write("pose/keypoints.json", b"{}")
    commit(folder, "pose", [stray])
    with pytest.raises(ClipFolderError, match="belongs to the layer pose"):
        commit(folder, "flow", [stray])
    gone = folder.write("flow/flow_000.npy", b"abc")
    folder.path("flow/flow_000.npy").unlink()
    with pytest.raises(ClipFolderError, match="does not lie in"):
        commit(folder, "flow", [gone])


def _commit_many(root, worker):
    folder = ClipFolder(root)
    for turn in range(8):
        files = [folder.write(f"layer{worker}/{turn}.bin", bytes([turn]))]
        commit(folder, f"layer{worker}", files, fingerprint=str(turn))


def test_workers_that_commit_at_once_lose_nothing(folder):
    folder.root.mkdir()
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_commit_many, args=(folder.root, n)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert sorted(folder.manifest()["files"]) == [f"layer{n}/7.bin" for n in range(4)]
    assert folder.verify() == []


def test_a_second_machine_finds_files_and_layers_in_the_mirror(tmp_path):
    mirror = FolderMirror(tmp_path / "mirror")
    here, there = (ClipFolder(tmp_path / name / "clip_00000001", mirror) for name in ("here", "there"))
    commit(here, "flow", [here.write("flow/flow_000.npy", b"abc")])
    assert there.local("flow/flow_000.npy").read_bytes() == b"abc"
    commit(there, "pose", [there.write("pose/keypoints.json", b"{}")])
    # the first machine has a manifest of its own, without the pose
    commit(here, "depth", [here.write("depth/frame_000.png", b"png")])
    for folder in (here, there):
        assert sorted(folder.manifest()["layers"]) == ["depth", "flow", "pose"]
        assert folder.verify() == []


def test_a_damaged_copy_in_the_mirror_is_not_taken(tmp_path):
    mirror = FolderMirror(tmp_path / "mirror")
    here, there = (ClipFolder(tmp_path / name / "clip_00000001", mirror) for name in ("here", "there"))
    commit(here, "flow", [here.write("flow/flow_000.npy", b"abc")])
    there.manifest()
    (mirror.root / "clip_00000001/flow/flow_000.npy").write_bytes(b"abd")
    with pytest.raises(ClipFolderError, match="not the file that was written"):
        there.local("flow/flow_000.npy")
    assert not there.path("flow/flow_000.npy").exists()


@pytest.fixture
def machines(tmp_path):
    """Opens the clip's folder as one machine or another has it; `machines.mirror` is behind all of them."""

    def of(name):
        return ClipFolder(tmp_path / name / "clip_00000001", of.mirror)

    of.mirror = FolderMirror(tmp_path / "mirror")
    return of


def test_a_layer_that_another_machine_computed_anew_is_not_read_from_the_files_of_before(machines):
    for name in ("flow/flow_000.npy", "flow/flow_001.npy", "flow/meta.json"):
        machines("a").write(name, b"first")
    names = sorted(machines("a")._lying())
    commit(machines("a"), "flow", [machines("a").artifact(name) for name in names])
    commit(machines("a"), "depth", [machines("a").write("depth/frame_000.png", b"png")])
    other = machines("b")
    second = [other.write("flow/flow_000.npy", b"second"), other.write("flow/meta.json", b"first")]
    commit(other, "flow", second, fingerprint="f2")

    assert machines("a").local("flow/flow_000.npy").read_bytes() == b"second"
    assert machines("a").verify() == []
    assert not machines("a").path("flow/flow_001.npy").exists(), "the newer result has no such file"
    fetched = [key for key in machines.mirror.asked if not key.endswith("*") and ".layers" not in key]
    assert fetched == ["clip_00000001/flow/flow_000.npy"], "what is the same after all, and other layers, stay"


def test_a_machine_that_does_not_know_what_its_files_are_of_compares_them(machines):
    commit(machines("a"), "flow", [machines("a").write("flow/flow_000.npy", b"first")])
    commit(machines("b"), "flow", [machines("b").write("flow/flow_000.npy", b"second")], fingerprint="f2")
    (machines("a").root / ".mirrored.json").unlink()
    assert machines("a").local("flow/flow_000.npy").read_bytes() == b"second"


def test_files_that_are_being_written_are_not_taken_for_those_of_before(machines):
    commit(machines("a"), "flow", [machines("a").write("flow/flow_000.npy", b"first")])
    commit(machines("b"), "flow", [machines("b").write("flow/flow_000.npy", b"second")], fingerprint="f2")
    writing = machines("a")
    third = [writing.write("flow/flow_000.npy", b"third")]
    machines("a").manifest()
    assert machines("a").path("flow/flow_000.npy").read_bytes() == b"third"
    # Another machine is quicker; who comes last has the word, as on one disk.
    commit(machines("b"), "flow", [machines("b").write("flow/flow_000.npy", b"other")], fingerprint="f4")
    third = [writing.write("flow/flow_000.npy", b"third")]
    commit(writing, "flow", third, fingerprint="f3")
    for name in ("a", "b", "c"):
        assert machines(name).local("flow/flow_000.npy").read_bytes() == b"third"
        assert machines(name).verify() == []


def test_a_commit_that_never_reached_the_mirror_gives_way_to_what_stands_there(machines, monkeypatch):
    commit(machines("a"), "flow", [machines("a").write("flow/flow_000.npy", b"first")])
    kept = machines("a").local("flow/flow_000.npy").read_bytes()
    with monkeypatch.context() as broken:
        broken.setattr(Mirrored, "publish", lambda *args: (_ for _ in ()).throw(ConnectionError("away")))
        broken.setattr(Mirrored, "push", lambda *args: None)
        with pytest.raises(ConnectionError):
            commit(machines("a"), "flow", [machines("a").write("flow/flow_000.npy", b"second")], fingerprint="f2")
    assert machines("a").manifest()["layers"]["flow"]["fingerprint"] == "f1"
    assert machines("a").local("flow/flow_000.npy").read_bytes() == kept


def test_looking_at_a_folder_asks_the_mirror_once_and_not_at_all_where_the_result_is_known(machines):
    for number in range(4):
        name = f"layer{number}/7.bin"
        commit(machines("a"), f"layer{number}", [machines("a").write(name, b"x")], fingerprint=f"f{number}")
    machines("a").manifest()
    machines.mirror.asked.clear()
    folder = machines("a")
    for number in range(4):
        folder.local(f"layer{number}/7.bin")
    assert machines.mirror.asked == ["clip_00000001/.layers/*"]
    machines("a").manifest()
    assert machines.mirror.asked == ["clip_00000001/.layers/*"] * 2
    assert machines("a").expecting("f1", "f2").local("layer1/7.bin").read_bytes() == b"x"
    assert len(machines.mirror.asked) == 2
    commit(machines("b"), "layer1", [machines("b").write("layer1/7.bin", b"y")], fingerprint="f9")
    assert machines("a").expecting("f9").local("layer1/7.bin").read_bytes() == b"y"
