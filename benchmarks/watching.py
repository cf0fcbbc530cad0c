"""A clip as the weight-free engines see it, frame by frame, and how good the actions are that they propose."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

from enrichment.engines import motion_actions
from enrichment.engines.dis_flow import DisFlow
from enrichment.engines.motion_actions import ActionSegment
from enrichment.engines.motion_features import MotionFeatures
from enrichment.engines.motion_segmentation import Proposal, ProposalTracker
from review.metrics.actions import Span, f1_at

Picture = NDArray[np.uint8]
Flow = NDArray[np.float32]


class Watcher:
    """Gets the frames of one clip in order, (height, width, 3) uint8 RGB."""

    def __init__(self, height: int, width: int) -> None:
        self._flow, self._tracker, self._features = DisFlow(), ProposalTracker(), MotionFeatures(height, width)
        self._last: Picture | None = None
        self._waiting: list[Proposal] | None = None

    def step(self, picture: Picture) -> tuple[Flow | None, list[Proposal]]:
        """The flow from the frame before, None for the first, and what is proposed on this one."""
        flow = None if self._last is None else self._flow.flow(self._last, picture)
        self._add(flow)
        self._waiting = self._tracker.step(picture, flow)
        self._last = picture
        return flow, self._waiting

    def actions(self, fps: float) -> list[ActionSegment]:
        """The action proposals of the whole clip; asked once, at its end."""
        self._add(None)
        self._waiting = None
        return motion_actions.propose(self._features.series(), fps)

    def _add(self, flow: Flow | None) -> None:
        if self._waiting is not None:
            masks = {each.track_id: each.mask for each in self._waiting}
            self._features.add(flow, masks, {each.track_id: each.label_hint for each in self._waiting})


def phases(found: Sequence[ActionSegment]) -> list[ActionSegment]:
    """The proposed phases, without the tasks that they are parts of."""
    return [each for each in found if each.level == "primitive" and each.phase]


def boundary_errors(found: Sequence[Span], truth: Sequence[Span], *, missing: float) -> list[float]:
    """For each true boundary the distance of the nearest proposed one; `missing` where nothing is proposed."""
    proposed = {at for span in found for at in span.interval}
    true = sorted({at for span in truth for at in span.interval})
    return [min((abs(at - other) for other in proposed), default=missing) for at in true]


def median_error(found: Sequence[Span], truth: Sequence[Span], *, missing: float) -> float:
    return median(boundary_errors(found, truth, missing=missing))


def f1(found: Sequence[Span], truth: Sequence[Span], *, overlap: float, named: bool = True) -> float:
    """Segmental F1 (review/metrics/actions.py), 0 where nothing is proposed; `named` false asks for no class."""
    if not named:
        found, truth = ([Span(span.start, span.end, "") for span in side] for side in (found, truth))
    return f1_at(found, truth, overlap=overlap) or 0.0
