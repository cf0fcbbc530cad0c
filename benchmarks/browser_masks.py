"""Packing masks in JavaScript beside pycocotools, both in this run: what a stroke costs before it is sent."""

from __future__ import annotations

import shutil
import struct
import subprocess
import time
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from benchmarks.row import row

WIDTH, HEIGHT = 1280, 720
MASKS, ROUNDS, TURNS = 120, 7, 3
SCRIPT = Path(__file__).with_suffix(".mjs")


def rows() -> list[dict[str, Any]]:
    node = shutil.which("node")
    if node is None:
        return []
    masks = _masks()
    ratios, rates = [], []
    for _ in range(TURNS):
        ours, theirs = _in_node(node, masks), _in_python(masks)
        rates.append(ours)
        ratios.append(ours / theirs)
    name = "masks packed by the browser's code, 1280x720"
    return [row(name, median(rates), "masks/s", against="pycocotools", ratio=median(ratios))]


def _masks() -> list[NDArray[np.uint8]]:
    """Ellipses from a cup to a table; every third has the uneven edge of a segmented one, every twelfth is frayed."""
    rng = np.random.default_rng(1)
    rows_, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    masks = []
    for n in range(MASKS):
        x, y = rng.random(2) * (WIDTH, HEIGHT)
        w, h = rng.uniform(20, 500, 2)
        noise = rng.normal(0, 0.15, (HEIGHT, WIDTH)).astype(np.float32) if n % 3 == 0 else np.float32(0)
        edge = noise if n % 12 == 0 or n % 3 else cv2.GaussianBlur(noise, (0, 0), 3) * 8
        masks.append((((columns - x) / w) ** 2 + ((rows_ - y) / h) ** 2 + edge < 1).astype(np.uint8))
    return masks


def _in_node(node: str, masks: list[NDArray[np.uint8]]) -> float:
    sent = struct.pack("<III", WIDTH, HEIGHT, len(masks)) + b"".join(mask.tobytes() for mask in masks)
    return float(subprocess.run([node, str(SCRIPT)], input=sent, capture_output=True, check=True).stdout)


def _in_python(masks: list[NDArray[np.uint8]]) -> float:
    # In its own order, so that its time is that of packing alone.
    ordered = [np.asfortranarray(mask) for mask in masks]
    rates = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for mask in ordered:
            coco.encode(mask)
        rates.append(len(masks) / (time.perf_counter() - begin))
    return median(rates)
