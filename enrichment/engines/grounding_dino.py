"""Grounding DINO: boxes of whatever is named in words.

Source: Liu et al., "Grounding DINO: Marrying DINO with Grounded Pre-Training for Open-Set Object Detection", ECCV 2024,
as transformers has it. A box answers single tokens of the caption; the label that it gets is the one that one of the
tokens belongs to, where the library puts tokens together that may be of several labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForZeroShotObjectDetection, AutoTokenizer

from enrichment.engines import boxes, phrases, torch_models
from enrichment.engines.boxes import Detection
from enrichment.engines.detr import corners_of
from enrichment.engines.parameters import GroundingParameters
from enrichment.engines.torch_models import Picture
from enrichment.errors import EngineInputError


class GroundingDino:
    """One checkpoint with its tokenizer.

    Raises:
        EngineInputError: the folder holds no safetensors, or weights of another model.
    """

    def __init__(self, folder: Path) -> None:
        self._model = torch_models.load(folder, AutoModelForZeroShotObjectDetection)
        self._words = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        self._said = torch_models.preprocessing(folder)
        self._mode = torch_models.resampling(self._said, otherwise=2)
        self._most_tokens = int(self._model.config.max_text_len)

    def rehearse(self, picture: Picture) -> None:
        """See `Model.rehearse`."""
        self.detect([picture], GroundingParameters(("thing",)))

    def work(self, picture: Picture, parameters: GroundingParameters) -> None:
        """See `Working.work`."""
        self.detect([picture], parameters)

    @torch.inference_mode()
    def detect(self, pictures: Sequence[Picture], parameters: GroundingParameters) -> list[list[Detection]]:
        """Boxes of the labels.

        Args:
            pictures: (height, width, 3) uint8 RGB each, of one size.
            parameters: see `GroundingParameters`.

        Returns:
            For each picture its detections, the surest first.

        Raises:
            EngineInputError: a label alone is longer than the model reads.
        """
        pixels = torch_models.tensor(pictures)
        height, width = pixels.shape[-2:]
        ready = torch_models.resized(pixels, self.working_size(height, width), self._mode)
        ready = torch_models.normalised(ready, self._said)
        found: list[list[Detection]] = [[] for _ in pictures]
        for some in self.portions(parameters.labels):
            for here, more in zip(found, self._asked(ready, some, parameters, (height, width)), strict=True):
                here += more
        return [boxes.thinned(each, float(parameters.box_overlap)) for each in found]

    def working_size(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) at which the model looks: the shorter side as trained, unless the longer gets too long."""
        said = self._said.get("size") or {"shortest_edge": 800, "longest_edge": 1333}
        if "height" in said:
            return int(said["height"]), int(said["width"])
        side, most = float(said["shortest_edge"]), float(said.get("longest_edge") or 1e9)
        short, long = min(height, width), max(height, width)
        if long / short * side > most:
            side = most * short / long
        return (
            (round(side), int(side * width / height)) if height <= width else (int(side * height / width), round(side))
        )

    def portions(self, labels: Sequence[str]) -> list[list[str]]:
        """Labels in groups whose captions the model can read as a whole."""
        groups: list[list[str]] = []
        for label in labels:
            longer = [*groups[-1], label] if groups else [label]
            if groups and self._length(longer) <= self._most_tokens:
                groups[-1] = longer
            elif self._length([label]) <= self._most_tokens:
                groups.append([label])
            else:
                raise EngineInputError(f"The label {label!r} is longer than Grounding DINO reads; shorten its key.")
        return groups

    def _length(self, labels: Sequence[str]) -> int:
        return len(self._words(phrases.spans(labels)[0])["input_ids"])

    def _asked(
        self, ready: torch.Tensor, labels: Sequence[str], parameters: GroundingParameters, size: tuple[int, int]
    ) -> list[list[Detection]]:
        text, where = phrases.spans(labels)
        words = self._words(
            [text] * len(ready), return_tensors="pt", return_token_type_ids=True, return_offsets_mapping=True
        )
        offsets = words.pop("offset_mapping")[0].tolist()
        # Which tokens are of which label; the first and last stand for no letters at all.
        own = [
            [at for at, (start, end) in enumerate(offsets) if start < end and start >= first and end <= last]
            for first, last in where
        ]
        out = self._model(pixel_values=ready, **words.to(ready.device))
        chances = torch.sigmoid(out.logits.float()).cpu().numpy()
        centred = out.pred_boxes.float().cpu().numpy()
        return [
            self._read(one, places, own, labels, parameters, size) for one, places in zip(chances, centred, strict=True)
        ]

    def _read(
        self,
        chances: Any,
        centred: Any,
        own: Sequence[Sequence[int]],
        labels: Sequence[str],
        parameters: GroundingParameters,
        size: tuple[int, int],
    ) -> list[Detection]:
        of_label = np.stack([chances[:, tokens].max(axis=1, initial=0.0) for tokens in own], axis=1)
        found = []
        for row, place in zip(of_label, centred, strict=True):
            best = int(row.argmax())
            bbox = boxes.inside(corners_of(place, *size), *size)
            if row[best] > float(parameters.box_confidence) and bbox is not None:
                found.append(Detection(labels[best], float(row[best]), bbox))
        return found
