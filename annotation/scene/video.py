"""Writing pictures into video files: the demo scene as a clip, and the writer under it."""

import platform
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.video.stream import VideoStream

from annotation.scene.render import describe, render
from annotation.scene.spec import U8, SceneFrame, SceneSpec, SceneTruth

_BT601 = 6  # SMPTE 170M, in FFmpeg's numbering of colour spaces
_TICKS = 90_000  # per second, for clips of variable rate

# x264's AVX-512 code was seen to write different bytes for the same pictures, about one time in ten with small frames;
# with SSE2 it writes what its plain C code writes, hardly slower.
_SAME_BYTES = {"x264-params": "asm=SSE2"} if platform.machine().lower() in ("x86_64", "amd64") else {}


class PictureWriter:
    """An open video file that takes RGB pictures one by one; use it in a `with` statement.

    Encodes in one thread, so that the same pictures give the same bytes wherever the encoder is the same. Raises
    ValueError when the codec is unknown or not one for video, OSError when the file cannot be written.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        codec: str,
        size: tuple[int, int],
        fps: float,
        b_frames: int,
        gop: int,
        options: dict[str, str],
        variable: bool = False,
    ) -> None:
        rate = Fraction(fps).limit_denominator(1001)
        try:
            known = av.Codec(codec, "w")
        except av.codec.codec.UnknownCodecError as error:
            raise ValueError(f"This FFmpeg has no encoder {codec}; name one such as libx264.") from error
        if known.type != "video":
            raise ValueError(f"{codec} does not encode video; name an encoder such as libx264.")
        self._time_base = Fraction(1, _TICKS) if variable else 1 / rate
        self._container = av.open(str(path), "w")
        stream = self._container.add_stream(codec, rate=rate)
        assert isinstance(stream, VideoStream)  # noqa: S101 - the codec's type was asked above
        stream.width, stream.height = size
        # Halved colour planes need even sides.
        wanted = "yuv444p" if size[0] % 2 or size[1] % 2 else "yuv420p"
        if codec == "mjpeg":
            wanted = wanted.replace("yuv", "yuvj")  # JPEG has full range only
        formats = [f.name for f in known.video_formats or ()]
        stream.pix_fmt = wanted if wanted in formats or not formats else formats[0]
        stream.time_base = self._time_base
        context = stream.codec_context
        context.time_base = self._time_base
        context.gop_size = gop
        context.max_b_frames = b_frames
        context.thread_count = 1
        context.colorspace = _BT601
        context.options = options | (_SAME_BYTES if codec == "libx264" else {})
        self._stream = stream

    def write(self, image: U8, seconds: float) -> None:
        """Encode a (height, width, 3) RGB picture to be shown at this time."""
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts = round(Fraction(seconds) / self._time_base)
        frame.time_base = self._time_base
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()


def write_video(
    spec: SceneSpec,
    path: Path | str,
    *,
    codec: str = "libx264",
    crf: int = 12,
    b_frames: int = 2,
    gop: int = 30,
    preset: str = "veryfast",
    each: Callable[[SceneFrame], None] | None = None,
) -> SceneTruth:
    """Render the scene into a video file and return its truth; the same spec gives the same bytes.

    crf and preset are x264's measures of quality and effort; other encoders ignore what they do not know. b_frames is
    the longest run of B-frames (0 for none), gop the longest way between key frames. `each` is called
    with every frame as it is written, so that its depth, masks and flow need not be rendered again. The container
    follows from the file's name. Raises ValueError for an unknown codec, OSError when the file cannot be written.
    """
    size, options = (spec.width, spec.height), {"crf": str(crf), "preset": preset}
    with PictureWriter(
        path, codec=codec, size=size, fps=spec.fps, b_frames=b_frames, gop=gop, options=options
    ) as writer:
        for frame in render(spec):
            writer.write(frame.image, frame.time)
            if each is not None:
                each(frame)
    return describe(spec)
