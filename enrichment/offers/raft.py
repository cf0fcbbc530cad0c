"""RAFT, large and small, with torchvision's weights."""

from dataclasses import dataclass

from enrichment.conversion import Conversion, Shapes
from enrichment.engine import GIB, LayerEngine, register


@dataclass(frozen=True)
class Parameters:
    """iterations: how often the flow is corrected; more is finer and slower, 12 to 32 are usual."""

    iterations: int = 12

    def __post_init__(self) -> None:
        """Refuse what is no number of times."""
        if not isinstance(self.iterations, int) or not 1 <= self.iterations <= 100:
            raise ValueError(f"iterations is {self.iterations}, but it must be a whole number from 1 to 100.")


def adopted(shapes: Shapes) -> Conversion | None:
    """A state dict of torchvision as it is; the large network alone predicts masks."""
    if "update_block.motion_encoder.convcorr1.0.weight" not in shapes:
        return None
    return Conversion({"model_type": "raft", "size": "large" if "mask_predictor.conv.weight" in shapes else "small"})


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
        adopt=adopted,
    )
)
