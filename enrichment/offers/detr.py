"""RT-DETRv2 and D-FINE, to find people."""

from enrichment.engine import GIB, MIB, Hub, LayerEngine, register
from enrichment.engines.parameters import PersonParameters

register(
    LayerEngine(
        layer="people",
        name="detr",
        title="RT-DETRv2 or D-FINE",
        make="enrichment.engines.detr:Detr",
        kinds=("rt_detr_v2", "d_fine"),
        hub=(
            Hub("PekingU/rtdetr_v2_r18vd", "Apache-2.0"),
            Hub("PekingU/rtdetr_v2_r50vd", "Apache-2.0"),
            Hub("ustc-community/dfine-small-coco", "Apache-2.0"),
            Hub("ustc-community/dfine-large-coco", "Apache-2.0"),
        ),
        device="either",
        memory=GIB,
        picture_memory=300 * MIB,
        batch=16,
        packages=("torch", "transformers"),
        Parameters=PersonParameters,
    )
)
