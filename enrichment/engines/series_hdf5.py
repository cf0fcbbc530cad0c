"""Series out of HDF5 files, as robomimic and ALOHA write them, of whoever's making they are.

An HDF5 file can point at other files, lead in circles, and promise far more numbers than it holds bytes; one that comes
from somewhere is read without following it anywhere, and within bounds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import h5py
import pyarrow as pa

MOST_NUMBERS: Final = 256  # of a list in one row: more is a picture or an embedding
MOST_ROWS: Final = 5_000_000  # a day at 50 rows a second, and a few more
MOST_COLUMNS: Final = 4096
MOST_BYTES: Final = 1024**3  # of all series together, once they are read
MOST_OBJECTS: Final = 20_000  # groups and datasets that are looked at
_DEEPEST: Final = 32


def hdf5_table(path: Path) -> pa.Table:
    """Every dataset of numbers as long as most are, by its path: "observations.qpos"; pictures are left out.

    Soft links are left out: what they point at in the file is read under its own name.

    Raises:
        ValueError: a link or dataset whose numbers lie in other files, more than the bounds above, several
            demonstrations.
        OSError: it is no HDF5 file, or damaged.
    """
    with h5py.File(path, "r") as opened:
        root = _episode_of(opened)
        found = dict(_Walk().datasets(root, ""))
        lengths = [each.shape[0] for each in found.values()]
        length = max(set(lengths), key=lengths.count, default=0)
        chosen = {name: each for name, each in found.items() if each.shape[0] == length}
        _refuse_too_much(chosen, length)
        return pa.table(
            {
                name: each[()] if each.ndim == 1 else pa.FixedSizeListArray.from_arrays(each[()].ravel(), each.shape[1])
                for name, each in chosen.items()
            }
        )


def _episode_of(opened: h5py.Group) -> h5py.Group:
    """The only demonstration of a robomimic file, and all of any other."""
    data = _member(opened, "data") if "data" in opened.keys() else None  # noqa: SIM118 - `in` would follow the link
    if not isinstance(data, h5py.Group) or not any(name.startswith("demo_") for name in data):
        return opened
    demos = sorted(name for name in data if name.startswith("demo_"))
    if len(demos) > 1:
        raise ValueError(
            f"it holds {len(demos)} demonstrations, and a clip is one; save {demos[0]} in a file of its own"
        )
    demo = _member(data, demos[0])
    if not isinstance(demo, h5py.Group):
        raise ValueError(f"data/{demos[0]} is no group in the file itself")
    return demo


class _Walk:
    """One pass over what lies in a file; every group once, however often it is linked."""

    def __init__(self) -> None:
        self._seen: set[object] = set()
        self._objects = 0

    def datasets(self, group: h5py.Group, above: str, depth: int = 0) -> Iterator[tuple[str, h5py.Dataset]]:
        """Path below the first group, with points, and dataset, of all series."""
        if group.id in self._seen:
            return
        self._seen.add(group.id)
        if depth > _DEEPEST:
            raise ValueError(f"its groups lie more than {_DEEPEST} deep; save the series in a flatter file")
        for name in group:
            self._objects += 1
            if self._objects > MOST_OBJECTS:
                raise ValueError(f"it holds more than {MOST_OBJECTS:,} groups and datasets; save the clip's in a file")
            each = _member(group, name)
            path = f"{above}.{name}" if above else name
            if isinstance(each, h5py.Group):
                yield from self.datasets(each, path, depth + 1)
            elif isinstance(each, h5py.Dataset) and _is_series(each):
                yield path, each


def _member(group: h5py.Group, name: str) -> object:
    """What lies in a group under a name; None for a soft link.

    Raises:
        ValueError: it lies in another file.
    """
    link = group.get(name, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        raise ValueError(
            f"{group.name.rstrip('/')}/{name} is a link to {link.filename}; copy what it points at into the file itself"
        )
    return None if isinstance(link, h5py.SoftLink) else group.get(name)


def _is_series(each: h5py.Dataset) -> bool:
    """Numbers in rows that are neither a picture nor an embedding, and lie in the file itself.

    Raises:
        ValueError: they would be, but lie in other files.
    """
    if each.dtype.kind not in "iufb" or not (each.ndim == 1 or (each.ndim == 2 and each.shape[1] <= MOST_NUMBERS)):
        return False
    if each.is_virtual or each.external:
        kind = "virtual: its numbers are those of other datasets" if each.is_virtual else "stored in other files"
        raise ValueError(f"{each.name} is {kind}; save the numbers themselves in the file")
    return True


def _refuse_too_much(chosen: dict[str, h5py.Dataset], length: int) -> None:
    if length > MOST_ROWS:
        raise ValueError(f"its series have {length:,} rows, and at most {MOST_ROWS:,} are read")
    columns = sum(1 if each.ndim == 1 else each.shape[1] for each in chosen.values())
    if columns > MOST_COLUMNS:
        raise ValueError(f"it holds {columns:,} columns of numbers, and at most {MOST_COLUMNS:,} are read")
    size = sum(int(each.size) * max(8, each.dtype.itemsize) for each in chosen.values())
    if size > MOST_BYTES:
        raise ValueError(f"its series take {size / 2**20:,.0f} MiB, and at most {MOST_BYTES / 2**20:,.0f} are read")
