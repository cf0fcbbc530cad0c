"""Dense inverse search optical flow, the flow engine that needs no weights.

Source: Kroeger, Timofte, Dai, Van Gool, "Fast Optical Flow using Dense Inverse Search", ECCV 2016; OpenCV's
implementation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from enrichment.errors import EngineInputError

PRESETS: Final[dict[str, int]] = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}

# Smaller than this the coarsest pyramid level has no whole patch left and OpenCV raises an assertion.
_SMALLEST_SIDE: Final = 32
_SETTLE_WINDOW: Final = 9
_SETTLE_GAIN: Final = 0.85


class DisFlow:
    """Flow between two pictures of one size.

    Holds OpenCV's buffers and the grey version of the last picture, so that walking a clip converts every frame once.
    One instance per thread: OpenCV's object is not re-entrant.
    """

    name = "dis"

    def __init__(self, preset: str = "medium", scale: float = 1.0, settle: float = 1.0) -> None:
        """Prepare the engine.

        Args:
            preset: "ultrafast", "fast" or "medium"; slower is finer.
            scale: pictures are reduced by this factor (0 < scale <= 1) before matching; the flow comes back at full
            size.
            settle: a motion below this many pixels (of the reduced picture) must explain the second picture better than
                standing still does, or it is set to exactly zero; 0 turns that off. On evenly coloured ground DIS turns
                sensor noise into drift of a fraction of a pixel.

        Raises:
            EngineInputError: unknown preset, or a scale outside (0, 1].
        """
        if preset not in PRESETS:
            raise EngineInputError(f"There is no DIS preset {preset!r}; choose one of {', '.join(PRESETS)}.")
        if not 0.0 < scale <= 1.0:
            raise EngineInputError(f"The working scale is {scale}, but it must lie above 0 and at most 1.")
        self.preset = preset
        self.scale = scale
        self.settle = settle
        self._grid: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None
        self.version = f"opencv-{cv2.__version__}"
        self._dis = cv2.DISOpticalFlow.create(PRESETS[preset])
        self._last: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None = None

    def flow(self, a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Flow from picture `a` to picture `b`.

        Args:
            a: (height, width, 3) RGB or (height, width) grey, uint8.
            b: the same shape as `a`.

        Returns:
            (height, width, 2) float32, (u, v) in pixels of the full-size picture: the point at (x, y) in `a` lies at
            (x + u, y + v) in `b`.

        Raises:
            EngineInputError: the pictures differ in size, are smaller than 32 pixels, or are not 8 bit.
        """
        small_a, small_b = self._prepared(a, b)
        return self._to_full_size(self._match(small_a, small_b), a.shape[:2])

    def flow_with_confidence(
        self, a: NDArray[np.uint8], b: NDArray[np.uint8], tolerance: float = 1.0
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Flow from `a` to `b`, and how well the way back agrees with it.

        Args:
            a: (height, width, 3) RGB or (height, width) grey, uint8.
            b: the same shape as `a`.
            tolerance: the forward-backward error, in pixels, at which confidence has fallen to one half.

        Returns:
            The flow as `flow` gives it, and (height, width) float32 confidence in 0..1, 0 where the point leaves the
            picture. Below 0.5 means that forward and backward flow differ by more than `tolerance`.

        Raises:
            EngineInputError: as `flow`.
        """
        small_a, small_b = self._prepared(a, b)
        forward = self._match(small_a, small_b)
        backward = self._match(small_b, small_a)
        error = forward_backward_error(forward, backward) / np.float32(self.scale)
        confidence = np.where(np.isfinite(error), 1.0 / (1.0 + (error / np.float32(tolerance)) ** 2), 0.0)
        height, width = a.shape[:2]
        if confidence.shape != (height, width):
            confidence = cv2.resize(confidence, (width, height), interpolation=cv2.INTER_LINEAR)
        return self._to_full_size(forward, a.shape[:2]), confidence.astype(np.float32)

    def _match(self, a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.float32]:
        # OpenCV would take a given output array as a first guess, and a resumed run would then differ: never hand one
        # in.
        flow = np.asarray(self._dis.calc(a, b, None), dtype=np.float32)  # type: ignore[call-overload]
        if self.settle > 0:
            self._settle(a, b, flow)
        return flow

    def _settle(self, a: NDArray[np.uint8], b: NDArray[np.uint8], flow: NDArray[np.float32]) -> None:
        height, width = a.shape
        if self._grid is None or self._grid[0].shape != a.shape:
            xs, ys = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
            self._grid = (xs, ys)
        u, v = flow[..., 0], flow[..., 1]
        carried = cv2.remap(b, self._grid[0] + u, self._grid[1] + v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        window = (_SETTLE_WINDOW, _SETTLE_WINDOW)
        standing = cv2.boxFilter(cv2.absdiff(a, b), cv2.CV_32F, window)
        moving = cv2.boxFilter(cv2.absdiff(a, carried), cv2.CV_32F, window)
        small = u * u + v * v < self.settle**2
        flow[small & (moving > _SETTLE_GAIN * standing)] = 0.0

    def _prepared(self, a: NDArray[np.uint8], b: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        if a.shape != b.shape:
            raise EngineInputError(f"Flow needs two pictures of one size, but they are {a.shape} and {b.shape}.")
        if a.dtype != np.uint8 or b.dtype != np.uint8:
            raise EngineInputError(f"Flow needs 8-bit pictures, but they are {a.dtype} and {b.dtype}.")
        if min(a.shape[:2]) * self.scale < _SMALLEST_SIDE:
            raise EngineInputError(
                f"A picture of {a.shape[1]}x{a.shape[0]} at scale {self.scale} is too small for flow; "
                f"both sides must have {_SMALLEST_SIDE} pixels left."
            )
        first = self._last[1] if self._last is not None and self._last[0] is a else self._grey(a)
        second = self._grey(b)
        self._last = (b, second)
        return first, second

    def _grey(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        if self.scale != 1.0:
            grey = cv2.resize(grey, None, fx=self.scale, fy=self.scale, interpolation=cv2.INTER_AREA)
        return np.ascontiguousarray(grey, dtype=np.uint8)

    def _to_full_size(self, flow: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
        height, width = shape[:2]
        if flow.shape[:2] == (height, width):
            return flow
        stretch = np.array([width / flow.shape[1], height / flow.shape[0]], dtype=np.float32)
        full = cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(full * stretch, dtype=np.float32)


@dataclass(frozen=True)
class Parameters:
    """preset: ultrafast, fast or medium."""

    preset: str = "medium"

    def __post_init__(self) -> None:
        """Refuse presets that would be refused for every frame."""
        if self.preset not in PRESETS:
            raise ValueError(f"there is no DIS preset {self.preset!r}; choose one of {', '.join(PRESETS)}.")


class DisPairs:
    """DIS as the flow layer asks for it: many pairs of pictures."""

    version: Final = f"opencv-{cv2.__version__}"

    def __init__(self) -> None:
        self._dis: DisFlow | None = None

    def rehearse(self, picture: NDArray[np.uint8]) -> None:
        """See `Model.rehearse`."""
        self.flow([(picture, np.roll(picture, 3, axis=1))], Parameters())

    def flow(
        self, pairs: Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]], parameters: Any
    ) -> list[NDArray[np.float32]]:
        """See `FlowEngine.flow`."""
        if self._dis is None or self._dis.preset != parameters.preset:
            self._dis = DisFlow(parameters.preset)
        return [self._dis.flow(a, b) for a, b in pairs]


def forward_backward_error(forward: NDArray[np.float32], backward: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far a point lands from its start after going forward and back.

    Args:
        forward: (height, width, 2) float32 flow from a to b, in pixels.
        backward: (height, width, 2) float32 flow from b to a, in pixels.

    Returns:
        (height, width) float32 pixels, infinite where the point leaves the picture.
    """
    height, width = forward.shape[:2]
    xs, ys = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    to_x, to_y = xs + forward[..., 0], ys + forward[..., 1]
    back = cv2.remap(backward, to_x, to_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    error = np.linalg.norm(forward + back, axis=2)
    outside = (to_x < 0) | (to_y < 0) | (to_x > width - 1) | (to_y > height - 1)
    return np.where(outside, np.inf, error).astype(np.float32)
