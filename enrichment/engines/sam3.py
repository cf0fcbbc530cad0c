"""SAM 3 on single pictures: masks of everything that a short noun phrase names, or that is like what boxes hold.

Source: Carion et al., "SAM 3: Segment Anything with Concepts", 2025, as transformers has it. What goes in and comes out
is written here, because the library's processor imports torchvision. A mask's confidence is how sure the model is of
it, times how sure it is that the phrase is on the picture at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
import torch
from transformers import AutoTokenizer, Sam3Model
from transformers.models.sam3 import modeling_sam3

from enrichment.engines import instances, phrases, roi_align, torch_models
from enrichment.engines.instances import Instance
from enrichment.engines.parameters import ConceptParameters
from enrichment.engines.torch_models import Picture

Box = tuple[float, float, float, float]

# All that boxes need of torchvision, which is not installed.
if not hasattr(modeling_sam3, "torchvision"):
    modeling_sam3.torchvision = SimpleNamespace(ops=roi_align)  # type: ignore[attr-defined]

_WORDS: Final = 32
# As it was trained to be asked when boxes alone say what is meant.
_BOXES_ALONE: Final = "visual"
_EXAMPLES: Final = ConceptParameters(mask_confidence=0.3)
_HALF: Final = (0.5, 0.5, 0.5)


class Sam3:
    """One checkpoint with its tokenizer.

    Raises:
        EngineInputError: the folder holds no safetensors, or weights of another model.
    """

    def __init__(self, folder: Path) -> None:
        self._model = torch_models.load(folder, Sam3Model)
        self._places: Any = None
        self._words = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        said = torch_models.preprocessing(folder)
        self._said = {"image_mean": said.get("image_mean") or _HALF, "image_std": said.get("image_std") or _HALF}
        self._mode = torch_models.resampling(said, otherwise=2)
        side = self._model.config.vision_config.backbone_config.image_size
        self._size = (int(side), int(side)) if isinstance(side, int) else (int(side[0]), int(side[1]))

    def rehearse(self, picture: Picture) -> None:
        """See `Model.rehearse`."""
        self.segment([picture], ConceptParameters(("thing",)))

    def work(self, picture: Picture, parameters: ConceptParameters) -> None:
        """See `Working.work`."""
        self.segment([picture], parameters)

    def segment(self, pictures: Sequence[Picture], parameters: ConceptParameters) -> list[list[Instance]]:
        """Masks of the labels, each asked for by itself.

        Args:
            pictures: (height, width, 3) uint8 RGB each.
            parameters: see `ConceptParameters`.

        Returns:
            For each picture its instances, the surest first.
        """
        concepts = [self._concept(label) for label in parameters.labels]
        return [self._on(picture, concepts, parameters) for picture in pictures]

    @torch.inference_mode()
    def _concept(self, label: str) -> tuple[Any, torch.Tensor]:
        asked = self._words(
            phrases.phrase(label), return_tensors="pt", padding="max_length", max_length=_WORDS, truncation=True
        ).to(self._model.device)
        known = self._model.get_text_features(input_ids=asked["input_ids"], attention_mask=asked["attention_mask"])
        return known, asked["attention_mask"]

    @torch.inference_mode()
    def see(self, picture: Picture) -> Any:
        """What the picture encoder makes of a picture (height, width, 3) uint8 RGB, for `like`.

        Raises:
            EngineInputError: it is no such picture.
        """
        pixels = torch_models.resized(torch_models.tensor([picture]), self._size, self._mode)
        seen = self._model.get_vision_features(torch_models.normalised(pixels, self._said))
        # Where cells lie is the same on every picture, and the last layer is not asked for: that is half the memory.
        self._places = self._places or seen.fpn_position_encoding
        return modeling_sam3.Sam3VisionEncoderOutput(
            fpn_hidden_states=seen.fpn_hidden_states, fpn_position_encoding=self._places
        )

    @torch.inference_mode()
    def like(self, seen: Any, examples: Sequence[tuple[Box, bool]], size: tuple[int, int]) -> list[Instance]:
        """Masks of everything that is like some boxes and unlike others.

        Args:
            seen: the picture, as `see` gives it.
            examples: (x, y, width, height) in pixels inside the picture, and whether what is meant is like it.
            size: (height, width) of the picture.

        Returns:
            Instances without a label, the surest first.
        """
        sides = np.array([size[1], size[0], size[1], size[0]], np.float32)
        centred = [(x + width / 2, y + height / 2, width, height) for (x, y, width, height), _ in examples]
        known, attended = self._concept(_BOXES_ALONE)
        out = self._model(
            vision_embeds=seen,
            text_embeds=known,
            attention_mask=attended,
            input_boxes=torch.from_numpy(np.array(centred, np.float32) / sides)[None].to(self._model.device),
            input_boxes_labels=torch.tensor([[int(like) for _, like in examples]], device=self._model.device),
        )
        return _thinned(self._read(out, "", _EXAMPLES, size), _EXAMPLES)

    @torch.inference_mode()
    def _on(
        self, picture: Picture, concepts: Sequence[tuple[Any, torch.Tensor]], parameters: ConceptParameters
    ) -> list[Instance]:
        size = picture.shape[:2]
        seen = self.see(picture)
        found: list[Instance] = []
        for label, (known, attended) in zip(parameters.labels, concepts, strict=True):
            out = self._model(vision_embeds=seen, text_embeds=known, attention_mask=attended)
            found += self._read(out, label, parameters, (int(size[0]), int(size[1])))
        return _thinned(found, parameters)

    def _read(self, out: Any, label: str, parameters: ConceptParameters, size: tuple[int, int]) -> list[Instance]:
        scores = out.pred_logits[0].float().sigmoid()
        if out.presence_logits is not None:
            scores = scores * out.presence_logits[0].float().sigmoid()
        keep = scores > parameters.mask_confidence
        if not bool(keep.any()):
            return []
        soft = out.pred_masks[0][keep].float().sigmoid()
        masks = torch.nn.functional.interpolate(soft[None], size=size, mode="bilinear", align_corners=False)[0] > 0.5
        return [
            Instance(label, float(score), np.asarray(mask, dtype=np.bool_))
            for score, mask in zip(scores[keep].cpu().tolist(), masks.cpu().numpy(), strict=True)
            if mask.any()
        ]


def _thinned(found: Sequence[Instance], parameters: ConceptParameters) -> list[Instance]:
    kept = instances.thinned(
        [each.mask for each in found], [each.confidence for each in found], float(parameters.mask_overlap)
    )
    return [found[at] for at in kept]
