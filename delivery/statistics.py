"""What is in a delivery, in numbers: instances per label, sizes, review status, methods, actions [D3]."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from annotation.geometry import timebase
from delivery.dataset import Clip, Dataset, Mask
from delivery.overlays import Picks
from delivery.problems import Pick


@dataclass
class _OfLabel:
    """Sums over the masks of one label; areas in px²."""

    masks: int = 0
    tracks: int = 0
    area: int = 0
    smallest: int | None = None
    largest: int = 0
    occluded: int = 0

    def add(self, mask: Mask) -> None:
        self.masks += 1
        self.area += mask.area
        self.smallest = mask.area if self.smallest is None else min(self.smallest, mask.area)
        self.largest = max(self.largest, mask.area)
        self.occluded += mask.occluded

    def as_dict(self) -> dict[str, Any]:
        return {
            "masks": self.masks,
            "tracks": self.tracks,
            "area_mean": round(self.area / self.masks, 1) if self.masks else None,
            "area_min": self.smallest,
            "area_max": self.largest if self.masks else None,
            "occluded": self.occluded,
        }


@dataclass
class _Tally:
    labels: dict[str, _OfLabel] = field(default_factory=dict)
    methods: Counter[str] = field(default_factory=Counter)
    authors: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    scenes: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    action_seconds: Counter[str] = field(default_factory=Counter)
    spent: float = 0.0


def gather(dataset: Dataset, picks: Picks, beat: Callable[[], None]) -> dict[str, Any]:
    """One walk over everything; frames with masks are offered to `picks` on the way."""
    tally = _Tally(labels={label.key: _OfLabel() for label in dataset.taxonomy.labels})
    for clip in dataset.clips:
        tally.scenes[str(clip.about["scene"])] += 1
        for track in clip.tracks:
            tally.labels[track.label].tracks += 1
        _masks(clip, tally, picks, beat)
        _segments(clip, tally)
    return {
        "counts": dataset.counts.as_dict(),
        "labels": {key: label.as_dict() for key, label in tally.labels.items()},
        "masks_by_method": dict(sorted(tally.methods.items())),
        "masks_by_author": dict(sorted(tally.authors.items())),
        "masks_by_review_status": dict(sorted(tally.statuses.items())),
        "clips_by_scene": dict(sorted(tally.scenes.items())),
        "segments_by_action": dict(sorted(tally.actions.items())),
        "seconds_by_action": {name: round(each, 3) for name, each in sorted(tally.action_seconds.items())},
        "hours_spent_on_masks": round(tally.spent / 3600, 3),
    }


def _masks(clip: Clip, tally: _Tally, picks: Picks, beat: Callable[[], None]) -> None:
    last = -1
    for mask in clip.source.masks("frame"):
        tally.labels[mask.label].add(mask)
        tally.methods[mask.provenance.method] += 1
        tally.authors[mask.provenance.author] += 1
        tally.statuses[mask.provenance.status] += 1
        tally.spent += mask.provenance.seconds
        if mask.frame != last:
            last = mask.frame
            picks.offer(Pick(clip.folder, mask.frame))
            beat()


def _segments(clip: Clip, tally: _Tally) -> None:
    if not clip.segment_count:
        return
    seconds = clip.source.seconds()
    for segment in clip.source.segments():
        start, end = timebase.span(seconds, segment.start, segment.end)
        tally.actions[segment.action or "(none)"] += 1
        tally.action_seconds[segment.action or "(none)"] += end - start  # type: ignore[assignment]
