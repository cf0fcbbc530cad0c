"""RAFT, large and small, with torchvision's weights."""

from collections.abc import Collection
from dataclasses import dataclass

from enrichment.engine import GIB, LayerEngine, register


@dataclass(frozen=True)
class Parameters:
    """iterations: how often the flow is corrected; more is finer and slower, 12 to 32 are usual."""

    iterations: int = 12

    def __post_init__(self) -> None:
        """Refuse what is no number of times."""
        if not isinstance(self.iterations, int) or not 1 <= self.iterations <= 100:
            raise ValueError(f"iterations is {self.iterations}, but it must be a whole number from 1 to 100.")


def config(tensors: Collection[str]) -> dict[str, object] | None:
    """The config.json for a state dict of torchvision; the large network alone predicts masks."""
    if "update_block.motion_encoder.convcorr1.0.weight" not in tensors:
        return None
    return {"model_type": "raft", "size": "large" if "mask_predictor.conv.weight" in tensors else "small"}


register(
    LayerEngine(
        layer="flow",
        name="raft",
        title="RAFT",
        make="enrichment.engines.raft:RaftPairs",
        kinds=("raft",),
        device="either",
        memory=GIB // 2,
        picture_memory=3 * GIB,
        batch=8,
        packages=("torch", "safetensors"),
        Parameters=Parameters,
        note="torchvision publishes them (BSD-3-Clause) as raft_large_C_T_SKHT_V2-ff5fadd5.pth and "
        "raft_small_C_T_V2-01064c6d.pth on download.pytorch.org/models; then: manage.py convert_weights raft FILE.",
        adopt=config,
    )
)
