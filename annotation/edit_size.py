"""How much a mask was changed against the proposal it began from, and what counts as a major edit. [A7, R3]"""

from __future__ import annotations

import math
from typing import Final

from django.db.models import Q

from annotation.geometry import iou, rle
from annotation.geometry.boundary import boundary_error
from annotation.geometry.rle import Rle

# A mask that keeps less than this of its proposal was mostly drawn anew …
MAJOR_BELOW: Final = 0.75
# … unless its outline hardly moved: of a cable two pixels wide, one pixel is half.
HARDLY: Final = 2.0  # px, mean distance of the outlines


def measure(mask: Rle, proposed: Rle) -> tuple[float, float | None]:
    """IoU with the proposal, and the mean distance of the outlines in pixels, None where one has no outline.

    Args:
        mask, proposed: of one picture size.
    """
    same = float(iou.iou_matrix([mask], [proposed])[0, 0])
    if same == 1.0:
        return 1.0, 0.0
    box = _around(rle.bbox(mask), rle.bbox(proposed), mask["size"])
    distance = boundary_error(rle.decode_box(mask, box), rle.decode_box(proposed, box)).mean
    return same, distance if math.isfinite(distance) else None


def is_major(edit_iou: float | None, edit_boundary: float | None) -> bool:
    """Whether an edit was major; a mask that began from nothing was not edited."""
    if edit_iou is None:
        return False
    return edit_iou < MAJOR_BELOW and (edit_boundary is None or edit_boundary > HARDLY)


def major(prefix: str = "") -> Q:
    """The same rule for the database; `prefix` leads to a mask revision, such as "head__"."""
    moved = Q(**{f"{prefix}edit_boundary__isnull": True}) | Q(**{f"{prefix}edit_boundary__gt": HARDLY})
    return Q(**{f"{prefix}edit_iou__lt": MAJOR_BELOW}) & moved


def _around(a: tuple[int, int, int, int], b: tuple[int, int, int, int], size: list[int]) -> tuple[int, int, int, int]:
    """(x, y, width, height) of both boxes and a pixel round them, within the picture: outlines need what is outside."""
    height, width = size
    left, top = max(0, min(a[0], b[0]) - 1), max(0, min(a[1], b[1]) - 1)
    right = min(width, max(a[0] + a[2], b[0] + b[2]) + 1)
    bottom = min(height, max(a[1] + a[3], b[1] + b[3]) + 1)
    return left, top, right - left, bottom - top
