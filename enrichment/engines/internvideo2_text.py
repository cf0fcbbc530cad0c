"""The text side of InternVideo2's second stage: the lower layers of a BERT, and a projection.

Source: Wang et al., "InternVideo2: Scaling Foundation Models for Multimodal Video Understanding", ECCV 2024, and its
makers' configuration: a BERT-large whose first 19 layers read the text alone and whose last 5, with cross attention,
fuse it with the video; what is compared with a video is the first token after layer 19, projected. The layers are
those of `transformers`' BertModel, and the parameter names are its makers' (`text_encoder.` with or without `bert.`,
`text_proj.`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from transformers import AutoTokenizer, BertConfig, BertModel, BertTokenizer

from enrichment.engines import torch_models
from enrichment.errors import EngineInputError

CONFIG_FILE: Final = "text_config.json"
_FUSION_LAYER: Final = 19  # of BERT-large, in its makers' config
_LONGEST: Final = 40  # tokens, as it was trained
# Contexts of a class's name, whose vectors are averaged: Radford et al. 2021, "prompt ensembling".
PROMPTS: Final = ("{}", "a video of someone doing this: {}", "a hand or a robot's gripper performs the action {}")
PHASE_PROMPTS: Final = ("{}", "the phase of an action that is called {}", "a hand or a robot's gripper in the phase {}")


class TextEncoder:
    """Sentences to vectors that lie where the vectors of videos lie.

    Args:
        folder: with `text_config.json` (BERT's configuration and `fusion_layer`) and the tokenizer's files.
        tensors: the checkpoint's, by its makers' names.

    Raises:
        EngineInputError: the weights are not of that configuration, or there is no tokenizer.
    """

    def __init__(self, folder: Path, tensors: Mapping[str, torch.Tensor]) -> None:
        said = json.loads((folder / CONFIG_FILE).read_text())
        layers = int(said.pop("fusion_layer", _FUSION_LAYER))
        config = BertConfig(**said | {"num_hidden_layers": layers})
        self._bert = BertModel(config, add_pooling_layer=False)
        weight = tensors["text_proj.weight"]
        self._project = nn.Linear(weight.shape[1], weight.shape[0])
        try:
            self._bert.load_state_dict(_own(tensors, layers))
            self._project.load_state_dict({kind: tensors[f"text_proj.{kind}"] for kind in ("weight", "bias")})
            self._words = _tokenizer(folder)
        except (RuntimeError, KeyError, OSError, ValueError) as error:
            raise EngineInputError(f"The text encoder in {folder} cannot be loaded: {error}") from error
        parts: tuple[nn.Module, ...] = (self._bert, self._project)
        for part in parts:
            part.to(torch_models.device()).eval()

    @property
    def dimensions(self) -> int:
        """Numbers of a vector."""
        return int(self._project.out_features)

    @torch.inference_mode()
    def encode(self, sentences: Sequence[str]) -> list[NDArray[np.float32]]:
        """For each sentence (dimensions,) float32 of length 1."""
        asked = self._words(list(sentences), return_tensors="pt", padding=True, truncation=True, max_length=_LONGEST)
        asked = asked.to(torch_models.device())
        seen = self._bert(input_ids=asked["input_ids"], attention_mask=asked["attention_mask"]).last_hidden_state
        return torch_models.unit(self._project(seen[:, 0]))

    def vectors(self, keys: Sequence[str], prompts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """For each key of a taxonomy, such as "pick_and_place", (dimensions,) float32 of length 1.

        Args:
            keys: of action classes or of phases.
            prompts: contexts with {} where the key's words go.
        """
        found = {}
        for key in keys:
            words = key.replace("_", " ").replace("-", " ")
            middle = np.mean(self.encode([prompt.format(words) for prompt in prompts]), axis=0)
            found[key] = np.asarray(middle / np.linalg.norm(middle), dtype=np.float32)
        return found


def _tokenizer(folder: Path) -> Any:
    """BERT's, from its own files; where a vocabulary is all there is, what cuts words by it."""
    if (folder / "tokenizer.json").is_file():
        return AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    return BertTokenizer(str(folder / "vocab.txt"))


def is_there(folder: Path, tensors: Mapping[str, torch.Tensor]) -> bool:
    """Whether a folder of weights has a text side; without its vocabulary it has none."""
    words = any((folder / name).is_file() for name in ("vocab.txt", "tokenizer.json"))
    return words and (folder / CONFIG_FILE).is_file() and "text_proj.weight" in tensors


def _own(tensors: Mapping[str, torch.Tensor], layers: int) -> dict[str, torch.Tensor]:
    """The tensors of the layers that read text alone, as BertModel names them."""
    named = {
        name.removeprefix("text_encoder.").removeprefix("bert."): tensor
        for name, tensor in tensors.items()
        if name.startswith("text_encoder.")
    }
    wanted = ("embeddings.", *(f"encoder.layer.{n}." for n in range(layers)))
    return {
        name: tensor
        for name, tensor in named.items()
        if name.startswith(wanted) and not name.endswith("embeddings.position_ids")
    }
