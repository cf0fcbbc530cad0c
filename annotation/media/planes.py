"""Decoded video frames as bytes: the checksum that proves a frame, and the conversion to RGB."""

import zlib
from typing import cast

import av
import numpy as np
import numpy.typing as npt
from av.filter import Graph

# av_display_rotation counts counter-clockwise; these are FFmpeg's own filters for what is left to turn, clockwise.
_TURNS: dict[int, list[tuple[str, str]]] = {
    0: [],
    90: [("transpose", "clock")],
    180: [("hflip", ""), ("vflip", "")],
    270: [("transpose", "cclock")],
}


def clockwise(frame: av.VideoFrame) -> int:
    """How far a frame must be turned clockwise to be upright: 0, 90, 180 or 270; other angles are left alone."""
    turn = -int(frame.rotation) % 360
    return turn if turn in _TURNS else 0


def crc32_of(frame: av.VideoFrame) -> int:
    """CRC-32 over the decoded planes, row by row without padding, in the frame's own pixel format."""
    shape = frame.format
    crc = 0
    for number, plane in enumerate(frame.planes):
        if len(frame.planes) == 1:
            row_bytes = (plane.width * shape.padded_bits_per_pixel + 7) // 8
        else:
            sample = max((component.bits + 7) // 8 for component in shape.components)
            row_bytes = plane.width * sample * (2 if number and shape.name.startswith(("nv", "p0")) else 1)
        rows = np.frombuffer(memoryview(plane), dtype=np.uint8)[: plane.height * plane.line_size]
        rows = rows.reshape(plane.height, plane.line_size)[:, : min(row_bytes, plane.line_size)]
        crc = zlib.crc32(np.ascontiguousarray(rows).data, crc)
    return crc


class RgbConverter:
    """Turns frames upright and into RGB with FFmpeg's own filters: what `ffmpeg -pix_fmt rgb24` writes, byte for byte.

    A graph and not `VideoFrame.reformat`, whose scaler is set otherwise and differs for 10-bit and turned pictures.
    """

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._made_for: tuple[object, ...] = ()

    def __call__(self, frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
        """(height, width, 3) uint8 RGB, upright."""
        made_for = (frame.width, frame.height, frame.format.name, clockwise(frame), frame.colorspace, frame.color_range)
        if self._graph is None or made_for != self._made_for:
            self._graph, self._made_for = _graph(frame), made_for
        # The graph insists on rising times, a reader jumps about.
        frame.pts = None
        self._graph.push(frame)
        converted = self._graph.pull()
        return cast(npt.NDArray[np.uint8], cast(av.VideoFrame, converted).to_ndarray())


def _graph(frame: av.VideoFrame) -> Graph:
    graph = Graph()
    graph.threads = 1
    last = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    for name, argument in [*_TURNS[clockwise(frame)], ("format", "pix_fmts=rgb24"), ("buffersink", "")]:
        node = graph.add(name, argument) if argument else graph.add(name)
        last.link_to(node)
        last = node
    graph.configure()
    return graph
