"""The browser's run lengths are pycocotools', byte for byte, for thousands of random masks of every shape."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from pycocotools import mask as coco

PIPE = Path(__file__).parent / "rle_pipe.mjs"
NODE = shutil.which("node")
MASKS = 4000

Picture = npt.NDArray[np.uint8]


def random_mask(rng: np.random.Generator) -> Picture:
    """Noise, blobs, bars and frames that touch the edges, on pictures of 1 to 90 px a side."""
    height, width = (int(side) for side in rng.integers(1, 90, 2))
    mask = np.zeros((height, width), np.uint8)
    kind = rng.integers(5)
    if kind == 0:
        return (rng.random((height, width)) < rng.random()).astype(np.uint8)
    for _ in range(rng.integers(0, 4)):
        left, right = sorted(rng.integers(0, width + 1, 2))
        top, bottom = sorted(rng.integers(0, height + 1, 2))
        mask[top:bottom, left:right] = 1
    if kind == 1:
        mask = 1 - mask
    elif kind == 2:
        rows, columns = np.mgrid[:height, :width]
        middle, radius = rng.integers(-5, 95, 2), rng.integers(1, 60)
        mask |= (np.hypot(columns - middle[0], rows - middle[1]) < radius).astype(np.uint8)
    elif kind == 3:
        mask[:, rng.integers(width)] = 1
        mask[rng.integers(height)] ^= 1
    return mask


@pytest.mark.skipif(NODE is None, reason="there is no node on this machine")
def test_javascript_packs_thousands_of_random_masks_as_pycocotools_does() -> None:
    rng = np.random.default_rng(20)
    masks = [random_mask(rng) for _ in range(MASKS)]
    sent = b"".join(struct.pack("<II", m.shape[1], m.shape[0]) + m.tobytes() for m in masks)
    done = subprocess.run([str(NODE), str(PIPE)], input=sent, capture_output=True, check=True)
    answers = json.loads(done.stdout)
    assert len(answers) == MASKS
    for mask, answer in zip(masks, answers, strict=True):
        expected = coco.encode(np.asfortranarray(mask))["counts"].decode()
        assert answer == {"counts": expected, "boxed": expected, "back": True}, mask.shape
