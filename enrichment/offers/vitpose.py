"""ViTPose and ViTPose++."""

from enrichment.engine import GIB, MIB, Hub, LayerEngine, register
from enrichment.engines.parameters import PoseParameters

register(
    LayerEngine(
        layer="pose",
        name="vitpose",
        title="ViTPose",
        make="enrichment.engines.vitpose:VitPose",
        kinds=("vitpose",),
        hub=(
            Hub("usyd-community/vitpose-base-simple", "Apache-2.0"),
            Hub("usyd-community/vitpose-plus-small", "Apache-2.0"),
            Hub("usyd-community/vitpose-plus-base", "Apache-2.0"),
            Hub("usyd-community/vitpose-plus-large", "Apache-2.0"),
            Hub("usyd-community/vitpose-plus-huge", "Apache-2.0"),
        ),
        device="either",
        memory=2 * GIB,
        picture_memory=200 * MIB,
        batch=16,
        packages=("torch", "transformers"),
        Parameters=PoseParameters,
        note="Weights with 133 keypoints (COCO-WholeBody: feet, face, hands) are read too, laid out as ViTPose's are.",
    )
)
