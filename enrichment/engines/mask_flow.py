"""One object followed from frame to frame: its mask carried along the flow, its border settled by colour.

Flow alone drifts, because every step's error stays; colours alone leak wherever two things look alike. So every step
carries the mask along the flow, and then decides the pixels near its border, and those where the flow contradicts
itself, by three witnesses: similar pixels of the last frame near where the flow points, similar pixels of the keyframe
where the flow of all steps together points (which does not drift, as long as the keyframe is recognised), and the
colours of the thing against those around it. Source of the idea: Bai, Wang, Simons, Sapiro, "Video SnapCut: Robust
Video Object Cutout Using Localized Classifiers", SIGGRAPH 2009.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from annotation.geometry import warp
from enrichment.engines.colour_model import ColourModel
from enrichment.engines.dis_flow import DisFlow, forward_backward_error
from enrichment.engines.label_transfer import Source, transfer
from enrichment.errors import EngineInputError

NAME: Final = "flow"
VERSION: Final = f"1, opencv-{cv2.__version__}"

_SIDE: Final = 256
_PADDING: Final = 0.4
_LEAST_PADDING: Final = 40
_LEAST_SIDE: Final = 40
_BAND: Final = 5
_JUMP: Final = 15.0  # Lab, between a pixel and where it comes from
_FARTHEST_SLIP: Final = 4.0
_PART: Final = 0.05  # a part smaller than this share of the mask must have been there before
# A part of at most this share of the largest one is left behind when it lies so far away, in that one's own size.
_LARGEST_STRAY: Final = 0.4
_APART: Final = 0.15
_LEAST_PIXELS: Final = 8
_GONE_SHARE: Final = 0.01
_UNLIKE: Final = 0.12

Mask = NDArray[np.bool_]
Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Step:
    """A mask (height, width) bool, empty when the object is not seen, and how far to trust it, 0-1."""

    mask: Mask
    confidence: float


class _Window:
    """The part of the picture around a mask, at a reduced size; everything is computed there."""

    def __init__(self, mask: Mask) -> None:
        height, width = mask.shape
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        extent = max(rows[-1] - rows[0], columns[-1] - columns[0])
        pad = max(_LEAST_PADDING, int(_PADDING * extent))
        self.top, self.bottom = max(0, int(rows[0]) - pad), min(height, int(rows[-1]) + pad + 1)
        self.left, self.right = max(0, int(columns[0]) - pad), min(width, int(columns[-1]) + pad + 1)
        across, down = self.right - self.left, self.bottom - self.top
        scale = min(1.0, _SIDE / max(across, down))
        self.size = (max(_LEAST_SIDE, round(across * scale)), max(_LEAST_SIDE, round(down * scale)))
        self.scale = np.array([self.size[0] / across, self.size[1] / down], dtype=np.float32)
        xs, ys = np.meshgrid(np.arange(self.size[0], dtype=np.float32), np.arange(self.size[1], dtype=np.float32))
        self.points: Floats = np.stack([xs, ys], axis=2)

    def cut(self, picture: Picture) -> Picture:
        part = picture[self.top : self.bottom, self.left : self.right]
        return np.asarray(cv2.resize(part, self.size, interpolation=cv2.INTER_AREA), dtype=np.uint8)

    def cut_mask(self, mask: Mask) -> Floats:
        part = mask[self.top : self.bottom, self.left : self.right].astype(np.float32)
        return np.asarray(cv2.resize(part, self.size, interpolation=cv2.INTER_AREA), dtype=np.float32)

    def whole(self, inside: Floats, shape: tuple[int, ...]) -> Mask:
        """A reduced mask, cut at one half, on the whole picture."""
        size = (self.right - self.left, self.bottom - self.top)
        found = np.zeros(shape, dtype=np.bool_)
        part = cv2.resize(inside, size, interpolation=cv2.INTER_LINEAR) > 0.5
        found[self.top : self.bottom, self.left : self.right] = part
        return found

    def out(self, points: Floats) -> Floats:
        """Points (…, 2) of the window as points of the picture."""
        return np.asarray((points + 0.5) / self.scale + self._corner - 0.5, dtype=np.float32)

    def into(self, points: Floats) -> Floats:
        """Points (…, 2) of the picture as points of the window."""
        return np.asarray((points + 0.5 - self._corner) * self.scale - 0.5, dtype=np.float32)

    @property
    def _corner(self) -> Floats:
        return np.array([self.left, self.top], dtype=np.float32)


@dataclass(frozen=True)
class _Motion:
    """What the flow says: where each pixel of the window comes from, how sure that is, and the mask carried both ways.

    origin: (h, w, 2) in the last frame, pixels of the window. error: (h, w) pixels between the flow there and back.
    carried: (h, w) the mask pulled along the flow, 0-1. landed: (h, w) the mask pushed; what only the pulled one has,
    came into view from behind something.
    """

    origin: Floats
    error: Floats
    carried: Floats
    landed: Floats


class MaskFlow:
    """Follows one mask through pictures of one size, in the order in which they are given.

    Args:
        picture: the keyframe, (height, width, 3) uint8 RGB.
        mask: (height, width) bool, what a person drew there.
        refine: False leaves it at the flow, to compare with.

    Raises:
        EngineInputError: the mask is empty or of another size.
    """

    def __init__(self, picture: Picture, mask: Mask, *, refine: bool = True) -> None:
        if mask.shape != picture.shape[:2] or not mask.any():
            raise EngineInputError(
                f"A mask with pixels is needed to follow, of the picture's size; this one is {mask.shape} with "
                f"{int(mask.sum())} pixels, the picture {picture.shape[:2]}."
            )
        self._refine = refine
        self._flow = DisFlow("medium")
        self._picture, self._mask = picture, mask
        self._key, self._key_mask = picture, mask
        self._parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] - 1
        window = _Window(mask)
        self._colours = ColourModel(_lab(window.cut(picture)), window.cut_mask(mask))
        self._key_source = Source(_lab(picture), mask.astype(np.float32))
        # Where each pixel of the last window lies in the keyframe, less where it lies now, in pixels of the picture.
        self._way: tuple[_Window, Floats] | None = None

    def resume(self, picture: Picture, mask: Mask) -> None:
        """Go on from another frame's picture and mask, as after an interruption."""
        self._picture, self._mask, self._way = picture, mask, None

    def step(self, picture: Picture) -> Step:
        """The mask on the next picture (height, width, 3) uint8 RGB."""
        if int(self._mask.sum()) < _LEAST_PIXELS:
            self._picture = picture
            return Step(np.zeros_like(self._mask), 0.0)
        window = _Window(self._mask)
        before, after = window.cut(self._picture), window.cut(picture)
        inside = window.cut_mask(self._mask)
        motion = self._motion(window, before, after, inside)
        found, sure = motion.carried, 1.0
        lab = _lab(after)
        if self._refine:
            way = self._whole_way(window, after, motion)
            found = self._settled(window, Source(_lab(before), inside), lab, motion, way)
            self._way = (window, way)
            sure = self._colours.likeness(lab, found)
            self._colours.adapt(lab, found)
        mask = window.whole(found, self._mask.shape)
        if int(mask.sum()) < max(_LEAST_PIXELS, _GONE_SHARE * int(self._key_mask.sum())) or sure < _UNLIKE:
            mask = np.zeros_like(mask)
        self._picture, self._mask = picture, mask
        return Step(mask, _confidence(found, motion, sure) if mask.any() else 0.0)

    def _motion(self, window: _Window, before: Picture, after: Picture, inside: Floats) -> _Motion:
        back, forth = self._flow.flow(after, before), self._flow.flow(before, after)
        origin = np.asarray(window.points + back, dtype=np.float32)
        error = forward_backward_error(back, forth)
        carried = _sampled(inside, origin)
        landed = warp.forward(inside > 0.5, forth).astype(np.float32)
        return _Motion(origin, np.where(np.isfinite(error), error, 10.0).astype(np.float32), carried, landed)

    def _whole_way(self, window: _Window, after: Picture, motion: _Motion) -> Floats:
        """All steps' flow together, (h, w, 2): from here to the keyframe, put right where the keyframe tells better."""
        here, origin = window.out(window.points), window.out(motion.origin)
        way = origin - here
        if self._way is not None:
            last, known = self._way
            way = way + _sampled(known, last.into(origin), outside=0.0)
        seen = _sampled(self._key, here + way)
        slip = self._flow.flow(after, seen)
        better = _sampled(way, window.points + slip) + slip / window.scale
        off = _difference(after, seen)
        off_then = _difference(after, _sampled(self._key, here + better))
        use = (off_then < 0.9 * off) & (np.abs(slip).max(axis=2) < _FARTHEST_SLIP)
        return np.where(use[..., None], better, way).astype(np.float32)

    def _settled(self, window: _Window, last: Source, lab: Floats, motion: _Motion, way: Floats) -> Floats:
        """The carried mask with its uncertain pixels decided, (h, w) float32, 0-1."""
        unsure = _unsure(motion, last.lab, lab)
        rows, columns = np.nonzero(unsure)
        if not len(rows):
            return motion.carried
        colours, error = lab[rows, columns], motion.error[rows, columns]
        agrees = np.exp(-(error**2) / 2).astype(np.float32)
        # Where the flow contradicts itself, what is only pulled along was hidden before and is not the thing.
        landed = motion.landed[rows, columns]
        spread = np.asarray(0.7 + np.minimum(error, 3.0), dtype=np.float32)
        origin = motion.origin[rows, columns]
        before, found = transfer(colours, origin[:, 0], origin[:, 1], spread, last)
        before = before * (agrees + (1 - agrees) * np.maximum(landed, 0.1))
        there = window.out(np.stack([columns, rows], axis=1).astype(np.float32)) + way[rows, columns]
        wide = float(1 / window.scale.min())
        key, recognised = transfer(
            colours, there[:, 0], there[:, 1], (spread + np.float32(0.5)) * wide, self._key_source, stride=round(wide)
        )
        key = key * (agrees + (1 - agrees) * np.maximum(landed, 0.3))
        seen = (found + 0.02) * before + recognised * key
        seen = np.clip(seen / (found + 0.02 + recognised), 0.08, 0.92)
        weight = agrees * np.maximum(found, recognised)
        odds = np.log(seen / (1 - seen)) * (0.25 + weight) + self._colours.log_odds(colours) * (1.1 - weight)
        decided = motion.carried.copy()
        decided[rows, columns] = 1 / (1 + np.exp(-odds))
        smooth = np.asarray(cv2.GaussianBlur(decided, (0, 0), 1.0), dtype=np.float32)
        settled = np.where(unsure, 0.5 * (smooth + decided), decided).astype(np.float32)
        return _without_strays(settled, motion, window, self._parts)


