"""ViTPose and ViTPose++: keypoints of people whose boxes are known.

Source: Xu et al., "ViTPose: Simple Vision Transformer Baselines for Human Pose Estimation", NeurIPS 2022, and
"ViTPose++", TPAMI 2024, as transformers has them. ViTPose++ has an expert for each data set that it was trained on;
which one is asked follows from how many keypoints the weights give, and can be set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from transformers import VitPoseForPoseEstimation

from enrichment.engines import torch_models
from enrichment.engines.parameters import PoseParameters
from enrichment.engines.torch_models import Picture
from enrichment.errors import EngineInputError

Person = tuple[float, float, float, float]
Points = NDArray[np.float32]

# As the experts of ViTPose++ are numbered: COCO, AI Challenger, MPII, AP-10K, APT-36K, COCO-WholeBody.
_EXPERT_OF: Final = {17: 0, 14: 1, 16: 2, 133: 5}
_PADDING: Final = 1.25
_KERNEL: Final = 11
_SMOOTHING: Final = 0.8
_AT_ONCE: Final = 32


class VitPose:
    """One checkpoint; `keypoints` is how many it gives of each person.

    Raises:
        EngineInputError: the folder holds no safetensors, or weights of another model.
    """

    def __init__(self, folder: Path) -> None:
        self._model = torch_models.load(folder, VitPoseForPoseEstimation)
        self._said = torch_models.preprocessing(folder)
        backbone = self._model.config.backbone_config
        self._size = (int(backbone.image_size[0]), int(backbone.image_size[1]))
        self._experts = int(getattr(backbone, "num_experts", 1) or 1)
        self.keypoints = int(self._model.config.num_labels)

    def rehearse(self, picture: Picture) -> None:
        """See `Model.rehearse`."""
        height, width = picture.shape[:2]
        self.estimate([(picture, [(0.0, 0.0, float(width), float(height))])], PoseParameters())

    def estimate(
        self, pictures: Sequence[tuple[Picture, Sequence[Person]]], parameters: PoseParameters
    ) -> list[Points]:
        """Keypoints of people.

        Args:
            pictures: (height, width, 3) uint8 RGB, and the boxes (x, y, width, height) of the people on it.
            parameters: which expert is asked.

        Returns:
            For each picture (people, keypoints, 3) float32: x, y in pixels, confidence 0-1.

        Raises:
            EngineInputError: a box is empty, or there is no such expert.
        """
        places = [Place.around(box, self._size) for _, people in pictures for box in people]
        cuts = [place.cut(picture) for (picture, people), place in _each(pictures, places)]
        found = [
            self._found(cuts[first : first + _AT_ONCE], places[first : first + _AT_ONCE], parameters)
            for first in range(0, len(cuts), _AT_ONCE)
        ]
        everybody = np.concatenate(found) if found else np.zeros((0, self.keypoints, 3), np.float32)
        ends = np.cumsum([len(people) for _, people in pictures])
        return list(np.split(everybody, ends[:-1]))

    @torch.inference_mode()
    def _found(
        self, cuts: Sequence[NDArray[np.float32]], places: Sequence[Place], parameters: PoseParameters
    ) -> Points:
        """(people, keypoints, 3) of people who were cut out."""
        stacked = torch.from_numpy(np.stack(cuts).transpose(0, 3, 1, 2)).to(torch_models.device())
        ready = torch_models.normalised(stacked, self._said)
        expert: dict[str, Any] = {}
        if self._experts > 1:
            number = parameters.expert if parameters.expert >= 0 else _EXPERT_OF.get(self.keypoints, 0)
            if number >= self._experts:
                raise EngineInputError(f"The weights have {self._experts} experts, so there is no number {number}.")
            expert["dataset_index"] = torch.full((len(cuts),), number, device=ready.device)
        heatmaps = self._model(pixel_values=ready, **expert).heatmaps.float().cpu().numpy()
        return np.stack([place.read(maps) for place, maps in zip(places, heatmaps, strict=True)])


@dataclass(frozen=True)
class Place:
    """Where the model looks: a box grown by a quarter and brought to the model's proportions.

    middle, extent: (x, y) and (width, height) in pixels of the picture. size: (height, width) of the cut.
    """

    middle: NDArray[np.float64]
    extent: NDArray[np.float64]
    size: tuple[int, int]

    @classmethod
    def around(cls, box: Person, size: tuple[int, int]) -> Place:
        """The place around a box (x, y, width, height)."""
        x, y, width, height = (float(value) for value in box)
        if width <= 0 or height <= 0:
            raise EngineInputError(f"A person's box needs a width and a height; this one is {box}.")
        proportions = size[1] / size[0]
        wide, tall = max(width, height * proportions), max(height, width / proportions)
        return cls(np.array([x + width / 2, y + height / 2]), np.array([wide, tall]) * _PADDING, size)

    def cut(self, picture: Picture) -> NDArray[np.float32]:
        """The place as (height, width, 3) float32 0-255, black beyond the picture's border.

        Source: Huang et al., "The Devil Is in the Details: Delving into Unbiased Data Processing", CVPR 2020: lengths
        are counted between pixels' middles.
        """
        target = np.array([self.size[1] - 1.0, self.size[0] - 1.0])
        scale = target / self.extent
        shift = scale * (self.extent / 2 - self.middle)
        matrix = np.array([[scale[0], 0.0, shift[0]], [0.0, scale[1], shift[1]]])
        cut = cv2.warpAffine(picture.astype(np.float32), matrix, (self.size[1], self.size[0]), flags=cv2.INTER_LINEAR)
        return np.asarray(np.clip(np.rint(cut), 0.0, 255.0), dtype=np.float32)

    def read(self, heatmaps: NDArray[np.float32]) -> Points:
        """(keypoints, 3): x, y in pixels of the picture and confidence, of heatmaps (keypoints, rows, columns)."""
        rows, columns = heatmaps.shape[1:]
        at, scores = peaks(heatmaps)
        scale = self.extent / np.array([columns - 1.0, rows - 1.0])
        spots = at * scale + self.middle - self.extent / 2
        return np.concatenate([spots, np.clip(scores, 0.0, 1.0)[:, None]], axis=1).astype(np.float32)


def peaks(heatmaps: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where heatmaps are largest, to a fraction of a cell.

    Source: Zhang et al., "Distribution-Aware Coordinate Representation for Human Pose Estimation", CVPR 2020: one step
    of Newton's method on the logarithm of the smoothed map.

    Args:
        heatmaps: (keypoints, rows, columns) float32.

    Returns:
        (keypoints, 2) float64 (x, y) in cells, (-1, -1) before the step where nothing is above zero; (keypoints,) their
        values.
    """
    count, rows, columns = heatmaps.shape
    flat = heatmaps.reshape(count, -1)
    best = flat.argmax(axis=1)
    scores = flat[np.arange(count), best].astype(np.float64)
    at = np.stack([best % columns, best // columns], axis=1).astype(np.float64)
    at[scores <= 0.0] = -1.0
    kernel = (_KERNEL, _KERNEL)
    blurred = np.stack([cv2.GaussianBlur(each, kernel, _SMOOTHING, borderType=cv2.BORDER_REFLECT) for each in heatmaps])
    logs = np.pad(np.log(np.clip(blurred, 0.001, 50.0)).astype(np.float64), ((0, 0), (1, 1), (1, 1)), mode="edge")
    n = np.arange(count)
    x, y = at[:, 0].astype(int) + 1, at[:, 1].astype(int) + 1

    def value(dx: int, dy: int) -> NDArray[np.float64]:
        # A point without a peak stands at -1, whose neighbours would lie outside.
        return np.asarray(logs[n, np.clip(y + dy, 0, rows + 1), np.clip(x + dx, 0, columns + 1)])

    here = value(0, 0)
    slope = np.stack([value(1, 0) - value(-1, 0), value(0, 1) - value(0, -1)], axis=1) / 2
    dxx, dyy = value(1, 0) - 2 * here + value(-1, 0), value(0, 1) - 2 * here + value(0, -1)
    dxy = (value(1, 1) - value(1, 0) - value(0, 1) + 2 * here - value(-1, 0) - value(0, -1) + value(-1, -1)) / 2
    curve = np.stack([dxx, dxy, dxy, dyy], axis=1).reshape(-1, 2, 2) + np.finfo(np.float32).eps * np.eye(2)
    # Where a map is flat the step has no end; a peak lies within a cell of its largest one.
    step = np.clip(np.linalg.solve(curve, slope[..., None])[..., 0], -1.0, 1.0)
    return np.where(scores[:, None] > 0.0, at - step, at), scores


def _each(pictures: Sequence[tuple[Picture, Sequence[Person]]], places: Sequence[Place]) -> Any:
    """Every place with its picture."""
    return zip([one for one in pictures for _ in one[1]], places, strict=True)
