"""Pose [E2]: declared, and no engine yet."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from annotation.media.clip_folder import ClipFolder
from enrichment.engines import painting
from enrichment.layer import ClipFacts, LayerWithoutEngine, Output
from enrichment.registry import register

FILE = "pose/keypoints.json"


@register
class Pose(LayerWithoutEngine):
    """Keypoints of bodies and hands."""

    name = "pose"
    title = "Pose"
    outputs = (Output(FILE, "COCO keypoints", "pixels, confidence 0-1"),)
    no_engine = (
        "No engine: keypoints of hands and bodies need a trained model, and no weights are installed. "
        "What classical detectors find is not credible."
    )
    has_overlay = True

    def overlay(self, folder: ClipFolder, clip: ClipFacts, frame: int) -> NDArray[np.uint8] | None:
        """Joints and bones of everybody on the frame; `image_id` is the frame, joints of a skeleton count from 1."""
        content = json.loads(folder.local(FILE).read_bytes())
        try:
            people = [
                np.array(one["keypoints"], dtype=np.float64).reshape(-1, 3)
                for one in content["annotations"]
                if one["image_id"] == frame
            ]
            bones = [(int(a) - 1, int(b) - 1) for a, b in content["categories"][0].get("skeleton", ())]
        except (KeyError, IndexError, TypeError) as error:
            raise ValueError(f"{FILE} does not hold COCO keypoints ({error}).") from error
        return painting.keypoints((clip.height, clip.width), people, bones)
