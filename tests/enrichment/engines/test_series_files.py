"""Series out of the files that robots and data sets keep them in: each format says the same of the same clip."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest

from enrichment.engines import series, series_files
from enrichment.errors import EngineInputError

SECONDS = [0.0, 0.1, 0.2, 0.3]
STATE = [[0.0, 1.0], [0.5, 1.0], [1.0, 2.0], [1.5, 4.0]]
GRIP = [0.08, 0.08, 0.02, 0.02]


def rows() -> list[dict[str, object]]:
    return [
        {"timestamp": at, "observation.state": state, "gripper opening [m]": grip}
        for at, state, grip in zip(SECONDS, STATE, GRIP, strict=True)
    ]


def parquet(folder: Path) -> Path:
    """An episode as LeRobot keeps it, beside the file that names its joints."""
    count = {"frame_index": range(4), "episode_index": [3] * 4, "index": range(40, 44), "task_index": [0] * 4}
    table = pa.Table.from_pylist(rows())
    for name, values in count.items():
        table = table.append_column(name, pa.array(list(values), pa.int64()))
    path = folder / "data/chunk-000/episode_000003.parquet"
    path.parent.mkdir(parents=True)
    (folder / "meta").mkdir()
    features = {"observation.state": {"names": {"motors": ["shoulder", "elbow"]}}}
    (folder / "meta/info.json").write_text(json.dumps({"features": features}))
    pa_parquet.write_table(table, path)
    return path


def as_json(folder: Path) -> Path:
    path = folder / "robot.json"
    path.write_text(json.dumps({"frames": rows()}))
    return path


def columns_in_json(folder: Path) -> Path:
    path = folder / "robot.json"
    columns = {name: [row[name] for row in rows()] for name in rows()[0]}
    path.write_text(json.dumps(columns | {"robot": "arm"}))
    return path


def json_lines(folder: Path) -> Path:
    path = folder / "robot.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows()))
    return path


def hdf5(folder: Path) -> Path:
    """As robomimic keeps a demonstration: one row for each frame, no times, pictures beside it."""
    path = folder / "demo.hdf5"
    with h5py.File(path, "w") as opened:
        demo = opened.create_group("data/demo_0")
        demo["observation.state"] = np.array(STATE)
        demo["gripper opening [m]"] = np.array(GRIP)
        demo["obs/camera"] = np.zeros((4, 6, 8, 3), np.uint8)
        opened["data"].attrs["env"] = "lift"
    return path


@pytest.mark.parametrize("write", [parquet, as_json, columns_in_json, json_lines, hdf5])
def test_every_format_gives_the_same_series(write: Callable[[Path], Path], tmp_path: Path) -> None:
    path = write(tmp_path)
    text = series_files.as_csv(path, len(SECONDS))
    found = {column.name: column for column in series.read_csv(io.BytesIO(text), SECONDS, "robot.csv")}
    first, second = ("shoulder", "elbow") if write is parquet else ("0", "1")
    assert set(found) == {f"observation.state.{first}", f"observation.state.{second}", "gripper opening"}
    assert found["gripper opening"].unit == "m"
    np.testing.assert_allclose(found["gripper opening"].values, GRIP)
    np.testing.assert_allclose(found[f"observation.state.{first}"].values, [row[0] for row in STATE])
    np.testing.assert_allclose(found[f"observation.state.{second}"].values, [row[1] for row in STATE])


def test_what_is_no_series_of_one_clip_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(EngineInputError, match=r"bag.mcap is of no format .* \.csv, \.h5, \.hdf5, \.json"):
        series_files.as_csv(tmp_path / "bag.mcap", 4)
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and nothing more")
    with pytest.raises(EngineInputError, match=r"broken.parquet cannot be read as parquet"):
        series_files.as_csv(broken, 4)
    several = tmp_path / "all.parquet"
    pa_parquet.write_table(pa.table({"episode_index": [0, 1], "timestamp": [0.0, 0.0]}), several)
    with pytest.raises(EngineInputError, match="holds 2 episodes, 0 to 1, and a clip is one"):
        series_files.as_csv(several, 4)
    with pytest.raises(EngineInputError, match="has 4 rows and no column called frame or time, and the clip has 9"):
        series_files.as_csv(hdf5(tmp_path), 9)
    ragged = tmp_path / "ragged.jsonl"
    ragged.write_text('{"time": 0, "q": [1, 2]}\n{"time": 1, "q": [1]}\n')
    with pytest.raises(EngineInputError, match=r"lists of q in ragged.jsonl are not all of one length"):
        series_files.as_csv(ragged, 4)
    with pytest.raises(EngineInputError, match=r"lie from 1.7e\+09 to 1.7e\+09, and the clip from 0 to 0.3"):
        series.read_csv(io.BytesIO(b"time,q\n1700000000,1\n1700000001,2\n"), SECONDS, "robot.csv")
