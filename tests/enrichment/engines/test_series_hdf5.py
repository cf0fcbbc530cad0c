"""HDF5 files that point elsewhere, lead in circles or promise too much, and what they say when they are refused."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from enrichment.engines import series_hdf5
from enrichment.engines.series_files import table_of
from enrichment.errors import EngineInputError

ROWS = 6


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with one honest series."""
    with h5py.File(tmp_path / "series.h5", "w") as file:
        file["observations/qpos"] = np.arange(ROWS * 2.0).reshape(ROWS, 2)
    return tmp_path / "series.h5"


def names(path: Path) -> list[str]:
    return sorted(table_of(path, ROWS).column_names)


HONEST = ["frame", "observations.qpos.0", "observations.qpos.1"]


def test_soft_links_are_left_out_also_those_to_nothing(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["again"] = h5py.SoftLink("/observations/qpos")
        file["gone"] = h5py.SoftLink("/nowhere")
    assert names(path) == HONEST


def test_groups_in_a_circle_are_walked_once(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["observations/up"] = file["/"]
        file["observations/self"] = file["observations"]
    assert names(path) == HONEST


@pytest.mark.parametrize("place", ["leak", "observations/leak", "data"])
def test_a_link_to_another_file_is_refused_and_not_followed(path: Path, place: str) -> None:
    with h5py.File(path.with_name("secret.h5"), "w") as secret:
        secret["values"] = np.arange(ROWS)
        secret["demo_0/values"] = np.arange(ROWS)
    with h5py.File(path, "a") as file:
        file[place] = h5py.ExternalLink(str(path.with_name("secret.h5")), "/")
    with pytest.raises(
        EngineInputError, match=r"series.h5 cannot be read as h5: .*is a link to .*secret.h5; copy what"
    ):
        table_of(path, ROWS)


def test_numbers_that_lie_in_another_file_are_refused(path: Path) -> None:
    path.with_name("raw.bin").write_bytes(np.arange(ROWS, dtype=np.float64).tobytes())
    with h5py.File(path, "a") as file:
        outside = [(str(path.with_name("raw.bin")), 0, ROWS * 8)]
        file.create_dataset("stolen", (ROWS,), np.float64, external=outside)
    with pytest.raises(EngineInputError, match="/stolen is stored in other files; save the numbers themselves"):
        table_of(path, ROWS)


def test_a_virtual_dataset_is_refused(path: Path) -> None:
    with h5py.File(path.with_name("secret.h5"), "w") as secret:
        secret["values"] = np.arange(ROWS)
    layout = h5py.VirtualLayout((ROWS,), np.int64)
    layout[:] = h5py.VirtualSource(str(path.with_name("secret.h5")), "values", (ROWS,))
    with h5py.File(path, "a") as file:
        file.create_virtual_dataset("mirror", layout)
    with pytest.raises(EngineInputError, match="/mirror is virtual: its numbers are those of other datasets"):
        table_of(path, ROWS)


def test_a_small_file_that_promises_a_billion_rows_is_refused_unread(path: Path) -> None:
    with h5py.File(path, "w") as file:
        for name in ("a", "b"):
            file.create_dataset(name, (10**9,), np.float64, chunks=(10**6,), compression="gzip")
    assert path.stat().st_size < 100_000
    with pytest.raises(EngineInputError, match="1,000,000,000 rows, and at most 5,000,000 are read"):
        table_of(path, ROWS)


def test_wide_files_are_refused_by_columns_and_by_bytes(path: Path) -> None:
    with h5py.File(path, "w") as file:
        for number in range(17):
            file[f"wide{number}"] = np.zeros((ROWS, 256))
    with pytest.raises(EngineInputError, match="4,352 columns of numbers, and at most 4,096"):
        table_of(path, ROWS)
    with h5py.File(path, "w") as file:
        file.create_dataset("deep", (4_000_000, 200), np.float32, chunks=(10_000, 200), compression="gzip")
    with pytest.raises(EngineInputError, match="6,104 MiB, and at most 1,024"):
        table_of(path, ROWS)


def test_a_file_of_very_many_groups_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_hdf5, "MOST_OBJECTS", 50)
    with h5py.File(path, "a") as file:
        for number in range(60):
            file.create_group(f"group{number}")
    with pytest.raises(EngineInputError, match="more than 50 groups and datasets"):
        table_of(path, ROWS)


def test_groups_nested_very_deep_are_refused(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file.create_group("/".join(["down"] * 40))
    with pytest.raises(EngineInputError, match="more than 32 deep"):
        table_of(path, ROWS)
