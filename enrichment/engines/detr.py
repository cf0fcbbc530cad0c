"""RT-DETRv2 and D-FINE: boxes of the classes that the weights were trained on; used to find people.

Sources: Lv et al., "RT-DETRv2: Improved Baseline with Bag-of-Freebies for Real-Time Detection Transformer", 2024; Peng
et al., "D-FINE: Redefine Regression Task in DETRs as Fine-grained Distribution Refinement", 2024; as transformers has
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForObjectDetection

from enrichment.engines import boxes, torch_models
from enrichment.engines.boxes import Detection
from enrichment.engines.parameters import PersonParameters
from enrichment.engines.torch_models import Picture

PERSON = "person"


class Detr:
    """One checkpoint.

    Raises:
        EngineInputError: the folder holds no safetensors, or weights of another model.
    """

    def __init__(self, folder: Path) -> None:
        self._model = torch_models.load(folder, AutoModelForObjectDetection)
        self._said = torch_models.preprocessing(folder)
        self._mode = torch_models.resampling(self._said, otherwise=2)
        names = self._model.config.id2label
        self.labels = [str(names[number]) for number in sorted(names)]

    def rehearse(self, picture: Picture) -> None:
        """See `Model.rehearse`."""
        self.people([picture], PersonParameters())

    def people(self, pictures: Sequence[Picture], parameters: PersonParameters) -> list[list[Detection]]:
        """The people on each picture, the surest first; none where the weights know no people.

        Raises:
            EngineInputError: they are no pictures of one size.
        """
        found = self.everything(pictures, float(parameters.person_confidence))
        return [
            boxes.thinned([each for each in one if each.label == PERSON], float(parameters.person_overlap))
            for one in found
        ]

    @torch.inference_mode()
    def everything(self, pictures: Sequence[Picture], least: float) -> list[list[Detection]]:
        """Everything of the trained classes that is surer than `least`, on pictures (height, width, 3) uint8 RGB."""
        pixels = torch_models.tensor(pictures)
        height, width = pixels.shape[-2:]
        ready = torch_models.resized(pixels, torch_models.height_and_width(self._said, 640), self._mode)
        ready = torch_models.normalised(ready, self._said) if self._said.get("do_normalize", False) else ready / 255.0
        out = self._model(pixel_values=ready)
        return [
            self._read(logits, corners, least, height, width)
            for logits, corners in zip(out.logits.float().cpu(), out.pred_boxes.float().cpu(), strict=True)
        ]

    def _read(self, logits: Any, centred: Any, least: float, height: int, width: int) -> list[Detection]:
        """The surest pairs of box and class; a box may be there for two classes, as the models were trained."""
        scores = torch.sigmoid(logits).flatten()
        best, index = torch.topk(scores, min(len(logits), len(scores)))
        classes = logits.shape[1]
        found = []
        for score, at in zip(best.tolist(), index.tolist(), strict=True):
            bbox = boxes.inside(corners_of(np.asarray(centred[at // classes]), height, width), height, width)
            if score > least and bbox is not None:
                found.append(Detection(self.labels[at % classes].lower(), float(score), bbox))
        return found


def corners_of(centred: Any, height: int, width: int) -> Any:
    """(left, top, right, bottom) in pixels of (middle x, middle y, width, height) as shares of the picture."""
    x, y, across, down = (float(value) for value in centred)
    sides = np.array([x - across / 2, y - down / 2, x + across / 2, y + down / 2])
    return sides * np.array([width, height, width, height])
