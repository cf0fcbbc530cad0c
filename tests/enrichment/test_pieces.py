"""Arrays that batches leave are the files that NumPy would write."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotation.media.clip_folder import ClipFolder
from annotation.media.durable import Seal
from enrichment.checkpoints import Pieces

PLAIN = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@pytest.mark.parametrize(
    "array",
    [
        PLAIN,
        PLAIN.T,
        PLAIN[:, ::2],
        np.asfortranarray(PLAIN[0]),
        np.arange(3),
        np.array(2.5),
        np.zeros((0, 3), bool),
        np.array(["a", "bc"]),
        np.array([1, 2], ">u2"),
    ],
    ids=lambda array: f"{array.dtype.str}{array.shape}",
)
def test_an_array_is_written_as_numpy_writes_it(tmp_path: Path, array: np.ndarray[tuple[int, ...], np.dtype]) -> None:
    pieces, plain = Pieces(ClipFolder(tmp_path, listed=False), "flow"), io.BytesIO()
    np.save(plain, array, allow_pickle=False)
    pieces.write_array("a.npy", array)
    assert pieces.path("a.npy").read_bytes() == plain.getvalue()


def published(pieces: Pieces, at: Path) -> ClipFolder:
    folder = ClipFolder(at)
    files = [pieces.publish("a.npy", folder, "flow/a.npy")]
    folder.commit("flow", engine="x", version="1", parameters={}, fingerprint="f", files=files)
    return folder


def left(at: Path) -> Pieces:
    """Pieces as another process finds them."""
    pieces = Pieces(ClipFolder(at, listed=False), "flow")
    with pieces.of_batch(0):
        pieces.write_array("a.npy", PLAIN)
    return Pieces(ClipFolder(at, listed=False), "flow")


def test_a_piece_is_published_with_the_hash_it_was_written_with_and_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = left(tmp_path / "pieces")
    with monkeypatch.context() as patched:
        patched.setattr(Seal, "of", lambda path: pytest.fail(f"{path} was read"))
        folder = published(pieces, tmp_path / "clip")
    assert folder.verify() == []


@pytest.mark.parametrize("how", ["written over", "another file", "no notes"])
def test_a_piece_that_is_another_file_than_was_hashed_is_hashed_anew(how: str, tmp_path: Path) -> None:
    pieces = left(tmp_path / "pieces")
    path = pieces.directory / "a.npy"
    if how == "written over":
        path.write_bytes(path.read_bytes()[::-1])
    elif how == "another file":
        content = path.read_bytes()[::-1]
        path.unlink()
        path.write_bytes(content)
    else:
        (pieces.directory / "left_by_00000.json").write_text('["a.npy"]')
    assert published(pieces, tmp_path / "clip").verify() == []


def test_a_published_piece_that_rots_is_found(tmp_path: Path) -> None:
    folder = published(left(tmp_path / "pieces"), tmp_path / "clip")
    path = folder.path("flow/a.npy")
    before = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert [each.kind for each in folder.verify()] == ["changed"]


def test_a_spool_needs_no_pieces_here_and_leaves_nothing(tmp_path: Path) -> None:
    pieces = Pieces(ClipFolder(tmp_path / "elsewhere", listed=False), "flow")
    with pieces.spool() as spool:
        spool.write(b"held")
        assert not list(pieces.directory.iterdir())
    assert not list(pieces.directory.iterdir())


@pytest.mark.parametrize("rows", [(2, 3), (0, 2, 0), (0,), (1,)])
def test_arrays_are_joined_into_the_file_that_numpy_would_write(tmp_path: Path, rows: tuple[int, ...]) -> None:
    pieces, plain = Pieces(ClipFolder(tmp_path, listed=False), "pose_3d"), io.BytesIO()
    arrays = [np.random.default_rng(count).random((count, 3, 2)).astype(np.float32) for count in rows]
    with pieces.of_batch(0):
        for number, array in enumerate(arrays):
            pieces.write_array(f"{number}.npy", array)
        assert pieces.join([f"{number}.npy" for number in range(len(rows))], "all.npy") == (sum(rows), 3, 2)
    np.save(plain, np.concatenate(arrays), allow_pickle=False)
    assert pieces.path("all.npy").read_bytes() == plain.getvalue()
    assert pieces.are_left([0]) == {0}


@pytest.mark.parametrize("other", [np.zeros((1, 3, 2), np.float64), np.zeros((1, 3, 1), np.float32)])
def test_arrays_that_do_not_belong_together_are_not_joined(tmp_path: Path, other: np.ndarray[Any, Any]) -> None:
    pieces = Pieces(ClipFolder(tmp_path, listed=False), "pose_3d")
    pieces.write_array("0.npy", np.zeros((2, 3, 2), np.float32))
    pieces.write_array("1.npy", other)
    with pytest.raises(ValueError, match="do not belong together"):
        pieces.join(["0.npy", "1.npy"], "all.npy")


def test_arrays_in_another_order_are_joined_by_their_values(tmp_path: Path) -> None:
    pieces, arrays = Pieces(ClipFolder(tmp_path, listed=False), "pose_3d"), [np.asfortranarray(PLAIN), PLAIN]
    for number, array in enumerate(arrays):
        pieces.write_array(f"{number}.npy", array)
    pieces.join(["0.npy", "1.npy"], "all.npy")
    assert np.array_equal(pieces.read_array("all.npy"), np.concatenate(arrays))
