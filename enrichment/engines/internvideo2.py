"""InternVideo2 as the actions layer asks for it: windows of pictures in, a vector each out, classes by text vectors.

A folder of weights is what the makers' checkpoint holds as safetensors, under their names (with or without
`vision_encoder.` before them), and a config.json with `model_type` internvideo2 and the fields of `Shape`. Where the
second stage's text encoder is among the weights (internvideo2_text.py), the action classes and the phases of the
taxonomy are encoded by it. A file `text_features.safetensors` beside them has the last word on what it holds: one
vector each, by action class ("pour"), by action class and phase ("place/release") or by phase ("/release"). Without
either, stretches are found but not named.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from enrichment.engines import checkpoints, internvideo2_text, torch_models
from enrichment.engines.internvideo2_network import Shape, VideoEncoder
from enrichment.engines.torch_models import Picture
from enrichment.errors import EngineInputError

TEXT_FILE: Final = "text_features.safetensors"
_PREFIX: Final = "vision_encoder."
# Only for training: heads that learn from a teacher, and what else is in the makers' files.
_UNUSED: Final = (
    "clip_decoder.", "final_clip_decoder.", "clip_pos_embed", "clip_img_pos_embed", "img_pos_embed", "text_encoder.",
    "text_proj.", "itm_head.", "temp",
)  # fmt: skip


class InternVideo2:
    """One checkpoint. window: frames that one vector is about. dimensions: of a vector."""

    window = 16

    def __init__(self, folder: Path) -> None:
        checkpoints.require_safetensors(folder)
        self._shape = Shape.of(json.loads((folder / "config.json").read_text()))
        self._network = VideoEncoder(self._shape)
        tensors = load_file(folder / checkpoints.WEIGHTS)
        known = {
            name.removeprefix(_PREFIX): tensor
            for name, tensor in tensors.items()
            if not name.removeprefix(_PREFIX).startswith(_UNUSED)
        }
        try:
            self._network.load_state_dict(known)
        except RuntimeError as error:
            raise EngineInputError(f"The weights in {folder} are not InternVideo2 of that config: {error}") from error
        self._network.to(torch_models.device()).eval()
        self.dimensions = self._shape.proj_dim or self._shape.clip_embed_dim
        self.classes: Mapping[str, NDArray[np.float32]] = self._texts(folder / TEXT_FILE)
        self._reader = None
        if internvideo2_text.is_there(folder, tensors):
            self._reader = internvideo2_text.TextEncoder(folder, tensors)
            if self._reader.dimensions != self.dimensions:
                raise EngineInputError(
                    f"The text encoder in {folder} gives {self._reader.dimensions} numbers, its video encoder "
                    f"{self.dimensions}; they are not of one model."
                )

    def rehearse(self, picture: Picture) -> None:
        """See `Model.rehearse`."""
        self.describe([[picture] * self.window], None)

    @torch.inference_mode()
    def describe(self, windows: Sequence[Sequence[Picture]], parameters: Any) -> list[NDArray[np.float32]]:
        """What happens in each window of pictures.

        Args:
            windows: `window` pictures (height, width, 3) uint8 RGB of one size each; as many as the model was trained
                for are taken from them, evenly.
            parameters: none are used.

        Returns:
            For each window (dimensions,) float32 of length 1.

        Raises:
            EngineInputError: a window has too few pictures, or they are no such pictures.
        """
        count, side = self._shape.num_frames, self._shape.image_size
        if any(len(each) < count for each in windows):
            raise EngineInputError(f"InternVideo2 needs windows of {count} pictures or more.")
        found: list[NDArray[np.float32]] = []
        for each in windows:
            # The middles of as many equal parts, as the makers sample for evaluation.
            places = ((np.arange(count) + 0.5) * len(each) / count).astype(int)
            pixels = torch_models.tensor([each[at] for at in places])
            # Squeezed to a square and not cut: hands work at the edges of the picture, too.
            ready = torch_models.normalised(torch_models.resized(pixels, (side, side), "bicubic"), {})
            vectors = self._network(ready.transpose(0, 1)[None])
            found += torch_models.unit(vectors)
        return found

    def classes_of(self, parameters: Any) -> Mapping[str, NDArray[np.float32]]:
        """See `ActionEngine.classes_of`: what the file beside the weights says, else the taxonomy's names, encoded."""
        if self._reader is None or parameters is None:
            return self.classes
        found = dict(self.classes)
        if all(name.startswith("/") for name in self.classes):
            found |= self._reader.vectors(parameters.classes, internvideo2_text.PROMPTS)
        if not any("/" in name for name in self.classes):
            phases = self._reader.vectors(parameters.phases, internvideo2_text.PHASE_PROMPTS)
            found |= {f"/{key}": vector for key, vector in phases.items()}
        return found

    def _texts(self, path: Path) -> dict[str, NDArray[np.float32]]:
        if not path.is_file():
            return {}
        found = {name: np.asarray(vector.float().numpy()).ravel() for name, vector in load_file(path).items()}
        for name, vector in found.items():
            if vector.shape != (self.dimensions,) or not np.linalg.norm(vector) > 0:
                raise EngineInputError(f"{path} has {vector.size} numbers for {name!r}; {self.dimensions} are needed.")
        return {name: vector / np.linalg.norm(vector) for name, vector in found.items()}
