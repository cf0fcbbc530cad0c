"""Detections [E9]: declared, and no engine yet."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from annotation.media.clip_folder import ClipFolder
from enrichment.engines import painting
from enrichment.layer import ClipFacts, LayerWithoutEngine, Output
from enrichment.registry import register

FILE = "detections/detections.json"


@register
class Detections(LayerWithoutEngine):
    """Boxes of the project's labels per keyframe."""

    name = "detections"
    title = "Detections"
    inputs = ("keyframes",)
    outputs = (Output(FILE, "JSON", "pixels (x, y, width, height), confidence 0-1"),)
    no_engine = (
        "No engine: finding objects by their name needs a trained detector, and no weights are installed. "
        "The segmentation layer proposes objects without names."
    )
    has_overlay = True

    def overlay(self, folder: ClipFolder, clip: ClipFacts, frame: int) -> NDArray[np.uint8] | None:
        """Boxes with label and confidence; None on frames that were not looked at."""
        content = json.loads(folder.local(FILE).read_bytes())
        try:
            found = content["frames"].get(str(frame))
            if found is None:
                return None
            told = [(one["bbox"], f"{one['label']} {one['confidence']:.2f}") for one in found]
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{FILE} does not hold boxes by frame ({error}).") from error
        return painting.boxes((clip.height, clip.width), told)
