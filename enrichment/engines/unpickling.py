"""A pickled state dict into safetensors, once, in a process of its own: `python -I unpickling.py IN OUT`.

Training frameworks lay the state dict into another dictionary, beside counters and optimizers, which are left behind.

torch's restricted unpickler makes nothing but tensors and containers; what a file asks for beyond that is refused. The
process has no use for the project, its settings or its environment, and is given none of them.
"""

from __future__ import annotations

import json
import pickle
import re
import sys
from typing import Any

import torch
from safetensors.torch import save_file

# As mmcv, the makers of InternVideo2 and DeepSpeed call the state dict.
_NAMES = ("state_dict", "model", "module")


def main(source: str, target: str) -> None:
    """Print the tensors' shapes by name as JSON."""
    try:
        there = _state_dict(torch.load(source, map_location="cpu", weights_only=True))
    except (pickle.UnpicklingError, RuntimeError, EOFError, LookupError, ValueError, TypeError) as error:
        raise SystemExit(_why(error)) from error
    save_file(_apart(there), target, metadata={"format": "pt"})
    sys.stdout.write(json.dumps({name: list(tensor.shape) for name, tensor in there.items()}))


def _why(error: Exception) -> str:
    """What is wrong with a file in one line, without torch's advice to read it in a way that would run its code."""
    asked = re.search(r"GLOBAL (\S+)", str(error))
    if asked:
        return f"It asks for {asked[1]}, which is more than tensors; such a file is refused."
    return "It is no pickle of tensors that torch can read whole; is it the right file, and all of it?"


def _state_dict(there: Any) -> dict[str, torch.Tensor]:
    if isinstance(there, dict):
        for each in (there, *(there.get(name) for name in _NAMES)):
            if isinstance(each, dict) and each and all(isinstance(value, torch.Tensor) for value in each.values()):
                return dict(each)
    raise SystemExit(
        f"It holds no plain state dict: a dictionary of tensors by name, or one under {', '.join(_NAMES)}."
    )


def _apart(there: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors that share their numbers, as a vocabulary does that is read and written by, each with its own."""
    seen: set[int] = set()
    found = {}
    for name, tensor in there.items():
        shared = tensor.untyped_storage().data_ptr() in seen
        seen.add(tensor.untyped_storage().data_ptr())
        found[name] = tensor.clone() if shared else tensor.contiguous()
    return found


if __name__ == "__main__":
    main(*sys.argv[1:3])
