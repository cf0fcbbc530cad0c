"""SAM 2 following one object from frame to frame, with a memory that does not grow with the way.

Source: Ravi et al., "SAM 2: Segment Anything in Images and Videos", 2024. The library's own video session keeps every
picture and every answer, 12.6 MB a frame at full size; here a picture goes as soon as it was looked at, and an answer
as soon as the model cannot look back to it any more. What the model sees is the same, so its masks are the same.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from transformers import Sam2VideoInferenceSession, Sam2VideoModel

from enrichment.engines import sam2
from enrichment.errors import EngineInputError

Mask = NDArray[np.bool_]
Picture = NDArray[np.uint8]

_OBJECT: Final = 0
# What the model itself reads again of an answer: of the nearest few everything, of older ones only the pointer.
_MEMORY: Final = ("maskmem_features", "maskmem_pos_enc", "object_pointer", "object_score_logits")
_POINTER: Final = ("object_pointer",)
# A border that stays where it is when the logits are cut a little higher or lower is one to trust.
_OFFSET: Final = 1.0


class Sam2Video:
    """A model with the weights in a folder; `version` names exactly these.

    Raises:
        EngineInputError: the folder holds no safetensors, or weights of another model.
    """

    def __init__(self, folder: Path) -> None:
        self.model, sha256 = sam2.load(folder, Sam2VideoModel)
        self.version = f"{sha256[:12]}, transformers-{transformers.__version__}"

    def follower(self, *, reverse: bool) -> Follower:
        """What follows one object; `reverse` when frames come in falling order."""
        return Follower(self.model, reverse=reverse)


@lru_cache(maxsize=1)
def loaded(folder: Path) -> Sam2Video:
    """The model in a folder, kept: a worker carries one mask after another."""
    return Sam2Video(folder)


class Follower:
    """One object in one clip. Keyframes first, then frame by frame in one direction."""

    def __init__(self, model: Any, *, reverse: bool) -> None:
        self._model = model
        self._reverse = reverse
        self._side = int(self._model.config.image_size)
        device = self._model.device
        self._session = Sam2VideoInferenceSession(
            inference_device=device, inference_state_device=device, dtype=torch.float32
        )
        self._session.obj_id_to_idx(_OBJECT)

    @property
    def recalls(self) -> int:
        """How many of its last answers the model looks back to in full."""
        return int(self._model.num_maskmem) - 1

    @property
    def nbytes(self) -> int:
        """Memory that the session holds, in bytes; the model itself not counted."""
        answers = self._session.output_dict_per_obj[_OBJECT]
        held = [value for kind in answers.values() for answer in kind.values() for value in answer.values()]
        held += [*(self._session.processed_frames or {}).values(), *self._session.mask_inputs_per_obj[_OBJECT].values()]
        return sum(each.element_size() * each.nelement() for each in held)

    def keyframe(self, frame: int, picture: Picture, mask: Mask) -> None:
        """What a person drew; the model looks back to it however far it goes.

        Args:
            frame: its number in the clip.
            picture: (height, width, 3) uint8 RGB.
            mask: (height, width) bool with at least one pixel.

        Raises:
            EngineInputError: the mask is empty, or not of the picture's size.
        """
        if mask.shape != picture.shape[:2] or not mask.any():
            raise EngineInputError(f"The keyframe {frame} needs a mask with pixels, of the picture's size.")
        self._look(frame, picture, mask)

    def recall(self, frame: int, picture: Picture, mask: Mask) -> None:
        """What an earlier follower had answered here, empty where it saw nothing; as if this one had."""
        # A frame that was tracked before does not become a keyframe when a mask is given for it.
        self._session.frames_tracked_per_obj[_OBJECT][frame] = {"reverse": self._reverse}
        self._look(frame, picture, mask)

    def step(self, frame: int, picture: Picture) -> tuple[Mask, float]:
        """Where the object is now.

        Returns:
            The mask (height, width) bool, empty where the model does not see the object; and the confidence 0-1: how
            sure it is that the object is there, times how little the mask depends on where its logits are cut.
        """
        out = self._look(frame, picture)
        logits = out.pred_masks[0, 0].float().cpu().numpy()
        there = float(torch.sigmoid(out.object_score_logits.float()).flatten()[0])
        mask = sam2.enlarged(logits, picture.shape[0], picture.shape[1])
        if not mask.any():
            return mask, 0.0
        stability = float((logits > _OFFSET).sum()) / max(1.0, float((logits > -_OFFSET).sum()))
        return mask, there * stability

    @torch.inference_mode()
    def _look(self, frame: int, picture: Picture, mask: Mask | None = None) -> Any:
        if mask is not None:
            self._session.add_mask_inputs(_OBJECT, frame, self._square(mask))
            self._session.obj_with_new_inputs = [_OBJECT]
        pixels = sam2.pixels(picture, self._side)
        out = self._model(self._session, frame_idx=frame, frame=pixels, reverse=self._reverse)
        self._forget(frame)
        return out

    def _square(self, mask: Mask) -> torch.Tensor:
        """(1, 1, side, side) float32 of 0 and 1: the mask in the model's own square, as in training."""
        whole = torch.from_numpy(np.ascontiguousarray(mask))[None, None].float()
        size = (self._side, self._side)
        small = torch.nn.functional.interpolate(whole, size=size, mode="bilinear", align_corners=False, antialias=True)
        # What is thinner than half a pixel there would be no object at all.
        level = min(0.5, max(float(small.max()), 1e-6))
        return (small >= level).float()

    def _forget(self, frame: int) -> None:
        """Let go of all that the model will not read again after this frame."""
        session = self._session
        session.cache.clear_all()  # type: ignore[no-untyped-call]
        session.processed_frames = None
        session.mask_inputs_per_obj[_OBJECT].clear()
        session.frames_tracked_per_obj[_OBJECT].clear()
        answers = session.output_dict_per_obj[_OBJECT]
        for answer in answers["cond_frame_outputs"].values():
            _keep(answer, _MEMORY)
        # The pointers of that many frames back count too, the next frame's neighbour being the first of them.
        pointers = max(self.recalls, int(self._model.config.max_object_pointers_in_encoder) - 1)
        earlier = answers["non_cond_frame_outputs"]
        for number in list(earlier):
            back = abs(frame - number)
            if back >= pointers:
                del earlier[number]
            else:
                _keep(earlier[number], _MEMORY if back < self.recalls else _POINTER)


def _keep(answer: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in set(answer) - set(names):
        del answer[name]
