"""SAM 2 on single pictures, as prompts meet it: the picture encoder once, then only the small mask decoder."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from transformers import Sam2Model

from enrichment.engines import sam2
from enrichment.errors import EngineInputError
from enrichment.prompting.prompter import Candidate, Mask, Picture, Previous, Prompt

# As logits, how sure a mask from elsewhere is; SAM's own lie mostly within ±20.
_SURE: Final = 10.0
# Candidates that agree more than this are one to a person.
_SAME: Final = 0.95


@dataclass(frozen=True)
class Encoded:
    """The encoder's feature maps of a picture of height x width, coarse ones last."""

    features: tuple[torch.Tensor, ...]
    height: int
    width: int

    @property
    def nbytes(self) -> int:
        """Memory that it holds, in bytes."""
        return sum(each.element_size() * each.nelement() for each in self.features)


class Sam2Prompter:
    """Answers with the decoder's three readings, the likeliest by its own estimate first."""

    def __init__(self, folder: Path) -> None:
        self._model, sha256 = sam2.load(folder, Sam2Model)
        self._version = f"{folder.name} {sha256[:12]}, transformers-{transformers.__version__}"
        self._side = int(self._model.config.prompt_encoder_config.image_size)
        # Torch runs one request on all cores; two at once would only make both late.
        self._turn = threading.Lock()

    @property
    def version(self) -> str:
        """See `Prompter.version`."""
        return self._version

    @torch.inference_mode()
    def embed(self, picture: Picture) -> Encoded:
        """See `Prompter.embed`."""
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise EngineInputError("The picture must be (height, width, 3) uint8 RGB.")
        with self._turn:
            maps = self._model.get_image_embeddings(sam2.pixels(picture, self._side).to(self._model.device))
        return Encoded(tuple(maps), picture.shape[0], picture.shape[1])

    @torch.inference_mode()
    def answer(self, embedding: Encoded, prompt: Prompt) -> list[Candidate]:
        """See `Prompter.answer`."""
        prompt.check(embedding.height, embedding.width)
        asked = self._asked(embedding, prompt)
        # One plain click may mean a part or the whole; a box or a correction means one thing, but may be misread too.
        with self._turn:
            out = self._model(image_embeddings=list(embedding.features), multimask_output=True, **asked)
        logits = out.pred_masks[0, 0].float().cpu().numpy()
        scores = out.iou_scores[0, 0].float().cpu().numpy()
        found: list[Candidate] = []
        for n in np.argsort(-scores, kind="stable"):
            mask = sam2.enlarged(logits[n], embedding.height, embedding.width)
            if not any(_iou(mask, other.mask) > _SAME for other in found):
                found.append(Candidate(mask, float(np.clip(scores[n], 0.0, 1.0)), logits[n]))
        return found

    def _asked(self, embedding: Encoded, prompt: Prompt) -> dict[str, Any]:
        """The prompt in the model's own square, and the mask that it corrects as logits."""
        scale = np.array([self._side / embedding.width, self._side / embedding.height], np.float32)
        device = self._model.device
        asked: dict[str, Any] = {}
        if prompt.points:
            points = np.array([(x, y) for x, y, _ in prompt.points], np.float32) * scale
            labels = np.array([int(belongs) for *_, belongs in prompt.points])
            asked["input_points"] = torch.from_numpy(points)[None, None].to(device)
            asked["input_labels"] = torch.from_numpy(labels)[None, None].to(device)
        if prompt.box is not None:
            x, y, width, height = prompt.box
            corners = np.array([x, y, x + width, y + height], np.float32) * np.tile(scale, 2)
            asked["input_boxes"] = torch.from_numpy(corners)[None, None].to(device)
        if prompt.previous is not None:
            asked["input_masks"] = torch.from_numpy(self._logits(prompt.previous))[None, None].to(device)
        return asked

    def _logits(self, previous: Previous) -> NDArray[np.float32]:
        """The decoder's own of an earlier answer; of a mask from elsewhere, sure ones."""
        if isinstance(previous.state, np.ndarray):
            return np.asarray(previous.state, dtype=np.float32)
        rows, columns = self._model.prompt_encoder.mask_input_size
        small = cv2.resize(previous.mask.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
        return np.asarray((2.0 * small - 1.0) * _SURE, dtype=np.float32)


def _iou(a: Mask, b: Mask) -> float:
    return float((a & b).sum()) / max(1.0, float((a | b).sum()))
