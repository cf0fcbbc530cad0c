"""Tensors of one safetensors file as rows of those of another: `python -I rearranging.py IN OUT`, the plan as JSON.

The plan comes on the standard input: by name a list of [published name, first row, row after the last or null].
"""

from __future__ import annotations

import json
import sys

import torch
from safetensors import safe_open
from safetensors.torch import save_file


def main(source: str, target: str) -> None:
    """Write the tensors that the plan names."""
    plan = json.load(sys.stdin)
    with safe_open(source, framework="pt") as published:
        made = {
            name: _joined([(published.get_tensor(part), start, end) for part, start, end in parts])
            for name, parts in plan.items()
        }
    save_file(made, target, metadata={"format": "pt"})


def _joined(parts: list[tuple[torch.Tensor, int, int | None]]) -> torch.Tensor:
    first = parts[0][0]
    # A counter has no rows.
    return torch.cat([tensor[start:end] for tensor, start, end in parts]) if first.ndim else first


if __name__ == "__main__":
    main(*sys.argv[1:3])
