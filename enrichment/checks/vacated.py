"""Masks that stay where their thing no longer is.

Where a thing leaves between a gripper's fingers no point of it can be followed, and afterwards mask and table rest
together: flow has nothing to say against it. But the outline that was there is gone. The surroundings of points along a
mask's rim are compared with those a little earlier, as long as the mask itself, or what shows of it, has stayed. Where
what lies within it has stayed as well, only light or shadow has gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from enrichment.checks.carried_masks import Mask, Points, Scene, inner_points
from enrichment.checks.observed_motion import TrackMasks
from enrichment.checks.outlines import clear_of, has_stayed, points_of, rim_of
from enrichment.checks.patches import LEAST_POINTS, REACH, Grey, seen_again, telling
from enrichment.checks.registry import Finding

KIND: Final = "vacated"

_AS_LARGE: Final = 0.5
_LOOK_BACK: Final = 30  # frames; in so many a thing has left its place
_EVERY: Final = 6  # frames from one look to the next
_NOT_NEAR_BY: Final = 0.7  # share of the outline's points not seen so few pixels to any side: a worn camera sways
_NEAR_BY: Final = (-3, -2, -1, 0, 1, 2, 3)
_LEAST_SHARE: Final = 0.4  # of the rim's points must be seen
_GONE_WITHIN: Final = 0.75  # share of the points within that must look otherwise, too, where enough are seen


@dataclass(frozen=True)
class _Look:
    """A frame in which a track was looked at. Masks are held as bits: of every track there are several at a time."""

    frame: int
    looks: Grey
    _mask: NDArray[np.uint8]
    _covered: NDArray[np.uint8]

    @classmethod
    def of(cls, number: int, frame: int, scene: Scene, looks: Grey) -> _Look:
        """What of a track there is to see."""
        return cls(frame, looks, np.packbits(scene.mask(number)), np.packbits(scene.near(number, REACH)))

    @property
    def mask(self) -> Mask:
        """(h, w) bool."""
        return self._unpacked(self._mask)

    @property
    def covered(self) -> Mask:
        """(h, w) bool, what other tracks cover, or nearly."""
        return self._unpacked(self._covered)

    def _unpacked(self, bits: NDArray[np.uint8]) -> Mask:
        return np.unpackbits(bits, count=self.looks.size).reshape(self.looks.shape).astype(np.bool_)


@dataclass(frozen=True)
class Vacated:
    """A mask whose outline was there in frame `since` and is not in `frame`. share: of the outline's points."""

    track: int
    since: int
    frame: int
    share: float


class Vacancies:
    """Given one frame after the other."""

    def __init__(self, least_area: int, least_gone: float, left_out: Iterable[str]) -> None:
        """Take what is passed over: masks below so many pixels of the flow, and labels of what bends or is a ground.

        Args:
            least_gone: share of an outline's points that must look otherwise, 0-1.
        """
        self._least, self._least_gone, self._left_out = least_area, least_gone, frozenset(left_out)
        self._looks: dict[int, list[_Look]] = {}

    def step(self, frame: int, scene: Scene, looks: Grey | None, tracks: Mapping[int, TrackMasks]) -> Iterator[Vacated]:
        """What is vacated in a frame, compared with earlier ones; without pictures nothing."""
        if looks is None:
            return
        reached = {
            number: [each for each in seen if each.frame >= frame - _LOOK_BACK] for number, seen in self._looks.items()
        }
        # What nobody looks back to any more is let go, of tracks that have ended, too.
        self._looks = {number: seen for number, seen in reached.items() if seen}
        for number, track in tracks.items():
            if frame not in track.masks or track.label in self._left_out or track.rigidity == "deformable":
                continue
            past = self._looks.get(number, [])
            if past and frame < past[-1].frame + _EVERY:
                continue
            mask = scene.mask(number)
            if int(mask.sum()) < self._least:
                continue
            now = _Look.of(number, frame, scene, looks)
            for before in past:
                if (share := _gone(before, now, self._least_gone)) is not None:
                    yield Vacated(number, before.frame, frame, share)
                    # From here on the mask is not held against the old outline any more.
                    past = []
                    break
            self._looks[number] = [*past, now]

    def state(self) -> dict[int, list[int]]:
        """By track the frames that later ones may be compared with."""
        return {number: [each.frame for each in looks] for number, looks in self._looks.items()}

    def restore(self, frame: int, scene: Scene, looks: Grey | None, tracks: Iterable[int]) -> None:
        """Go on with a frame of what `state` gave, and with the tracks that it is of; the earliest frame first."""
        if looks is not None:
            for number in tracks:
                self._looks.setdefault(number, []).append(_Look.of(number, frame, scene, looks))


def _gone(before: _Look, now: _Look, least: float) -> float | None:
    """The share of the outline that is gone; None where the mask has moved, too little is seen, or it is there."""
    was, is_now = before.mask, now.mask
    small, large = sorted((int(was.sum()), int(is_now.sum())))
    if small < _AS_LARGE * large or not has_stayed(was, is_now):
        return None
    # Where both have their rim: a rim along what hides a part of it is not the thing's.
    outline = rim_of(is_now)
    rim = points_of(rim_of(was) & _grown(outline))
    seen = rim[clear_of(rim, before.covered | now.covered)]
    if len(seen) < max(LEAST_POINTS, _LEAST_SHARE * int(outline.sum())):
        return None
    told = telling(before.looks, seen)
    if len(told) < LEAST_POINTS:
        return None
    share = _unlike(before, now, told, (0, 0))
    if share < least or any(_unlike(before, now, told, (x, y)) < _NOT_NEAR_BY for x in _NEAR_BY for y in _NEAR_BY):
        return None
    # A shadow that falls on a small thing, or leaves it, changes all of its outline at once, but not what lies within.
    within = inner_points(was & is_now)
    within = telling(before.looks, within[clear_of(within, before.covered | now.covered)])
    if len(within) >= LEAST_POINTS and _unlike(before, now, within, (0, 0)) < _GONE_WITHIN:
        return None
    return share


def _unlike(before: _Look, now: _Look, points: Points, way: tuple[int, int]) -> float:
    """The share of points that look otherwise, so many pixels farther on."""
    return 1 - float(seen_again(before.looks, points, now.looks, points + np.array(way, np.float32)).mean())


def as_finding(check: str, found: Vacated, track: TrackMasks) -> Finding:
    """What there is to tell and to draw."""
    reason = (
        f"From frame {found.since} to {found.frame} the mask of track {found.track} ({track.label}) stays where it is, "
        f"but {found.share:.0%} of the outline that was seen there is gone: its thing seems to have left it."
    )
    evidence: dict[str, Any] = {
        "kind": KIND,
        "label": track.label,
        "tracks": [found.track],
        "masks": [{"frame": found.frame, "counts": track.masks[found.frame]["counts"]}],
        "share": round(found.share, 3),
        "measure": round(found.share, 3),
    }
    return Finding(check, found.frame, found.frame + 1, 3, reason, evidence)


def _grown(mask: Mask) -> Mask:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0, dtype=np.bool_)
