"""Features of boxes, read between the cells of a feature map; without torchvision, whose wheels link CUDA.

Source: He et al., "Mask R-CNN", ICCV 2017, "RoIAlign", with as many samples a bin as it has cells, as torchvision does
it where nothing else is asked for. What a sample weighs along rows does not depend on its column, so a box is two small
matrices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch


def roi_align(features: torch.Tensor, boxes: Sequence[torch.Tensor], size: int) -> torch.Tensor:
    """The features of boxes, all of one size.

    Args:
        features: (n, channels, height, width).
        boxes: for each of the n (k, 4), left, top, right, bottom in cells; a side below one cell counts as one.
        size: bins a side.

    Returns:
        (all boxes, channels, size, size), those of the first map first.
    """
    found = []
    for one, here in zip(features, boxes, strict=True):
        for left, top, right, bottom in here.tolist():
            rows = _weights(top, bottom, size, one.shape[-2]).to(one)
            columns = _weights(left, right, size, one.shape[-1]).to(one)
            found.append(rows @ one @ columns.T)
    return torch.stack(found) if found else features.new_zeros((0, features.shape[1], size, size))


def _weights(start: float, end: float, size: int, length: int) -> torch.Tensor:
    """(size, length) float32: what each cell weighs in each bin between two places on an axis."""
    bin_length = max(end - start, 1.0) / size
    count = math.ceil(bin_length)
    within = (torch.arange(count) + 0.5) / count
    at = start + (torch.arange(size)[:, None] + within) * bin_length
    there = ((at >= -1.0) & (at <= length)).float() / count
    at = at.clamp(0, length - 1)
    low = at.floor().long()
    share = at - low
    weights = torch.zeros(size, length)
    weights.scatter_add_(1, low, (1.0 - share) * there)
    weights.scatter_add_(1, (low + 1).clamp(max=length - 1), share * there)
    return weights
