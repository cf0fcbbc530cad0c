"""How far two people's masks of the same frames agree, per label.

Source: the matching is CVAT's (quality control): Hungarian by IoU, equal labels first and then any label, pairs from
an IoU of 0.4 on, low overlap below 0.8.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from annotation.geometry import boundary, iou, rle
from annotation.geometry.rle import Rle

MATCH_AT = 0.4
LOW_OVERLAP = 0.8


@dataclass(frozen=True)
class LabelledMask:
    """One thing that one person drew on a frame; `number` is what people call its track."""

    label: str
    number: int
    rle: Rle


@dataclass(frozen=True)
class PairedMask:
    """Two masks taken to be of one thing. `boundary_px` is None where one of the two has no outline."""

    label_a: str
    label_b: str
    number_a: int
    number_b: int
    iou: float
    boundary_px: float | None

    @property
    def confused(self) -> bool:
        return self.label_a != self.label_b

    @property
    def low(self) -> bool:
        return not self.confused and self.iou < LOW_OVERLAP


@dataclass(frozen=True)
class FrameAgreement:
    """One frame: what was paired, and what only one of the two drew."""

    frame: int
    pairs: tuple[PairedMask, ...]
    only_a: tuple[LabelledMask, ...]
    only_b: tuple[LabelledMask, ...]

    @property
    def iou(self) -> float | None:
        """Mean over all things that either drew; None on a frame that both left empty."""
        things = len(self.pairs) + len(self.only_a) + len(self.only_b)
        return sum(pair.iou for pair in self.pairs if not pair.confused) / things if things else None


@dataclass(frozen=True)
class LabelScore:
    """One label over all frames.

    masks: things that either person drew with the label. matched: of these, those that both drew with it; low: of the
    matched, those with an IoU below 0.8. confused: those that the other person gave another label. iou: mean over
    masks, 0 for what is not matched. boundary_px: mean distance of the outlines over the matched, pixels.
    """

    label: str
    masks: int
    matched: int
    low: int
    confused: int
    iou: float
    boundary_px: float | None


def compare_frame(frame: int, a: Sequence[LabelledMask], b: Sequence[LabelledMask]) -> FrameAgreement:
    """Pair what two people drew on one frame.

    Args:
        frame: its number, only carried along.
        a: one person's masks.
        b: the other's, of the same picture size.

    Returns:
        The pairs, best first, and what found no partner.

    Raises:
        ValueError: masks of different picture sizes.
    """
    matrix = iou.iou_matrix([mask.rle for mask in a], [mask.rle for mask in b])
    labels_a, labels_b = [mask.label for mask in a], [mask.label for mask in b]
    found = iou.match(matrix, at_least=MATCH_AT, labels_a=labels_a, labels_b=labels_b)
    return FrameAgreement(
        frame=frame,
        pairs=tuple(_paired(a[i], b[j], overlap) for i, j, overlap in found.pairs),
        only_a=tuple(a[i] for i in found.only_a),
        only_b=tuple(b[j] for j in found.only_b),
    )


def per_label(frames: Iterable[FrameAgreement]) -> list[LabelScore]:
    """Sum frames up by label, in the order of the labels' names.

    A thing that both drew but named differently counts once for each of the two labels, with an IoU of 0.
    """
    ious: dict[str, list[float]] = defaultdict(list)
    boundaries: dict[str, list[float]] = defaultdict(list)
    low: dict[str, int] = defaultdict(int)
    matched: dict[str, int] = defaultdict(int)
    confused: dict[str, int] = defaultdict(int)
    for frame in frames:
        for pair in frame.pairs:
            if pair.confused:
                for label in (pair.label_a, pair.label_b):
                    ious[label].append(0.0)
                    confused[label] += 1
                continue
            ious[pair.label_a].append(pair.iou)
            matched[pair.label_a] += 1
            low[pair.label_a] += pair.low
            if pair.boundary_px is not None:
                boundaries[pair.label_a].append(pair.boundary_px)
        for mask in (*frame.only_a, *frame.only_b):
            ious[mask.label].append(0.0)
    return [
        LabelScore(
            label=label,
            masks=len(ious[label]),
            matched=matched[label],
            low=low[label],
            confused=confused[label],
            iou=sum(ious[label]) / len(ious[label]),
            boundary_px=mean(boundaries[label]),
        )
        for label in sorted(ious)
    ]


def mean(values: Sequence[float]) -> float | None:
    """The mean, None of nothing."""
    return sum(values) / len(values) if values else None


def _paired(a: LabelledMask, b: LabelledMask, overlap: float) -> PairedMask:
    error = boundary.boundary_error(rle.decode(a.rle), rle.decode(b.rle)).mean
    return PairedMask(
        label_a=a.label,
        label_b=b.label,
        number_a=a.number,
        number_b=b.number,
        iou=overlap,
        boundary_px=error if math.isfinite(error) else None,
    )
