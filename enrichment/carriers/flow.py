"""Masks carried along the flow and settled by colour, from one keyframe or from the two ends of a gap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from annotation.geometry import rle
from annotation.geometry.rle import Rle
from enrichment.engines import mask_flow
from enrichment.engines.mask_flow import MaskFlow
from enrichment.propagation.carrier import Carried, Carrier, Keyframe, Mask, Pictures, Stretch
from enrichment.propagation.registry import register

# After so many frames without the object it is not looked for any more: it would have to be found, not followed.
LOST_AFTER = 3


@register
class Flow(Carrier):
    """Follows the mask; between two keyframes from both ends, and blends."""

    name = mask_flow.NAME
    title = "Flow and colour"
    version = mask_flow.VERSION

    def passes(self, stretch: Stretch) -> int:
        """One from each keyframe that the stretch ends at."""
        return 2 if stretch.closed else 1

    def carry(self, pictures: Pictures, stretch: Stretch) -> Iterator[Carried]:
        """One mask a frame; between two keyframes first from the near one, then each again, blended with the other."""
        frames = list(stretch.frames)
        first: dict[int, tuple[Rle, float]] = {}
        for each in _follow(pictures, stretch.near, frames, stretch, final=not stretch.closed):
            if stretch.closed:
                first[each.frame] = (rle.encode(each.mask), each.confidence)
            if each.frame not in stretch.came:
                yield each
        if stretch.far is None or not stretch.closed:
            return
        for each in _follow(pictures, stretch.far, frames[::-1], stretch, final=True):
            if each.frame in stretch.came and stretch.came[each.frame].final:
                continue
            if each.frame in first:
                mask, confidence = first[each.frame]
                share = abs(each.frame - stretch.near.frame) / abs(stretch.far.frame - stretch.near.frame)
                yield _blended(each, rle.decode(mask).astype(np.bool_), confidence, share)
            else:
                yield each


def _follow(
    pictures: Pictures, start: Keyframe, frames: Sequence[int], stretch: Stretch, *, final: bool
) -> Iterator[Carried]:
    """Masks from a keyframe on; what came before an interruption is handed out as it is, and gone on from."""
    known = []
    for frame in frames:
        came = stretch.came.get(frame)
        if came is None or (final and not came.final):
            break
        known.append(frame)
        yield came
    at = known[-1] if known else start.frame
    left = frames[len(known) :]
    if not left:
        return
    _, picture = next(iter(pictures.walk(start.frame, start.frame)))
    follower = MaskFlow(picture, start.mask)
    if known:
        _, picture = next(iter(pictures.walk(at, at)))
        follower.resume(picture, stretch.came[at].mask)
    lost = 0
    for frame, picture in pictures.walk(left[0], left[-1]):
        step = follower.step(picture)
        lost = 0 if step.mask.any() else lost + 1
        yield Carried(frame, step.mask, step.confidence, final)
        if lost >= LOST_AFTER:
            return


def _blended(here: Carried, other: Mask, confidence: float, share: float) -> Carried:
    """Two masks of one frame made one; `share` is how near the keyframe is that `here` came from, 0-1."""
    both = float((here.mask & other).sum()) / max(1.0, float((here.mask | other).sum()))
    mine, theirs = share * here.confidence + 1e-6, (1 - share) * confidence + 1e-6
    if both < 0.3:
        # They are not on the same thing: an average would be on neither.
        mask = here.mask if mine > theirs else other
    else:
        weight = mine / (mine + theirs)
        mask = weight * _distance(here.mask) + (1 - weight) * _distance(other) > 0
    sure = max(here.confidence * share, confidence * (1 - share)) * 0.5 + 0.5 * both
    return Carried(here.frame, mask, float(np.clip(sure, 0.0, 1.0)))


def _distance(mask: Mask) -> NDArray[np.float32]:
    """Signed distance in pixels, positive inside."""
    inside = mask.astype(np.uint8)
    near = cv2.distanceTransform(inside, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    return np.asarray(near, dtype=np.float32)
