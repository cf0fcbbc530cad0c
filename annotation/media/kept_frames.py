"""Frames that several readers want, decoded once: the last ones are kept, within so many bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

import av
import numpy as np

from annotation.media.decode import FrameReader, Picture
from annotation.media.planes import RgbConverter

# Kept between two stretches: layers look one or two frames back, and a pass that goes on need not begin anew.
_TAIL = 4


class KeptFrames:
    """A reader of one clip that keeps what it decoded, so that the next layer over the same frames decodes nothing.

    Of a frame that was only passed by the decoder's planes are kept, of one that was asked for the picture. Pictures
    are handed out to several, so they cannot be written to. Belongs to one thread, as the reader does.

    Args:
        reader: of the clip; closed with this.
        most_bytes: of frames that are kept; the oldest go first, and are decoded again when they are asked for.

    Attributes:
        shared: whether frames are asked for again. When not, only the last few are kept, and the decoder and what
            looks at the pictures stay in the same few megabytes of memory, which costs a twentieth less.
    """

    def __init__(self, reader: FrameReader, most_bytes: int) -> None:
        self._reader = reader
        self._most = most_bytes
        self._convert = RgbConverter()
        self._kept: OrderedDict[int, av.VideoFrame | Picture] = OrderedDict()
        self._bytes = 0
        self.shared = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._reader)

    def close(self) -> None:
        """Let go of the file and of all frames."""
        self.trim(0)
        self._reader.close()

    def trim(self, left: int = _TAIL) -> None:
        """Keep only so many of the newest frames."""
        while len(self._kept) > left:
            self._drop_oldest()

    def read(self, frame: int) -> Picture:
        """One frame; see `FrameReader.read`."""
        if frame not in self._kept:
            self._keep(frame, self._reader.read(frame))
        return self._picture(frame)

    def iterate(self, start: int = 0, end: int | None = None, step: int = 1) -> Iterator[tuple[int, Picture]]:
        """Frames [start, end) in one pass over the file, or none over what is kept; see `FrameReader.iterate`."""
        end = len(self) if end is None else end
        if not 0 <= start <= end <= len(self):
            raise IndexError(f"Frames [{start}, {end}) do not lie in a clip of {len(self)} frames.")
        if step < 1:
            raise ValueError(f"A step of {step} leads nowhere; it must be 1 or more.")
        yield from self.pick(range(start, end, step))

    def pick(self, frames: Iterable[int]) -> Iterator[tuple[int, Picture]]:
        """These frames, rising, in one pass; those between are decoded and kept, but not made pictures.

        Raises:
            IndexError: the clip has no such frame.
            FrameMismatch: see `FrameReader.read`.
        """
        last: int | None = None
        for frame in frames:
            for number in range(frame if last is None else last + 1, frame + 1):
                self._pass(number, asked=number == frame)
            last = frame
            yield frame, self._picture(frame)

    def _pass(self, frame: int, *, asked: bool) -> None:
        if frame in self._kept:
            return
        if not self._reader.index.names:
            self._keep(frame, self._reader.decoded(frame))
        elif asked:
            self._keep(frame, self._reader.read(frame))

    def _picture(self, frame: int) -> Picture:
        kept = self._kept[frame]
        if isinstance(kept, np.ndarray):
            return kept
        picture = self._convert(kept)
        self._bytes += picture.nbytes - _size(kept)
        self._kept[frame] = picture
        picture.flags.writeable = False
        self._make_room()
        return picture

    def _keep(self, frame: int, decoded: av.VideoFrame | Picture) -> None:
        if isinstance(decoded, np.ndarray):
            decoded.flags.writeable = False
        self._kept[frame] = decoded
        self._bytes += _size(decoded)
        self._make_room()

    def _make_room(self) -> None:
        # The newest stays whatever its size: it is the one that was asked for.
        most = len(self._kept) if self.shared else _TAIL
        while len(self._kept) > 1 and (self._bytes > self._most or len(self._kept) > most):
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, dropped = self._kept.popitem(last=False)
        self._bytes -= _size(dropped)


def _size(frame: av.VideoFrame | Picture) -> int:
    if isinstance(frame, np.ndarray):
        return int(frame.nbytes)
    return sum(plane.buffer_size for plane in frame.planes)
