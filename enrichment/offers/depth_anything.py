"""Depth Anything V2, with weights of any size, relative or metric."""

from enrichment.engine import GIB, MIB, Hub, LayerEngine, register

_MAKER = "depth-anything/Depth-Anything-V2"

register(
    LayerEngine(
        layer="depth",
        name="depth_anything",
        title="Depth Anything V2",
        make="enrichment.engines.depth_anything:DepthAnything",
        kinds=("depth_anything",),
        hub=(
            Hub(f"{_MAKER}-Small-hf", "Apache-2.0"),
            Hub(f"{_MAKER}-Base-hf", "CC-BY-NC-4.0"),
            Hub(f"{_MAKER}-Large-hf", "CC-BY-NC-4.0"),
            Hub(f"{_MAKER}-Metric-Indoor-Small-hf", "Apache-2.0"),
            Hub(f"{_MAKER}-Metric-Outdoor-Small-hf", "Apache-2.0"),
            Hub(f"{_MAKER}-Metric-Indoor-Large-hf", "CC-BY-NC-4.0"),
            Hub(f"{_MAKER}-Metric-Outdoor-Large-hf", "CC-BY-NC-4.0"),
        ),
        device="either",
        memory=2 * GIB,
        picture_memory=900 * MIB,
        batch=16,
        packages=("torch", "transformers"),
    )
)
