"""Is a delivered folder whole and sound? Needs nothing but the folder: no database, no network.

Every byte is compared with SHA256SUMS, then the format reads its own files back, and what it finds must add up to what
delivery.json says was pinned.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from delivery import sums
from delivery.dataset import Counts
from delivery.errors import DeliveryError
from delivery.formats import registry
from delivery.problems import Problem

DESCRIPTION = "delivery.json"
SCHEMA_VERSION = 1


def verify(root: Path, *, beat: Callable[[], None] | None = None) -> Iterator[Problem]:
    """Everything that is wrong with a delivered folder; nothing when it is as it was delivered.

    Args:
        root: the delivered folder.
        beat: called after each file.

    Yields:
        A problem with the file it is in. Damaged bytes come first, then what the format itself finds.
    """
    if not root.is_dir():
        yield Problem(".", f"There is no folder {root}.")
        return
    yield from sums.check(root, beat)
    try:
        told = describe(root)
        kind = registry.get(told["format"])
    except DeliveryError as error:
        yield Problem(DESCRIPTION, str(error))
        return
    found = registry.no_counts()
    yield from kind.check(root, found)
    for name, pinned in told["counts"].items():
        if found.get(name) != pinned:
            yield Problem(DESCRIPTION, f"It promises {pinned} {name}; the files hold {found.get(name)}.")


def describe(root: Path) -> dict[str, Any]:
    """What delivery.json says.

    Raises:
        DeliveryError: it is not there, or does not describe a delivery that this version knows.
    """
    try:
        told = json.loads((root / DESCRIPTION).read_bytes())
    except (OSError, ValueError) as error:
        raise DeliveryError(f"It cannot be read ({error}); is this a delivered folder?") from error
    if not isinstance(told, dict) or told.get("schema_version") != SCHEMA_VERSION:
        raise DeliveryError(f"It is not of schema version {SCHEMA_VERSION}; a newer Loupe may read it.")
    counts = told.get("counts")
    wanted = set(Counts.__slots__)
    if not isinstance(told.get("format"), str) or not isinstance(counts, dict) or set(counts) != wanted:
        raise DeliveryError("It does not say which format this is and how much it holds.")
    return told