def _unsure(motion: _Motion, before: Floats, lab: Floats) -> Mask:
    """Pixels near the mask's border, and in it where the flow contradicts itself or the colour jumps."""
    hard = (motion.carried > 0.5).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _BAND + 1, 2 * _BAND + 1))
    near, core = cv2.dilate(hard, kernel) > 0, cv2.erode(hard, kernel, borderValue=1) > 0
    jump = np.linalg.norm(_sampled(before, motion.origin) - lab, axis=2)
    return np.asarray(near & (~core | (motion.error > 1.0) | (jump > _JUMP)), dtype=np.bool_)


def _without_strays(found: Floats, motion: _Motion, window: _Window, parts: int) -> Floats:
    """Without small parts that were not there before, and parts of what the thing has moved away from.

    Args:
        parts: of how many parts the mask was in the keyframe; as many of the largest may go their own ways.
    """
    hard = (found > 0.5).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(hard, connectivity=8)
    order = np.argsort(-stats[1:, cv2.CC_STAT_AREA]) + 1
    if len(order) < 2:
        return found
    area = float(stats[order[0], cv2.CC_STAT_AREA])
    way = motion.origin - window.points
    body = np.median(way[labels == order[0]], axis=0)
    off = cv2.distanceTransform((labels != order[0]).astype(np.uint8), cv2.DIST_L2, 5)
    for rank, part in enumerate(order[1:].tolist(), 1):
        here = labels == part
        small = stats[part, cv2.CC_STAT_AREA] < _PART * area and float(motion.carried[here].mean()) < 0.8
        apart = float(np.linalg.norm(np.median(way[here], axis=0) - body))
        left = apart > max(1.0, 0.5 * float(np.linalg.norm(body)))
        away = float(off[here].min()) > _APART * area**0.5
        if small or (rank >= parts and (left or away) and stats[part, cv2.CC_STAT_AREA] < _LARGEST_STRAY * area):
            found[here] = 0.0
    return found


