"""What a machine holds of the clips that a mirror has, too: no more than it may, and nothing that is only here."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from annotation.media import versions
from annotation.media.clip_folder import ClipFolder
from annotation.media.local_copies import make_room
from tests.annotation.media.test_clip_folder import FolderMirror, commit

DAY = 24 * 3600.0
KB = 1000


@pytest.fixture
def mirror(tmp_path: Path) -> FolderMirror:
    return FolderMirror(tmp_path / "mirror")


def laid(home: Path, mirror: FolderMirror, number: int, *, days_ago: float) -> ClipFolder:
    """A clip of two kilobytes that was used so many days ago."""
    folder = ClipFolder(home / f"clip_{number:08d}", mirror)
    files = [folder.write(f"flow/flow_{n:03d}.npy", bytes(KB)) for n in range(2)]
    commit(folder, "flow", files)
    used = time.time() - days_ago * DAY
    for path in folder.root.rglob("*.npy"):
        os.utime(path, (used, used))
    return folder


def lying(folder: ClipFolder) -> int:
    return len(list(folder.root.rglob("*.npy")))


def test_what_was_unused_for_longest_goes_and_comes_back_when_it_is_asked_for(
    tmp_path: Path, mirror: FolderMirror
) -> None:
    folders = [laid(tmp_path, mirror, number, days_ago=days) for number, days in enumerate((3, 9, 5))]
    roots = [folder.root for folder in folders]
    assert make_room(roots, mirror, most=6 * KB, idle=DAY) == 0
    assert make_room(roots, mirror, most=4 * KB, idle=DAY) == 2 * KB
    assert [lying(folder) for folder in folders] == [2, 0, 2]
    assert folders[1].local("flow/flow_001.npy").read_bytes() == bytes(KB)
    assert folders[1].verify() == []


def test_what_was_used_lately_or_lies_only_here_stays(tmp_path: Path, mirror: FolderMirror) -> None:
    lately, old = (laid(tmp_path, mirror, number, days_ago=days) for number, days in ((1, 0.5), (2, 9)))
    # Read within the day, though written long ago: a worker may be at it.
    for path in lately.root.rglob("*.npy"):
        os.utime(path, (time.time() - DAY / 2, time.time() - 9 * DAY))
    (mirror.root / old.root.name / "flow/flow_001.npy").unlink()
    other = old.root / "flow/half_done.npy"
    other.write_bytes(bytes(KB))
    os.utime(other, (0, 0))
    assert make_room([lately.root, old.root], mirror, most=0, idle=DAY) == KB
    assert lying(lately) == 2
    assert sorted(path.name for path in old.root.rglob("*.npy")) == ["flow_001.npy", "half_done.npy"]


def test_a_kept_version_counts_and_goes_by_itself(tmp_path: Path, mirror: FolderMirror) -> None:
    folder = laid(tmp_path, mirror, 1, days_ago=2)
    versions.keep(folder, "flow")
    later = [folder.write(f"flow/flow_{n:03d}.npy", bytes(KB)) for n in range(2)]
    commit(folder, "flow", later, fingerprint="f2")
    for path in folder.root.rglob("*.npy"):
        used = time.time() - (9 if ".versions" in path.parts else 2) * DAY
        os.utime(path, (used, used))
    assert make_room([folder.root], mirror, most=2 * KB, idle=DAY) == 2 * KB
    assert [len(list(folder.root.glob(f"{name}/*.npy"))) for name in ("flow", ".versions/*/flow")] == [2, 0]
    assert folder.version("f1").verify() == []


def test_a_folder_without_a_mirror_lets_nothing_go(tmp_path: Path) -> None:
    folder = ClipFolder(tmp_path / "clip_00000001")
    commit(folder, "flow", [folder.write("flow/flow_000.npy", b"x")])
    assert folder.let_go() == 0
    assert lying(folder) == 1
