"""Frames by number: exact, upright, proven.

The bytes are those that `ffmpeg -i source -f rawvideo -pix_fmt rgb24` writes for the same frame.
"""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from annotation.media import image_folder, planes
from annotation.media.errors import FrameMismatch, MediaError
from annotation.media.facts import Limits
from annotation.media.frame_index import FrameIndex
from annotation.media.scan import open_video

Picture = npt.NDArray[np.uint8]

# Decoding this many frames onwards costs less than a seek, which starts again at a key frame.
_NEAR = 8
_CHECKED = 10
_MAX_PIXELS = Limits().max_pixels


class _Process:
    """How this process decodes; 0 threads is FFmpeg's own choice, one for each core."""

    threads = 0


def bound_threads(count: int) -> None:
    """Let decoders that are opened from now on use so many threads; 0 for as many as there are cores."""
    _Process.threads = count


class FrameReader:
    """Reads frames of a clip, a video or a folder of pictures, by their number in the frame index.

    A reader holds one open file and where it is in it, so it belongs to one thread. Use it as a context manager or call
    `close`.

    Args:
        source: the video file or folder that the index was made from.
        index: its frame index.
        verify: compare frames with their checksums, a millisecond for one of 720p: every frame that was reached by a
        seek
            (there decoders go wrong), and every tenth one of a pass.
    """

    def __init__(self, source: Path, index: FrameIndex, *, verify: bool = True) -> None:
        self.source = source
        self.index = index
        self._verify = verify
        self._convert = planes.RgbConverter()
        self._container: InputContainer | None = None
        self._decoded: Iterator[tuple[int, av.VideoFrame]] = iter(())
        self._next = len(index)
        if index.names:
            image_folder.check_names(index, source)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self.index)

    def close(self) -> None:
        """Let go of the file; the reader may be used again and opens it anew."""
        self._decoded = iter(())
        self._next = len(self.index)
        if self._container is not None:
            self._container.close()
            self._container = None

    def read(self, frame: int) -> Picture:
        """One frame.

        Args:
            frame: 0 to len - 1.

        Returns:
            (height, width, 3) uint8 RGB, turned upright.

        Raises:
            IndexError: the clip has no such frame.
            FrameMismatch: the source gives another picture than at ingest, or none.
        """
        if not 0 <= frame < len(self.index):
            raise IndexError(f"There is no frame {frame}; the clip's frames are 0 to {len(self.index) - 1}.")
        if self.index.names:
            return self._picture(frame)
        return self._convert(self._find(frame))

    def decoded(self, frame: int) -> av.VideoFrame:
        """One frame of a video as its decoder gives it: the planes, neither turned nor converted.

        Raises:
            IndexError: the clip has no such frame.
            FrameMismatch: see `read`.
        """
        if not 0 <= frame < len(self.index) or self.index.names:
            raise IndexError(f"There is no coded frame {frame}; this clip has {len(self.index)} frames.")
        return self._find(frame)

    def iterate(self, start: int = 0, end: int | None = None, step: int = 1) -> Iterator[tuple[int, Picture]]:
        """Frames [start, end) in one pass over the file; memory holds one at a time.

        Args:
            start: first frame.
            end: one after the last frame, by default the end of the clip.
            step: every how many frames one is given out.

        Yields:
            (number, (height, width, 3) uint8 RGB).

        Raises:
            IndexError: the interval does not lie in the clip.
            ValueError: the step is below 1.
            FrameMismatch: see `read`.
        """
        end = len(self.index) if end is None else end
        if not 0 <= start <= end <= len(self.index):
            raise IndexError(f"Frames [{start}, {end}) do not lie in a clip of {len(self.index)} frames.")
        if step < 1:
            raise ValueError(f"A step of {step} leads nowhere; it must be 1 or more.")
        for frame in range(start, end, step):
            if self.index.names:
                yield frame, self._picture(frame)
            else:
                # Stepping stays in the same pass: far steps would otherwise seek back to key frames already behind.
                yield frame, self._convert(self._find(frame, near=max(step, _NEAR)))

    def _picture(self, frame: int) -> Picture:
        picture = image_folder.read_picture(self.source / self.index.names[frame], max_pixels=_MAX_PIXELS)
        if self._verify:
            self.index.check(frame, image_folder.crc32_of(picture))
        return picture

    def _find(self, frame: int, *, near: int = _NEAR) -> av.VideoFrame:
        """Decode up to a frame: onwards from where the reader is, else from a key frame, else from the start.

        The last two ways are for files whose key frames promise too much, and are taken when a checksum tells.
        """
        key = self.index.key_before(frame)
        starts: list[int | None] = []
        if self._next <= frame and (self._next + near >= frame or self._next > key):
            starts.append(None)
        if not self.index.synthesised:
            starts.append(key)
            starts += [self.index.key_before(key - 1)] if key else []
        starts.append(0)
        failure: MediaError | FFmpegError | None = None
        for begin in dict.fromkeys(starts):
            try:
                if begin is not None:
                    self._begin(begin)
                found = self._onwards(frame)
                if found is not None:
                    if self._verify and (begin is not None or frame % _CHECKED == 0):
                        self.index.check(frame, planes.crc32_of(found))
                    return found
            except (FrameMismatch, FFmpegError) as error:
                failure = error
        self.close()
        if isinstance(failure, FrameMismatch):
            raise failure
        raise FrameMismatch(
            f"Frame {frame} of {self.source.name} can no longer be decoded; the source was changed or damaged."
        ) from failure

    def _onwards(self, frame: int) -> av.VideoFrame | None:
        """Decode on to a frame; None if the file ends or has already passed it."""
        for number, decoded in self._decoded:
            self._next = number + 1
            if number == frame:
                return decoded
            if number > frame:
                return None
        self._next = len(self.index)
        return None

    def _begin(self, key: int) -> None:
        """Stand before a key frame; 0 opens the file anew, so that nothing is left of earlier errors."""
        if key == 0 or self._container is None:
            self.close()
            self._container, _ = open_video(self.source)
            context = self._stream(self._container).codec_context
            context.thread_type, context.thread_count = "AUTO", _Process.threads
        stream = self._stream(self._container)
        if key:
            # The demuxer's own index counts in decoding times, which lie at or before the presentation time given here.
            self._container.seek(int(self.index.pts[key]), stream=stream, backward=True, any_frame=False)
        self._decoded = self._numbered(self._container, stream)
        self._next = key

    def _stream(self, container: InputContainer) -> VideoStream:
        streams = container.streams
        stream = streams[self.index.stream] if self.index.stream < len(streams) else None
        if not isinstance(stream, VideoStream):
            raise FrameMismatch(
                f"{self.source.name} is no longer the file that was taken in: its video stream is gone."
            )
        return stream

    def _numbered(self, container: InputContainer, stream: VideoStream) -> Iterator[tuple[int, av.VideoFrame]]:
        """Decoded frames with their numbers; by counting when the source has no times of its own."""
        if self.index.synthesised:
            yield from enumerate(container.decode(stream))
            return
        for decoded in container.decode(stream):
            number = None if decoded.pts is None else self.index.frame_of(decoded.pts)
            if number is not None:
                yield number, decoded
