"""Florence-2: captions of pictures, and boxes of phrases.

Source: Xiao et al., "Florence-2: Advancing a Unified Representation for a Variety of Vision Tasks", CVPR 2024, as
transformers has it. Tasks are sentences, boxes are answered as location tokens, thousandths of the picture. The model
gives no confidence; a box's is the geometric mean of how likely its four location tokens were.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from transformers import AutoTokenizer, Florence2ForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutput

from enrichment.engines import boxes, phrases, torch_models
from enrichment.engines.boxes import Detection
from enrichment.engines.captioning import Caption
from enrichment.engines.parameters import DETAILS, CaptionParameters, PhraseParameters
from enrichment.engines.torch_models import Picture
from enrichment.errors import EngineInputError

_GROUND: Final = "Locate the phrases in the caption: {}"
_BINS: Final = 1000
_BEAMS: Final = 3
_SIDE: Final = 768


class Florence2:
    """One checkpoint with its tokenizer.

    Raises:
        EngineInputError: the folder holds no safetensors, weights of another model, or a tokenizer without locations.
    """

    def __init__(self, folder: Path) -> None:
        self._model = torch_models.load(folder, Florence2ForConditionalGeneration)
        self._words = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        self._said = torch_models.preprocessing(folder, square=True)
        self._mode = torch_models.resampling(self._said, otherwise=3)
        numbers: Any = self._words.convert_tokens_to_ids([f"<loc_{number}>" for number in range(_BINS)])
        if any(number is None or number == self._words.unk_token_id for number in numbers):
            raise EngineInputError(f"The tokenizer in {folder} has no location tokens; it is not Florence-2's.")
        self._bin_of = {number: at for at, number in enumerate(numbers)}

    def rehearse(self, picture: Picture) -> None:
        """See `Model.rehearse`."""
        self.caption([picture], CaptionParameters("brief", most_tokens=8))

    def work(self, picture: Picture, parameters: CaptionParameters | PhraseParameters) -> None:
        """See `Working.work`; it serves two layers."""
        if isinstance(parameters, PhraseParameters):
            self.detect([picture], parameters)
        else:
            self.caption([picture], parameters)

    def caption(self, pictures: Sequence[Picture], parameters: CaptionParameters) -> list[Caption]:
        """What is on each picture (height, width, 3) uint8 RGB, in English."""
        answers = self._answers(
            self._seen(pictures), [DETAILS[parameters.detail]] * len(pictures), parameters.most_tokens
        )
        return [
            Caption(" ".join(str(self._words.decode(answer, skip_special_tokens=True)).split()))
            for answer, _ in answers
        ]

    def detect(self, pictures: Sequence[Picture], parameters: PhraseParameters) -> list[list[Detection]]:
        """Boxes of the labels, each asked for by itself.

        Args:
            pictures: (height, width, 3) uint8 RGB each, of one size.
            parameters: see `PhraseParameters`.

        Returns:
            For each picture its detections, the surest first.
        """
        seen = self._seen(pictures)
        found: list[list[Detection]] = [[] for _ in pictures]
        for label in parameters.labels:
            asked = [_GROUND.format(phrases.phrase(label))] * len(pictures)
            answers = self._answers(seen, asked, parameters.most_tokens)
            for here, picture, (answer, chances) in zip(found, pictures, answers, strict=True):
                here += self._boxes(label, answer, chances, picture.shape[:2])
        least = float(parameters.box_confidence)
        return [
            boxes.thinned([each for each in one if each.confidence > least], float(parameters.box_overlap))
            for one in found
        ]

    @torch.inference_mode()
    def _seen(self, pictures: Sequence[Picture]) -> torch.Tensor:
        """What the picture encoder makes of them: (n, tokens, hidden); the same for every question."""
        pixels = torch_models.tensor(pictures)
        size = torch_models.height_and_width(self._said, _SIDE)
        ready = torch_models.normalised(torch_models.resized(pixels, size, self._mode), self._said)
        return self._model.get_image_features(ready).pooler_output

    @torch.inference_mode()
    def _answers(self, seen: torch.Tensor, questions: Sequence[str], most: int) -> list[tuple[list[int], list[float]]]:
        """The tokens of each answer, and how likely the model held each of them, 0-1."""
        asked = self._words(list(questions), return_tensors="pt", padding=True, padding_side="right").to(seen.device)
        inside = torch.cat([seen, self._model.get_input_embeddings()(asked["input_ids"])], dim=1)
        attended = torch.cat(
            [torch.ones(seen.shape[:2], dtype=torch.long, device=seen.device), asked["attention_mask"]], 1
        )
        encoded = self._model.get_encoder()(inputs_embeds=inside, attention_mask=attended)
        given = {"encoder_outputs": BaseModelOutput(encoded.last_hidden_state), "attention_mask": attended}
        made = self._model.generate(**given, max_new_tokens=min(most, self._longest), num_beams=_BEAMS, do_sample=False)
        given = {"encoder_outputs": BaseModelOutput(encoded.last_hidden_state), "attention_mask": attended}
        logits = self._model(**given, decoder_input_ids=made[:, :-1]).logits.float()
        chances = torch.log_softmax(logits, dim=-1).gather(2, made[:, 1:, None])[..., 0].exp()
        return [
            self._until_end(tokens, likely)
            for tokens, likely in zip(made[:, 1:].tolist(), chances.cpu().tolist(), strict=True)
        ]

    @property
    def _longest(self) -> int:
        return int(self._model.config.text_config.max_position_embeddings) - 2

    def _until_end(self, tokens: list[int], chances: list[float]) -> tuple[list[int], list[float]]:
        """Without the padding that a shorter answer gets beside a longer one."""
        end = self._words.eos_token_id
        length = tokens.index(end) if end in tokens else len(tokens)
        return tokens[:length], chances[:length]

    def _boxes(self, label: str, tokens: Sequence[int], chances: Sequence[float], size: Any) -> list[Detection]:
        """Every four location tokens in a row are a box."""
        found = []
        run: list[int] = []
        for at in range(len(tokens) + 1):
            if at < len(tokens) and tokens[at] in self._bin_of:
                run.append(at)
                continue
            for first in range(0, len(run) - 3, 4):
                four = run[first : first + 4]
                sides = np.array([size[1], size[0], size[1], size[0]], np.float64)
                corners = (np.array([self._bin_of[tokens[n]] for n in four]) + 0.5) / _BINS * sides
                bbox = boxes.inside(corners, int(size[0]), int(size[1]))
                if bbox is not None:
                    likely = math.prod(chances[n] for n in four) ** 0.25
                    found.append(Detection(label, float(likely), bbox))
            run = []
        return found
