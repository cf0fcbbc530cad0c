"""A tiny random checkpoint for every layer that a model can compute, and the choices and settings that go with them.

`python -m tests.enrichment.engines.every_engine FOLDER` writes them, for `manage.py enrich` on a real clip by hand.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import torch

from tests.enrichment.engines import (
    depth_checkpoints,
    internvideo2_checkpoints,
    raft_checkpoints,
    vector_checkpoints,
    vision_checkpoints,
)

CHOICES: Final = {
    "actions": "internvideo2:internvideo2-tiny",
    "captions": "florence2:florence-tiny",
    "depth": "depth_anything:depth-metric-tiny",
    "detections": "grounding_dino:grounding-tiny",
    "embeddings": "clip:clip-tiny,dinov2:dinov2-tiny",
    "flow": "raft:raft-tiny",
    "people": "detr:rtdetr-tiny",
    "pose": "vitpose:vitpose-whole-tiny",
    "segmentation": "sam3:sam3-tiny",
}
# Random weights are sure of little; what a layer asks for by default would be nothing.
SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "actions": {"stride": 4},
    "captions": {"most_tokens": 12},
    "detections": {"box_confidence": 0.2},
    "flow": {"iterations": 1},
    "people": {"person_confidence": 0.2, "person_overlap": 0.2},
    "pose_3d": {"cameras": {"*": [900.0, 900.0, 640.0, 360.0]}, "least_confidence": 0.0},
    "segmentation": {"mask_confidence": 0.15, "look_every": 2, "least_frames": 1, "least_confidence": 0.0},
}


def save(root: Path) -> Path:
    """Write the checkpoints."""
    vision_checkpoints.save_detector(root / "rtdetr-tiny")
    vision_checkpoints.save_pose(root / "vitpose-whole-tiny", keypoints=133, experts=6, seed=2)
    vision_checkpoints.save_grounding(root / "grounding-tiny")
    vision_checkpoints.save_florence(root / "florence-tiny")
    vision_checkpoints.save_concepts(root / "sam3-tiny")
    depth_checkpoints.save(root / "depth-metric-tiny", metric=True)
    vector_checkpoints.save_clip(root / "clip-tiny")
    vector_checkpoints.save_dinov2(root / "dinov2-tiny")
    raft_checkpoints.save(root / "raft-tiny")
    torch.manual_seed(0)
    internvideo2_checkpoints.save(
        root / "internvideo2-tiny", texts={"pour": torch.randn(8), "place/release": torch.randn(8)}
    )
    return root


if __name__ == "__main__":
    save(Path(sys.argv[1]))
