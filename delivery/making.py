"""Making a delivery on the disk: into a hidden folder beside its place, checked there, and then renamed."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from annotation.media.durable import make_directories, sync_directory
from annotation.version import TOOL_VERSION
from delivery import overlays, statistics, sums
from delivery.dataset import Dataset
from delivery.errors import BadRequest, CheckFailed, DeliveryFailed
from delivery.formats import registry
from delivery.json_stream import ObjectWriter
from delivery.models import Delivery
from delivery.verify import DESCRIPTION, SCHEMA_VERSION, verify

REPORT = "checks/report.json"
# Of the whole progress, what writing takes; the rest is looking at what was written.
_WRITING = 0.8
_SHOWN = 5


@dataclass(frozen=True)
class Made:
    """What was made: number of files, bytes, counts by name, SHA-256 of the list of files."""

    files: int
    size: int
    counts: dict[str, int]
    digest: str


def make(delivery: Delivery, dataset: Dataset, part: Path, step: Callable[[float, str], None]) -> Made:
    """Write a dataset into a new folder and check it.

    Raises:
        CheckFailed: what was written is not sound; the first problems are named.
        OSError: the disk is full or not writable.
    """
    kind = registry.get(delivery.format)
    make_directories(part.parent)
    part.mkdir()
    kind.write(dataset, part, delivery.options, lambda share, stage: step(share * _WRITING, stage))
    (part / REPORT).parent.mkdir(exist_ok=True)
    picks = overlays.Picks(dataset.snapshot)
    told = statistics.gather(dataset, picks, lambda: step(_WRITING, "counting"))
    chosen = sorted(picks.chosen)
    shown = []
    if "masks" in kind.holds:
        shown = overlays.draw(dataset, kind, part, chosen, lambda: step(0.85, "drawing overlays to look at"))
    with ObjectWriter(part / REPORT) as file:
        for name, value in (told | {"overlays": shown}).items():
            file.field(name, value)
    with ObjectWriter(part / DESCRIPTION) as file:
        for name, value in _description(delivery, dataset).items():
            file.field(name, value)
    count, size = sums.write(part, lambda: step(0.9, "hashing every file"))
    check(part, lambda: step(0.95, "checking what was written"))
    return Made(count, size, registry.counts_of(kind, dataset), sums.digest_of_list(part))


def check(part: Path, beat: Callable[[], None]) -> None:
    """Verify a folder before it is offered.

    Raises:
        CheckFailed: with the first few problems.
    """
    problems = list(islice(verify(part, beat=beat), _SHOWN))
    if problems:
        more = " There may be more." if len(problems) == _SHOWN else ""
        raise CheckFailed(f"What was written is not sound. {' '.join(map(str, problems))}{more}")


def publish(part: Path, folder: Path) -> None:
    """Give the finished folder its name. If the same bytes are there already, they stay.

    Raises:
        DeliveryFailed: another folder has taken the name.
    """
    try:
        # Takes the place of an empty folder too, and of nothing else.
        part.rename(folder)
    except OSError as error:
        # A worker that was killed between the rename and the row has left exactly this.
        if not (folder / sums.SUMS).is_file() or sums.digest_of_list(folder) != sums.digest_of_list(part):
            sentence = f"The folder {folder.name} has come to hold something else; choose another one."
            raise DeliveryFailed(sentence, kind="disk") from error
    sync_directory(folder.parent)


def refuse_taken(folder: Path) -> None:
    """Refuse a destination that is no empty place.

    Raises:
        BadRequest: it exists and is not an empty folder, or is a relative path.
    """
    if not folder.is_absolute():
        raise BadRequest(f"{folder} is a relative path; name the whole one.")
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise BadRequest(f"{folder} is there already and not empty; name a folder that is not there yet.")


def part_of(folder: Path, pk: int, token: uuid.UUID) -> Path:
    """Where an attempt writes: on the same disk, hidden, and no other attempt's."""
    return folder.with_name(f".{folder.name}.part-{pk}-{token.hex}")


def clear(folder: Path, pk: int) -> None:
    """Remove what earlier attempts of this delivery left."""
    _remove_idle(folder.parent, f".{folder.name}.part-*", own=pk)


def sweep(root: Path) -> None:
    """Remove what killed workers left of deliveries that nobody is making any more."""
    _remove_idle(root, ".*.part-*", own=None)


def _remove_idle(root: Path, pattern: str, *, own: int | None) -> None:
    for left in root.glob(pattern) if root.is_dir() else ():
        pk, _, _ = left.name.rpartition(".part-")[2].partition("-")
        if not pk.isdigit():
            continue
        held = Delivery.objects.filter(pk=int(pk), state=Delivery.State.RUNNING)
        if int(pk) == own or not held.exists():
            shutil.rmtree(left, ignore_errors=True)


def _description(delivery: Delivery, dataset: Dataset) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "made_with": f"Loupe {TOOL_VERSION}",
        "format": delivery.format,
        "options": delivery.options,
        "project": dataset.project,
        "name": dataset.name,
        "snapshot": dataset.snapshot,
        "filters": dataset.filters,
        "taxonomy": dataset.taxonomy.number,
        "guideline": dataset.guideline,
        "counts": registry.counts_of(registry.get(delivery.format), dataset),
    }
