"""What the segmentation engine remembers of each thing that it follows."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from enrichment.engines.parts import at_border, elongation, solidity

Mask = NDArray[np.bool_]

# Working pixels per frame; the gap keeps a thing from flickering between the two.
_STARTS_MOVING: Final = 0.5
_STOPS_MOVING: Final = 0.25
_AS_ONE: Final = 0.75  # share of its pixels that move together when a thing starts to move
_LEAST_CHANGE: Final = 0.04  # share of its pixels that must look different when a thing moves


@dataclass
class Track:
    """One thing. Areas in working pixels, speeds in working pixels per frame."""

    born: int
    seen: int
    frames: int
    area: float  # of the whole thing, as large as it was lately seen uncovered
    speed: float
    motion_x: float  # median flow inside, pixels per frame
    motion_y: float
    home_x: float  # where it first lay at rest, pixels; -1 while it has not
    home_y: float
    net_way: float  # distance from there, pixels
    moving_frames: int
    border: float  # share of frames in which it touched the picture's border
    flesh: float  # share of its pixels with the chroma of skin
    agreement: float  # how well flow foretold its masks, IoU, 0..1
    solid: float
    elongated: float
    visible: bool
    moving: bool
    reaches_in: bool  # once seen to move while it touched the border
    arm: int  # number of the arm that its far end was told from, 0 for none
    hand: bool  # owns a patch of skin
    covered: bool  # something that moves touches it
    outline: Mask
    signature: NDArray[np.float32]

    @classmethod
    def born_at(cls, frame: int, mask: Mask, signature: NDArray[np.float32]) -> Track:
        """A track that begins with this mask."""
        return cls(
            born=frame,
            seen=frame,
            frames=0,
            area=float(mask.sum()),
            speed=0.0,
            motion_x=0.0,
            motion_y=0.0,
            home_x=-1.0,
            home_y=-1.0,
            net_way=0.0,
            moving_frames=0,
            border=0.0,
            flesh=0.0,
            agreement=0.5,
            solid=solidity(mask),
            elongated=elongation(mask),
            visible=True,
            moving=False,
            reaches_in=False,
            arm=0,
            hand=False,
            covered=False,
            outline=mask.copy(),
            signature=signature,
        )

    @property
    def compact(self) -> bool:
        """Whole, convex and small against the picture: what a block, a cup, a box look like."""
        return self.solid > 0.85 and self.elongated < 1.55 and self.area < 0.03 * self.outline.size

    @property
    def firm(self) -> bool:
        """A convex patch inside the picture that may be one thing or a few in a row."""
        return self.solid > 0.85 and self.elongated < 3.4 and self.border < 0.5 and self.area < 0.03 * self.outline.size

    @property
    def mover(self) -> bool:
        """Reaches in from the border and moves by itself: a hand, an arm, a gripper."""
        return self.hand or self.reaches_in

    @property
    def at_rest(self) -> bool:
        """Whether the remembered outline is a better guess than the flow."""
        return not (self.moving or self.mover)

    def needs_parting(self, frame: int, usual_area: float) -> bool:
        """Whether it is time to look if this is several things: at rest, uncovered, large beside its likes."""
        if usual_area <= 0.0 or not self.visible or not self.at_rest or self.covered:
            return False
        return (frame - self.born) % 8 == 7 and self.area > 1.5 * usual_area

    def observe(
        self,
        frame: int,
        mask: Mask,
        predicted: Mask,
        *,
        own: NDArray[np.float32],
        changed: Mask,
        flow_bleeds: Mask,
        flesh: Mask,
        bare: Mask,
        covered: bool,
        least: int,
    ) -> None:
        """Take in this frame's mask.

        Args:
            frame: its number.
            mask: (height, width) bool, where the thing is seen.
            predicted: (height, width) bool, where it was expected.
            own: (height, width, 2) float32, flow into this frame without the camera's share, pixels.
            changed: (height, width) bool, where the picture itself changed.
            flow_bleeds: (height, width) bool, hands and arms and some way around them, where the flow is not to be
            trusted.
            flesh: (height, width) bool, skin-coloured pixels.
            bare: (height, width) bool, surface seen with nothing on it.
            covered: something that moves touches it, so less of it may be seen than there is.
            least: smallest area of a thing, pixels.
        """
        area = float(mask.sum())
        was_visible = self.visible
        self.covered = covered
        self.visible = area >= max(0.15 * self.area, 0.5 * least)
        if not self.visible:
            # Where the table is bare again the thing is gone; elsewhere it may only be covered.
            self.outline &= ~bare
            self.moving = False
            return
        self.seen = frame
        self.frames += 1
        self._follow_motion(mask, own, changed, flow_bleeds)
        share = 1.0 / min(self.frames, 30)
        self.border += share * (float(at_border(mask)) - self.border)
        self.flesh += share * (float(flesh[mask].mean()) - self.flesh)
        if was_visible and frame > self.born:
            union = float((mask | predicted).sum())
            self.agreement += 0.1 * (float((mask & predicted).sum()) / max(1.0, union) - self.agreement)
        if self.at_rest and covered and area < 0.95 * self.area:
            self.outline = (self.outline | mask) & ~bare
        else:
            self.outline = mask.copy()
            self.area = area if self.frames < 5 else max(area, 0.97 * self.area)
            self.solid += share * (solidity(mask) - self.solid)
            self.elongated += share * (elongation(mask) - self.elongated)

    def _follow_motion(self, mask: Mask, own: NDArray[np.float32], changed: Mask, flow_bleeds: Mask) -> None:
        # The rim mixes with the background's flow; the core speaks for the thing, and best where no hand is close.
        core = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        core = core if core.sum() >= 9 else mask
        clear = mask & ~flow_bleeds
        alone = clear.sum() > 0.3 * mask.sum()
        inside = clear & core if alone and (clear & core).sum() >= 9 else core
        vectors = own[inside]
        was_moving = self.moving
        self.speed = float(np.median(np.linalg.norm(vectors, axis=1)))
        self.motion_x, self.motion_y = (float(value) for value in np.median(vectors, axis=0))
        altered = float(changed[clear if alone else mask].mean()) > _LEAST_CHANGE
        self.moving = altered and self.speed > (_STOPS_MOVING if self.moving else _STARTS_MOVING)
        if not was_moving and self.moving and not self.mover:
            # What starts to move moves as one; a shadow or an arm that passes over it drags the flow here and there.
            off = np.linalg.norm(own[core] - (self.motion_x, self.motion_y), axis=1)
            self.moving = float((off < 0.3 + 0.3 * self.speed).mean()) > _AS_ONE
        if self.moving:
            self.moving_frames += 1
        if self.border > 0.3 and self.moving_frames >= 3 and self.area > 0.004 * mask.size:
            self.reaches_in = True
        if mask.sum() < 0.7 * self.area:
            return  # half hidden, its middle says nothing
        ys, xs = np.nonzero(mask)
        x, y = float(xs.mean()), float(ys.mean())
        if self.home_x < 0 and not self.moving and self.frames >= 2:
            self.home_x, self.home_y = x, y
        elif self.home_x >= 0:
            self.net_way = float(np.hypot(x - self.home_x, y - self.home_y))


_NUMBERS: Final = tuple(field.name for field in fields(Track) if field.name not in ("outline", "signature"))
_WHOLE: Final = ("born", "seen", "frames", "moving_frames", "arm")
_YES_NO: Final = ("visible", "moving", "reaches_in", "hand", "covered")


def pack(tracks: dict[int, Track], shape: tuple[int, ...]) -> dict[str, NDArray[np.generic]]:
    """Tracks as arrays: numbers (n,), facts (n, k) float64, outlines as packed bits, signatures (n, 384) float32."""
    values = list(tracks.values())
    pixels = int(np.prod(shape))
    return {
        "track_numbers": np.array(list(tracks), dtype=np.int64),
        "track_facts": np.array([[float(getattr(t, name)) for name in _NUMBERS] for t in values], dtype=np.float64),
        "track_outlines": np.array(
            [np.packbits(t.outline.ravel()) for t in values] or np.zeros((0, (pixels + 7) // 8)), dtype=np.uint8
        ),
        "track_signatures": np.array([t.signature for t in values] or np.zeros((0, 384)), dtype=np.float32),
    }


def unpack(state: dict[str, NDArray[np.generic]], shape: tuple[int, ...]) -> dict[int, Track]:
    """Tracks from what `pack` made, in the same order."""
    pixels = int(np.prod(shape))
    found: dict[int, Track] = {}
    rows = zip(
        state["track_numbers"], state["track_facts"], state["track_outlines"], state["track_signatures"], strict=True
    )
    for number, facts, outline, signature in rows:
        values: dict[str, Any] = {}
        for name, value in zip(_NUMBERS, np.asarray(facts, dtype=np.float64), strict=True):
            values[name] = int(value) if name in _WHOLE else bool(value) if name in _YES_NO else float(value)
        bits = np.unpackbits(np.asarray(outline, dtype=np.uint8), count=pixels).astype(bool).reshape(shape)
        found[int(number)] = Track(**values, outline=bits, signature=np.asarray(signature, dtype=np.float32).copy())
    return found
