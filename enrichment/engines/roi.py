"""A part of a picture brought to a smaller size, GrabCut in it, and what is asked of the masks that it gives."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from enrichment.errors import EngineInputError

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]
A = TypeVar("A")
B = TypeVar("B")

# Somebody waits for the answer, and OpenCV lets other threads run meanwhile. The threads begin with the first use.
_HANDS: Final = ThreadPoolExecutor(min(4, os.cpu_count() or 1), thread_name_prefix="prompts")


@dataclass(frozen=True)
class Prompted:
    """A mask (height, width) bool, and how far to trust it, 0..1."""

    mask: Mask
    confidence: float


@dataclass(frozen=True)
class Window:
    """A part of the picture [top, bottom) x [left, right), brought to a smaller size."""

    left: int
    top: int
    right: int
    bottom: int
    scale: float
    picture: Picture

    @classmethod
    def of(cls, picture: Picture, left: float, top: float, right: float, bottom: float, side: int) -> Window:
        height, width = picture.shape[:2]
        x0, y0 = max(0, int(left)), max(0, int(top))
        x1, y1 = min(width, max(x0 + 2, int(np.ceil(right)))), min(height, max(y0 + 2, int(np.ceil(bottom))))
        x0, y0 = min(x0, x1 - 2), min(y0, y1 - 2)
        scale = min(1.0, side / max(x1 - x0, y1 - y0))
        size = (max(2, round((x1 - x0) * scale)), max(2, round((y1 - y0) * scale)))
        small = cv2.resize(picture[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA)
        return cls(x0, y0, x1, y1, scale, np.asarray(small, dtype=np.uint8))

    def reduced(self, mask: Mask) -> NDArray[np.float32]:
        """A full-size mask inside the window, 0..1 where pixels are mixed."""
        part = mask[self.top : self.bottom, self.left : self.right].astype(np.float32)
        size = (self.picture.shape[1], self.picture.shape[0])
        return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), dtype=np.float32)

    def enlarged(self, probability: NDArray[Any]) -> Mask:
        """Where a reduced probability is above one half, at full size inside the window."""
        size = (self.right - self.left, self.bottom - self.top)
        return np.asarray(cv2.resize(probability, size, interpolation=cv2.INTER_LINEAR) > 0.5, dtype=np.bool_)

    def inside(self, x: float, y: float) -> tuple[int, int]:
        """(column, row) of a point of the picture, the nearest one when it lies outside."""
        column = int(np.clip((x - self.left) * self.scale, 0, self.picture.shape[1] - 1))
        row = int(np.clip((y - self.top) * self.scale, 0, self.picture.shape[0] - 1))
        return column, row

    def into(self, mask: Mask, part: Mask) -> Mask:
        """A copy of a full-size mask with the window's part replaced."""
        whole = mask.copy()
        whole[self.top : self.bottom, self.left : self.right] = part
        return whole


def whole(mask: Mask, *, least_share: float) -> Mask:
    """The mask's larger pieces, without pinholes."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return mask
    areas = stats[1:, cv2.CC_STAT_AREA]
    keep = [number + 1 for number, area in enumerate(areas) if area >= least_share * areas.max()]
    return filled(np.isin(labels, keep))


def filled(mask: Mask) -> Mask:
    """Without holes that are small against the mask."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] < 0.03 * max(1, int(mask.sum()))
    small[0] = False
    return np.asarray(mask | small[labels], dtype=np.bool_)


def around(mask: Mask, seeds: Mask) -> Mask:
    """The pieces of a mask that hold a seed."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    return np.asarray(np.isin(labels, np.unique(labels[seeds])) & mask, dtype=np.bool_)


def clarity(picture: Picture, mask: Mask) -> float:
    """How much of the mask's border lies where colours change, 0..1."""
    kernel = np.ones((3, 3), np.uint8)
    grown = cv2.dilate(mask.astype(np.uint8), kernel) > 0
    shrunk = cv2.erode(mask.astype(np.uint8), kernel, borderValue=1) > 0
    border = grown & ~shrunk
    border[[0, -1], :] = False
    border[:, [0, -1]] = False
    if not border.any():
        return 0.1
    lab = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2LAB), (3, 3), 0).astype(np.float32)
    change = np.sqrt(sum(cv2.Sobel(lab[..., k], cv2.CV_32F, 1, 0) ** 2 for k in range(3)))
    change = np.hypot(change, np.sqrt(sum(cv2.Sobel(lab[..., k], cv2.CV_32F, 0, 1) ** 2 for k in range(3))))
    strongest = cv2.dilate(change, kernel)
    usual = float(np.median(change)) + 12.0
    value = float(np.clip((strongest[border] / usual - 0.8) / 3.0, 0.0, 1.0).mean())
    return float(np.clip(0.1 + 0.88 * value, 0.0, 0.98))


def cut_off(mask: Mask) -> float:
    """Share of the mask's border that runs along the window's, where nothing in the picture ends."""
    rim = mask & ~(cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0)
    edge = np.ones(mask.shape, dtype=bool)
    edge[3:-3, 3:-3] = False
    return float((rim & edge).sum()) / max(1.0, float(rim.sum()))


def grabcut(picture: Picture, trimap: NDArray[np.uint8], rounds: int) -> Mask:
    """Where GrabCut sees foreground; the trimap (OpenCV's GC_ values) is overwritten. The same input, the same mask."""
    cv2.setRNGSeed(0)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(picture, trimap, (0, 0, 1, 1), background, foreground, rounds, cv2.GC_INIT_WITH_MASK)
    return np.asarray((trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD), dtype=np.bool_)


def side_by_side(work: Callable[[A], B], things: Iterable[A]) -> list[B]:
    """The work done on each, several at once, in their order."""
    return list(_HANDS.map(work, things))


def overlap(a: Mask, b: Mask) -> float:
    """IoU, 0 for two empty masks."""
    return float((a & b).sum()) / max(1.0, float((a | b).sum()))


def diagonal(picture: NDArray[Any]) -> float:
    return float(np.hypot(picture.shape[0], picture.shape[1]))


def check_picture(picture: Picture) -> None:
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or min(picture.shape[:2]) < 16:
        raise EngineInputError(
            f"A prompt needs an 8-bit RGB picture of at least 16x16, but this is {picture.shape} {picture.dtype}."
        )
