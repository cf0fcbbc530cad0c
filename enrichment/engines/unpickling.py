"""A pickled state dict into safetensors, once, in a process of its own: `python -I unpickling.py IN OUT`.

torch's restricted unpickler makes nothing but tensors and containers; what a file asks for beyond that is refused. The
process has no use for the project, its settings or its environment, and is given none of them.
"""

from __future__ import annotations

import json
import sys

import torch
from safetensors.torch import save_file


def main(source: str, target: str) -> None:
    """Print the tensors' names as JSON."""
    there = torch.load(source, map_location="cpu", weights_only=True)
    if not isinstance(there, dict) or not all(isinstance(each, torch.Tensor) for each in there.values()):
        raise SystemExit("It holds no plain state dict: a dictionary of tensors by name.")
    save_file({name: tensor.contiguous() for name, tensor in there.items()}, target, metadata={"format": "pt"})
    sys.stdout.write(json.dumps(sorted(there)))


if __name__ == "__main__":
    main(*sys.argv[1:3])
