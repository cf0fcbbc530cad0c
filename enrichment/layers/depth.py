"""Depth [E1]: declared, and no engine yet."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from annotation.media.clip_folder import ClipFolder
from enrichment.engines.painting import depth_colours
from enrichment.layer import ClipFacts, LayerWithoutEngine, Output
from enrichment.registry import register


@register
class Depth(LayerWithoutEngine):
    """Metres per pixel."""

    name = "depth"
    title = "Depth"
    outputs = (Output("depth/depth_*.png", "uint16", "millimetres"),)
    no_engine = (
        "No engine: depth from one picture needs a trained model, and no weights are installed. "
        "No classical method gives it honestly."
    )
    has_overlay = True

    def overlay(self, folder: ClipFolder, clip: ClipFacts, frame: int) -> NDArray[np.uint8] | None:
        """Near is warm, far is cold."""
        stored = cv2.imread(str(folder.local(f"depth/depth_{frame:03d}.png")), cv2.IMREAD_UNCHANGED)
        if stored is None or stored.ndim != 2 or stored.dtype != np.uint16:
            raise ValueError(f"The depth of frame {frame} is not a picture of 16-bit millimetres.")
        return depth_colours(np.asarray(stored, dtype=np.uint16))
