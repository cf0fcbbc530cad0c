"""SAM 2 on whole pictures without prompts: a grid of points, each asked for its masks, and the good ones kept.

Source: the automatic mask generator of Kirillov et al., "Segment Anything", ICCV 2023, with the SAM 2 weights: masks
whose own estimate is high and whose border stays where it is when the logits are cut a little higher or lower; of masks
that overlap much, the surest. Duplicates are told by their masks, where the original compares boxes. The masks have no
names.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import Sam2Model

from enrichment.engines import instances, sam2, torch_models
from enrichment.engines.instances import Instance
from enrichment.engines.parameters import AutomaticParameters
from enrichment.engines.torch_models import Picture

_OFFSET: Final = 1.0
_POINTS_AT_ONCE: Final = 64


class Sam2Automatic:
    """One checkpoint.

    Raises:
        EngineInputError: the folder holds no safetensors, or weights of another model.
    """

    def __init__(self, folder: Path) -> None:
        self._model = torch_models.load(folder, Sam2Model)
        self._side = int(self._model.config.prompt_encoder_config.image_size)

    def rehearse(self, picture: Picture) -> None:
        """See `Model.rehearse`."""
        self.segment([picture], AutomaticParameters(points_per_side=2))

    def work(self, picture: Picture, parameters: AutomaticParameters) -> None:
        """See `Working.work`."""
        self.segment([picture], parameters)

    def segment(self, pictures: Sequence[Picture], parameters: AutomaticParameters) -> list[list[Instance]]:
        """Everything on each picture (height, width, 3) uint8 RGB, the surest first, without names."""
        return [self._on(picture, parameters) for picture in pictures]

    @torch.inference_mode()
    def _on(self, picture: Picture, parameters: AutomaticParameters) -> list[Instance]:
        height, width = picture.shape[:2]
        pixels = sam2.pixels(picture, self._side).to(self._model.device)
        seen = self._model.get_image_embeddings(pixels)
        points = grid(parameters.points_per_side) * self._side
        logits: list[NDArray[np.float32]] = []
        scores: list[float] = []
        for first in range(0, len(points), _POINTS_AT_ONCE):
            for mask, score in self._asked(seen, points[first : first + _POINTS_AT_ONCE], parameters):
                logits.append(mask)
                scores.append(score)
        kept = instances.thinned([mask > 0 for mask in logits], scores, float(parameters.mask_overlap))
        found = [Instance("", scores[at], sam2.enlarged(logits[at], height, width)) for at in kept]
        return [each for each in found if each.mask.sum() >= parameters.least_share * height * width]

    def _asked(
        self, seen: Any, points: NDArray[np.float32], parameters: AutomaticParameters
    ) -> list[tuple[NDArray[np.float32], float]]:
        """Low-resolution logits and estimated quality of the masks that are good enough."""
        at = torch.from_numpy(points)[None, :, None].to(self._model.device)
        out = self._model(
            image_embeddings=seen,
            input_points=at,
            input_labels=torch.ones(at.shape[:3], dtype=torch.long, device=at.device),
            multimask_output=True,
        )
        masks = out.pred_masks[0].flatten(0, 1).float()
        scores = out.iou_scores[0].flatten().float()
        inner = (masks > _OFFSET).flatten(1).sum(dim=1)
        outer = (masks > -_OFFSET).flatten(1).sum(dim=1)
        good = (scores > parameters.mask_confidence) & (inner > 0) & (inner >= parameters.stability * outer)
        return [
            (mask, float(np.clip(score, 0.0, 1.0)))
            for mask, score in zip(masks[good].cpu().numpy(), scores[good].cpu().tolist(), strict=True)
        ]


def grid(side: int) -> NDArray[np.float32]:
    """(side * side, 2) float32: the middles of even cells, x and y as shares of the picture, row by row."""
    middles = (np.arange(side, dtype=np.float32) + 0.5) / side
    xs, ys = np.meshgrid(middles, middles)
    return np.stack([xs.ravel(), ys.ravel()], axis=1)
