"""Arrays that batches leave are the files that NumPy would write."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from annotation.media.clip_folder import ClipFolder
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
