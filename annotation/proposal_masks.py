"""Reading the masks of proposals from the clip folder, where the segmentation layer wrote them."""

from __future__ import annotations

import threading
from pathlib import Path

from annotation import clips
from annotation.geometry.rle import Rle
from annotation.media.errors import ClipFolderError
from annotation.media.mask_tracks import MasksByFrame, MaskTracks
from annotation.models import Proposal


def within(proposal: Proposal, start: int, end: int) -> dict[int, Rle]:
    """The masks of a mask-track proposal on the frames `[start, end)`.

    Empty for proposals of other kinds, and for those of an older version of the layer that is no longer kept.
    """
    masks = _masks(proposal)
    return {} if masks is None else masks.within(start, end)


def on_frame(proposal: Proposal, frame: int) -> Rle | None:
    return within(proposal, frame, frame + 1).get(frame)


def are_kept(proposal: Proposal) -> bool:
    """Whether the masks of a mask-track proposal can still be read."""
    return bool(_masks(proposal))


def _masks(proposal: Proposal) -> MasksByFrame | None:
    if proposal.kind != Proposal.Kind.MASK_TRACK or not proposal.path:
        return None
    folder = clips.folder(proposal.clip)
    if not proposal.superseded:
        path = folder.expecting(proposal.fingerprint).local(proposal.path)
    else:
        # The file under the plain name is another version's by now: its track of that number is another thing.
        try:
            path = folder.version(proposal.fingerprint).local(proposal.path)
        except ClipFolderError:
            return None
    return _in_hand.of(path).masks_of(proposal.number)


class _InHand:
    """The files that were opened last, which stay open."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._readers: dict[Path, MaskTracks] = {}

    def of(self, path: Path) -> MaskTracks:
        """The tracks of the file that has this name now."""
        with self._lock:
            # A file that was removed or replaced would take its room on the disk for as long as it is open.
            self._readers = {known: each for known, each in self._readers.items() if each.is_still(known)}
            if path in self._readers:
                return self._readers[path]
        reader = MaskTracks(path)
        with self._lock:
            self._readers[path] = reader
            while len(self._readers) > self._most:
                del self._readers[next(iter(self._readers))]
        return reader


_in_hand = _InHand(8)
