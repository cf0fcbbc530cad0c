"""Series that were recorded with a clip, out of the files that robots and data sets keep them in, as one flat table.

CSV, Parquet (one episode of LeRobot among them), JSON and JSON Lines, and HDF5 (robomimic, ALOHA). Columns that hold a
list of numbers, such as LeRobot's `observation.state`, become a column for each number, named as the data set's
`meta/info.json` names them where the file still lies in its data set.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from enrichment.engines.series_hdf5 import MOST_NUMBERS, hdf5_table
from enrichment.errors import EngineInputError

TIMES: Final = ("time", "seconds", "timestamp", "t")
_EPISODE: Final = "episode_index"
# What LeRobot counts rows and tasks with: numbers, but no series.
_BOOKKEEPING: Final = frozenset({_EPISODE, "index", "task_index"})


def table_of(path: Path, frames: int) -> pa.Table:
    """A file as a table with one column of numbers for each series, and one called frame or time.

    Args:
        path: the file; its ending says what it is.
        frames: of the clip. A file that says of no row where it belongs has one for each frame, or is refused.

    Raises:
        EngineInputError: no such format, damaged, several episodes, or rows that belong nowhere.
    """
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise EngineInputError(
            f"{path.name} is of no format that series are read from; these are {', '.join(sorted(_READERS))}."
        )
    try:
        table = read(path)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, ValueError, TypeError, KeyError) as error:
        raise EngineInputError(f"{path.name} cannot be read as {path.suffix.lower()[1:]}: {error}.") from error
    return _placed(_flat(_one_episode(table, path), path), path, frames)


def as_csv(path: Path, frames: int) -> bytes:
    """A file in the form that series have in the clip folder; a CSV file as it is.

    Raises:
        EngineInputError: as `table_of`.
    """
    if path.suffix.lower() == ".csv":
        return path.read_bytes()
    file = io.BytesIO()
    pa_csv.write_csv(table_of(path, frames), file)
    return file.getvalue()


# ---- formats


def _parquet(path: Path) -> pa.Table:
    return pa_parquet.read_table(path)


def _json(path: Path) -> pa.Table:
    """Records one after the other, or columns by name; either may lie under one name, such as "frames"."""
    said = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(said, dict) and len(said) == 1:
        (inner,) = said.values()
        said = inner if isinstance(inner, dict) or _are_records(inner) else said
    if _are_records(said):
        return pa.Table.from_pylist(said)
    if isinstance(said, dict):
        arrays = {name: values for name, values in said.items() if isinstance(values, list)}
        longest = max(map(len, arrays.values()), default=0)
        return pa.table({name: values for name, values in arrays.items() if len(values) == longest})
    raise ValueError("it holds neither a list of records nor columns by name")


def _are_records(said: Any) -> bool:
    return isinstance(said, list) and bool(said) and all(isinstance(each, dict) for each in said)


def _json_lines(path: Path) -> pa.Table:
    with path.open(encoding="utf-8") as lines:
        return pa.Table.from_pylist([json.loads(line) for line in lines if line.strip()])


_READERS: Final = {
    ".csv": pa_csv.read_csv,
    ".parquet": _parquet,
    ".json": _json,
    ".jsonl": _json_lines,
    ".h5": hdf5_table,
    ".hdf5": hdf5_table,
}


# ---- what they have in common


def _one_episode(table: pa.Table, path: Path) -> pa.Table:
    if _EPISODE not in table.column_names:
        return table
    episodes = sorted(set(table.column(_EPISODE).to_pylist()))
    if len(episodes) > 1:
        raise EngineInputError(
            f"{path.name} holds {len(episodes)} episodes, {episodes[0]} to {episodes[-1]}, and a clip is one; save the "
            "clip's rows in a file of their own."
        )
    return table


def _flat(table: pa.Table, path: Path) -> pa.Table:
    """Columns of numbers alone; a list is a column for each of its numbers."""
    named = _names_of_data_set(path)
    columns: dict[str, Any] = {}
    for title, column in zip(table.column_names, table.columns, strict=True):
        if title in _BOOKKEEPING:
            continue
        kind = column.type
        if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
            for place, values in _numbers_of(title, column, path):
                names = named.get(title, ())
                columns[f"{title}.{names[place] if place < len(names) else place}"] = values
        elif pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
            columns[title] = column.cast(pa.float64()) if pa.types.is_boolean(kind) else column
    return pa.table(columns)


def _numbers_of(title: str, column: pa.ChunkedArray, path: Path) -> Iterator[tuple[int, pa.Array]]:
    """The numbers of a column of lists, by their place in the list; of what are no numbers, nothing."""
    inner = column.type.value_type
    if not (pa.types.is_integer(inner) or pa.types.is_floating(inner)):
        return
    rows = column.to_pylist()
    widths = {len(row) for row in rows if row is not None}
    if len(widths) != 1:
        raise EngineInputError(f"The lists of {title} in {path.name} are not all of one length; they can be no series.")
    (width,) = widths
    if width > MOST_NUMBERS:
        return
    empty = [np.nan] * width
    values = np.array([empty if row is None else [np.nan if v is None else v for v in row] for row in rows], np.float64)
    for place in range(width):
        yield place, pa.array(values[:, place])


def _names_of_data_set(path: Path) -> Mapping[str, Sequence[str]]:
    """What a LeRobot data set calls the numbers of its features, by feature; nothing where the file lies alone."""
    for folder in path.resolve().parents[1:4]:
        try:
            features = json.loads((folder / "meta/info.json").read_text(encoding="utf-8"))["features"]
            return {title: _listed(each.get("names")) for title, each in features.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return {}


def _listed(names: Any) -> list[str]:
    """LeRobot has lists of names, and lists under one more name such as "motors"."""
    if isinstance(names, dict) and len(names) == 1:
        (names,) = names.values()
    return [str(name) for name in names] if isinstance(names, list) else []


def _placed(table: pa.Table, path: Path, frames: int) -> pa.Table:
    """With a column that says where each row belongs."""
    last = {name: name.rpartition(".")[2].lower() for name in table.column_names}
    if any(name.partition("[")[0].strip().lower() in ("frame", *TIMES) for name in table.column_names):
        return table.drop_columns([name for name in ("frame_index",) if name in table.column_names])
    place = next((name for wanted in ("frame_index", *TIMES) for name in last if last[name] == wanted), None)
    if place is not None:
        renamed = "frame" if last[place] == "frame_index" else "time"
        return table.rename_columns([renamed if name == place else name for name in table.column_names])
    if path.suffix.lower() == ".csv":
        return table  # a table that somebody writes says it; `read_csv` asks for it
    if table.num_rows != frames:
        raise EngineInputError(
            f"{path.name} has {table.num_rows} rows and no column called frame or time, and the clip has {frames} "
            "frames: where its rows belong is not said; add a column of times."
        )
    return table.append_column("frame", pa.array(np.arange(frames)))
