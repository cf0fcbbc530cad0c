"""What is known of a clip after it was looked through, and how much it may cost to look."""

from dataclasses import dataclass

from annotation.media.frame_index import FrameIndex


@dataclass(frozen=True)
class Limits:
    """What a file may be and may cost; sizes are checked as declared, before decoding, and again as shown.

    memory_bytes, cpu_seconds and wall_seconds bound the process that looks; it is also stopped when it has nothing to
    tell for silent_seconds.
    """

    max_bytes: int = 20 * 2**30
    max_pixels: int = 2**24
    max_frames: int = 500_000
    max_seconds: float = 4 * 3600.0
    memory_bytes: int = 3 * 2**29
    cpu_seconds: int = 4 * 3600
    wall_seconds: float = 4 * 3600.0
    silent_seconds: float = 120.0


@dataclass(frozen=True)
class ClipFacts:
    """What a clip is. width and height are of the picture shown, after rotation; rotation is clockwise in degrees.

    fps is the nominal rate (for people; times are in the index), duration in seconds includes the last frame's own.
    """

    width: int
    height: int
    rotation: int
    codec: str
    container: str
    pixel_format: str
    fps: float
    variable_rate: bool
    timestamps_synthesised: bool
    duration: float
    has_b_frames: bool
    bytes: int
    index: FrameIndex

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return len(self.index)
