"""What engines with weights share: loading a checkpoint, and pictures as tensors, resized and normalised.

Resizing follows Pillow, with which these models were trained: antialiased, and rounded to whole grey levels. Within one
level of it, and done on the model's device, so that a GPU does not wait for the CPU.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from enrichment.engines import checkpoints
from enrichment.errors import EngineInputError

Picture = NDArray[np.uint8]

IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)
# As `resample` stands in a preprocessor_config.json: Pillow's numbers.
_MODES: Final = {0: "nearest", 2: "bilinear", 3: "bicubic"}


def device() -> str:
    """Where models run: on the GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def load(folder: Path, kind: Any, config: Any = None) -> Any:
    """A model of class `kind` with the weights in a folder, in float32, ready to compute, where models run.

    Args:
        folder: the checkpoint.
        kind: a class of transformers.
        config: its configuration, where that is not simply the folder's.

    Raises:
        EngineInputError: the folder holds no safetensors, or weights of another model.
    """
    checkpoints.require_safetensors(folder)
    model, report = kind.from_pretrained(
        str(folder),
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        dtype=torch.float32,
        output_loading_info=True,
        ignore_mismatched_sizes=True,
        **({} if config is None else {"config": config}),
    )
    missing = sorted({*report["missing_keys"], *(each[0] for each in report["mismatched_keys"])})
    # The library fills gaps with random numbers and goes on; what that computes looks like a result.
    if missing:
        raise EngineInputError(
            f"The weights in {folder} lack {len(missing)} tensors as {kind.__name__} needs them, such as {missing[0]}; "
            "they are of another model, or the copy is not whole."
        )
    return model.to(device()).eval()


def preprocessing(folder: Path, *, square: bool = False) -> dict[str, Any]:
    """What the checkpoint says of how pictures come in; empty where it says nothing.

    Older checkpoints say lengths as bare numbers. Here "size" is {"shortest_edge"[, "longest_edge"]} or {"height",
    "width"}, and "crop_size" {"height", "width"}, in pixels, where they are said at all.

    Args:
        folder: the checkpoint.
        square: a bare number as size is both sides of the picture; otherwise it is the shorter one.
    """
    for name in ("preprocessor_config.json", "processor_config.json"):
        if (folder / name).is_file():
            said = json.loads((folder / name).read_text())
            return _in_full(dict(said.get("image_processor", said)), square)
    return {}


def _in_full(said: dict[str, Any], square: bool) -> dict[str, Any]:
    size, crop = said.get("size"), said.get("crop_size")
    if isinstance(size, (int, float)):
        longest = {"longest_edge": said["max_size"]} if said.get("max_size") else {}
        said["size"] = {"height": size, "width": size} if square else {"shortest_edge": size} | longest
    elif isinstance(size, list):
        said["size"] = {"height": size[0], "width": size[1]}
    if isinstance(crop, (int, float)):
        said["crop_size"] = {"height": crop, "width": crop}
    elif isinstance(crop, list):
        said["crop_size"] = {"height": crop[0], "width": crop[1]}
    # Some write "size": null for what their processor knows by itself.
    return {name: value for name, value in said.items() if value is not None}


def height_and_width(said: dict[str, Any], otherwise: int) -> tuple[int, int]:
    """The size to which a checkpoint's preprocessing stretches every picture; a square of `otherwise` if it says none.

    Raises:
        EngineInputError: it gives sizes in a form that stretches nothing, such as a shorter side alone.
    """
    size = said.get("size") or {"height": otherwise, "width": otherwise}
    if "height" not in size or "width" not in size:
        raise EngineInputError(
            f"The checkpoint's preprocessor_config.json says size {size}, but this model needs a height and a width."
        )
    return int(size["height"]), int(size["width"])


def resampling(said: dict[str, Any], otherwise: int) -> str:
    """The interpolation that a checkpoint's preprocessing names, as torch calls it."""
    number = int(said.get("resample", otherwise))
    if number not in _MODES:
        raise EngineInputError(f"Pictures are to be resampled by Pillow's method {number}, which is not known here.")
    return _MODES[number]


def tensor(pictures: Sequence[Picture]) -> torch.Tensor:
    """Pictures of one size, (height, width, 3) uint8 RGB each, as (n, 3, height, width) float32 0-255.

    Raises:
        EngineInputError: they are no such pictures, or not of one size.
    """
    if not pictures or any(each.ndim != 3 or each.shape[2] != 3 or each.dtype != np.uint8 for each in pictures):
        raise EngineInputError("An engine needs pictures of (height, width, 3) uint8 RGB.")
    if len({each.shape for each in pictures}) > 1:
        raise EngineInputError("Pictures that are looked at in one go must be of one size.")
    stacked = np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2))
    return torch.from_numpy(stacked).to(device()).float()


def resized(pixels: torch.Tensor, size: tuple[int, int], mode: str) -> torch.Tensor:
    """(n, 3, height, width) float32 0-255 at another (height, width), rounded to whole grey levels."""
    if tuple(pixels.shape[-2:]) == size:
        return pixels
    if mode == "nearest":
        return torch.nn.functional.interpolate(pixels, size=size, mode="nearest-exact")
    smooth = torch.nn.functional.interpolate(pixels, size=size, mode=mode, align_corners=False, antialias=True)
    return smooth.clamp(0.0, 255.0).round()


def squared(pixels: torch.Tensor, said: dict[str, Any], mode: str) -> torch.Tensor:
    """(n, 3, height, width) brought to a shorter side, or stretched, then its middle cut out, as the checkpoint says.

    Raises:
        EngineInputError: the checkpoint wants a larger middle than the picture that it makes.
    """
    height, width = pixels.shape[-2:]
    if "shortest_edge" in said["size"]:
        side = int(said["size"]["shortest_edge"])
        # Cut off, not rounded, as the processors that these models were trained with do it.
        size = (side, int(side * width / height)) if height <= width else (int(side * height / width), side)
    else:
        size = height_and_width(said, 0)
    small = resized(pixels, size, mode)
    crop = said["crop_size"]
    top, left = (size[0] - int(crop["height"])) // 2, (size[1] - int(crop["width"])) // 2
    if top < 0 or left < 0:
        raise EngineInputError(f"A middle of {crop} cannot be cut out of a picture of {size[0]} x {size[1]} pixels.")
    return small[..., top : top + int(crop["height"]), left : left + int(crop["width"])]


def unit(vectors: torch.Tensor) -> list[NDArray[np.float32]]:
    """(n, dimensions) as one float32 array each, of length 1."""
    return list(torch.nn.functional.normalize(vectors.float(), dim=-1).cpu().numpy())


def normalised(pixels: torch.Tensor, said: dict[str, Any]) -> torch.Tensor:
    """0-255 as the model was trained to see it; ImageNet's mean and deviation unless the checkpoint says others."""
    shape = (1, 3, 1, 1)
    mean = torch.tensor(said.get("image_mean") or IMAGENET_MEAN, device=pixels.device).view(shape)
    std = torch.tensor(said.get("image_std") or IMAGENET_STD, device=pixels.device).view(shape)
    return (pixels / 255.0 - mean) / std
