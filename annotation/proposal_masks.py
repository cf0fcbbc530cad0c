"""Reading the masks of proposals from the clip folder, where the segmentation layer wrote them."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from annotation import clips
from annotation.geometry.rle import Rle
from annotation.media.errors import ClipFolderError
from annotation.models import Proposal


def by_frame(proposal: Proposal) -> dict[int, Rle]:
    """Every mask of a mask-track proposal, by frame.

    Empty for proposals of other kinds, and for those of an older version of the layer that is no longer kept.
    """
    if proposal.kind != Proposal.Kind.MASK_TRACK or not proposal.path:
        return {}
    folder = clips.folder(proposal.clip)
    if not proposal.superseded:
        path = folder.expecting(proposal.fingerprint).local(proposal.path)
    else:
        # The file under the plain name is another version's by now: its track of that number is another thing.
        try:
            path = folder.version(proposal.fingerprint).local(proposal.path)
        except ClipFolderError:
            return {}
    size, tracks = _read(path, path.stat().st_mtime_ns)
    frames = tracks.get(proposal.number, {})
    return {int(frame): Rle(size=list(size), counts=mask["counts"]) for frame, mask in frames.items()}


def on_frame(proposal: Proposal, frame: int) -> Rle | None:
    return by_frame(proposal).get(frame)


@lru_cache(maxsize=8)
def _read(path: Path, changed: int) -> tuple[tuple[int, int], dict[int, dict[str, Any]]]:
    """(height, width) and the frames of each track. `changed` makes a rewritten file a new entry of the cache."""
    content = json.loads(path.read_bytes())
    height, width = content["size"]
    return (height, width), {track["track_id"]: track["frames"] for track in content["tracks"]}
