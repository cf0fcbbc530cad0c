"""Frames of a clip forwards and backwards, with bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from enrichment.propagation.carrier import Picture

# Backwards, a file can only be read in forward pieces that are kept until they have been handed out.
PIECE_BYTES = 48 * 2**20


class Forwards(Protocol):
    """What reads a clip from some frame on."""

    def iterate(self, start: int = 0, end: int | None = None, step: int = 1) -> Iterator[tuple[int, Picture]]:
        """See `Frames.iterate`."""


class Walk:
    """A clip's frames in either direction.

    Args:
        frames: a reader of the clip.
        size: (height, width) of a picture in pixels.
        piece_bytes: how much of the clip is held at once when walking backwards.
    """

    def __init__(self, frames: Forwards, size: tuple[int, int], *, piece_bytes: int = PIECE_BYTES) -> None:
        self._frames = frames
        self._piece = max(2, piece_bytes // max(1, 3 * size[0] * size[1]))

    def walk(self, first: int, last: int, /) -> Iterator[tuple[int, Picture]]:
        """Frames from `first` to `last`, both included; see `carrier.Pictures`."""
        if last >= first:
            yield from self._frames.iterate(first, last + 1)
            return
        end = first + 1
        while end > last:
            start = max(last, end - self._piece)
            piece = list(self._frames.iterate(start, end))
            while piece:
                yield piece.pop()
            end = start
