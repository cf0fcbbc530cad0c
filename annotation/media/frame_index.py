"""The frame index: what makes "frame n" the same picture everywhere.

Made once, when a clip is taken in, by decoding every frame in the order in which a player shows them. It holds each
frame's presentation time and a checksum of its decoded pixels, so that any later reader can prove that it has the
same picture.
"""

import hashlib
import io
import zipfile
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from annotation.media.durable import replace_file
from annotation.media.errors import FrameMismatch, MediaError

_FORMAT = 1


@dataclass(frozen=True)
class FrameIndex:
    """Every frame of a clip in presentation order.

    pts: (n,) int64, strictly increasing, in units of time_base. crc32: (n,) uint32 of the decoded planes (of a video,
    before rotation and conversion) or of the RGB pixels (of an image folder). keys: (n,) bool, frames where decoding
    can begin.
    synthesised: the source had no usable times, they were made from its rate, so frames are found by counting.
    stream: number of the video stream in its container. names: (n,) file names of an image folder, else empty.
    """

    pts: npt.NDArray[np.int64]
    time_base: Fraction
    crc32: npt.NDArray[np.uint32]
    keys: npt.NDArray[np.bool_]
    synthesised: bool = False
    stream: int = 0
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.pts)
        if not count or len(self.crc32) != count or len(self.keys) != count or len(self.names) not in (0, count):
            raise MediaError(
                f"A frame index needs one time, checksum and key flag for each of its frames; it has {count}."
            )
        if np.any(np.diff(self.pts) <= 0):
            raise MediaError("The times of a frame index must strictly increase.")

    def __len__(self) -> int:
        return len(self.pts)

    @cached_property
    def seconds(self) -> npt.NDArray[np.float64]:
        """(n,) float64 presentation times in seconds; the clock starts with the first frame."""
        ticks = (self.pts - self.pts[0]).astype(np.float64)
        seconds: npt.NDArray[np.float64] = ticks * self.time_base.numerator / self.time_base.denominator
        return seconds

    @cached_property
    def digest(self) -> str:
        """SHA-256 in hex over every time and checksum: one digest, the same pictures at the same times."""
        told = np.rint(self.seconds * 1e6).astype("<i8").tobytes() + self.crc32.astype("<u4").tobytes()
        return hashlib.sha256(told).hexdigest()

    def frame_of(self, pts: int) -> int | None:
        """The frame with exactly this time in ticks, or None."""
        frame = int(np.searchsorted(self.pts, pts))
        return frame if frame < len(self) and self.pts[frame] == pts else None

    def key_before(self, frame: int) -> int:
        """The last frame at or before this one where decoding can begin; 0 if none is marked."""
        marked = np.flatnonzero(self.keys[: frame + 1])
        return int(marked[-1]) if marked.size else 0

    def check(self, frame: int, crc32: int) -> None:
        """Compare a decoded frame's checksum with the one taken at ingest.

        Raises:
            FrameMismatch: it is another picture.
        """
        if int(self.crc32[frame]) != crc32:
            raise FrameMismatch(
                f"Frame {frame} is not the picture it was at ingest; the source was changed or damaged."
            )

    def save(self, path: Path) -> None:
        """Write the index as .npz without pickle; whole or not at all."""
        file = io.BytesIO()
        np.savez_compressed(
            file,
            format=np.int64(_FORMAT),
            pts=self.pts,
            time_base=np.array([self.time_base.numerator, self.time_base.denominator], dtype=np.int64),
            crc32=self.crc32,
            keys=self.keys,
            synthesised=np.bool_(self.synthesised),
            stream=np.int64(self.stream),
            # one string: an array of strings would be as wide as its longest name
            names=np.frombuffer("\n".join(self.names).encode(), dtype=np.uint8),
        )
        replace_file(path, file.getvalue())

    @classmethod
    def load(cls, path: Path) -> "FrameIndex":
        """Read an index.

        Raises:
            MediaError: the file is no frame index of this form, or is damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                if int(stored["format"]) != _FORMAT:
                    raise MediaError(
                        f"{path.name} is a frame index of form {int(stored['format'])}; this reads {_FORMAT}."
                    )
                numerator, denominator = (int(part) for part in stored["time_base"])
                listing = stored["names"].tobytes().decode()
                return cls(
                    pts=stored["pts"].astype(np.int64),
                    time_base=Fraction(numerator, denominator),
                    crc32=stored["crc32"].astype(np.uint32),
                    keys=stored["keys"].astype(bool),
                    synthesised=bool(stored["synthesised"]),
                    stream=int(stored["stream"]),
                    names=tuple(listing.split("\n")) if listing else (),
                )
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile, ZeroDivisionError) as error:
            raise MediaError(
                f"{path.name} cannot be read as a frame index ({error}); make it anew from the source."
            ) from error
