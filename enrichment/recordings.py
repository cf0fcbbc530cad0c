"""Series that were recorded with a clip, as CSV files in its folder, and which of them says how far a gripper is open.

No Django: layers read them, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from annotation.media.clip_folder import ClipFolder
from annotation.media.errors import ClipFolderError
from enrichment.engines import series
from enrichment.engines.series import Column
from enrichment.errors import EngineInputError

RECORDED: Final = "signals"

_HAND: Final = re.compile(r"grip|finger|jaw")
_OPEN: Final = re.compile(r"open|aperture|width|\bgap\b")
# What it was told to do is not what it did, and how fast it opens not how far.
_OTHER: Final = re.compile(r"action|command|target|goal|desired|speed|veloc|force|torque|effort|current")


def recorded(folder: ClipFolder) -> list[str]:
    """Paths of the CSV files that came with a clip, by name."""
    lying = {f"{RECORDED}/{path.name}" for path in folder.path(RECORDED).glob("*.csv") if not path.name.startswith(".")}
    listed = {path for path, file in folder.manifest()["files"].items() if file["layer"] == RECORDED}
    return sorted(lying | listed)


def tells_opening(name: str, unit: str) -> bool:
    """Whether a series is how far a gripper is open, more being wider.

    Its name has a gripper, fingers or jaws in it, and the name or the unit says that it is an opening: "gripper opening
    [m]", "finger_width", "gripper.pos [% open]". A bare "gripper position" is not taken for one: on many robots its
    greatest value is shut.
    """
    title, said = name.lower().replace("_", " "), f"{name} {unit}".lower().replace("_", " ")
    return bool(_HAND.search(title) and _OPEN.search(said) and not _OTHER.search(said))


def opening(folder: ClipFolder, seconds: Sequence[float]) -> NDArray[np.float64] | None:
    """How far the clip's gripper is open.

    Args:
        folder: the clip's.
        seconds: presentation time of every frame.

    Returns:
        (frames,) float64 in the file's own unit, NaN where it is not known; None when nothing tells, or when several
        series do: of two grippers nobody knows which one a label is about.
    """
    found = [column for column in _columns(folder, seconds) if tells_opening(column.name, column.unit)]
    return found[0].values.astype(np.float64) if len(found) == 1 else None


def _columns(folder: ClipFolder, seconds: Sequence[float]) -> Iterable[Column]:
    try:
        paths = recorded(folder)
    except ClipFolderError:
        return
    for relative in paths:
        try:
            yield from series.read_csv(folder.local(relative), seconds)
        except (EngineInputError, ClipFolderError, OSError):
            continue  # the page of the clip's signals says what is wrong with it