def _confidence(found: Floats, motion: _Motion, sure: float) -> float:
    """How far the flow agrees with itself, with the mask that came out, and the colours with the keyframe's, 0-1."""
    mask, carried = found > 0.5, motion.landed > 0.5
    kept = float((mask & carried).sum()) / max(1.0, float((mask | carried).sum()))
    agrees = float((motion.error[mask] < 1.0).mean()) if mask.any() else 0.0
    return float(np.clip(min(1.0, 0.25 + 0.75 * agrees) * kept * min(1.0, 0.2 + sure), 0.0, 1.0))


def _lab(picture: Picture) -> Floats:
    lab = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2LAB), (3, 3), 0.8)
    return np.asarray(lab, dtype=np.float32)


def _sampled(values: NDArray[Any], points: Floats, *, outside: float | None = None) -> NDArray[Any]:
    """Values (h, w, …) at points (…, 2), interpolated; beyond the border the border's, or `outside`."""
    border = cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT
    x, y = np.ascontiguousarray(points[..., 0]), np.ascontiguousarray(points[..., 1])
    return cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=border, borderValue=[outside or 0.0] * 4)


def _difference(a: Picture, b: Picture) -> Floats:
    """Mean difference of colour around each pixel."""
    off = cv2.absdiff(a, b).astype(np.float32).sum(axis=2)
    return np.asarray(cv2.blur(off, (7, 7)), dtype=np.float32)
