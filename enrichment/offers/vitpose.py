"""ViTPose and ViTPose++.

The hub has their weights for the 17 keypoints of a body. Whole bodies (133: feet, face and hands, too) come from the
makers' own files: those trained on COCO-WholeBody alone, and ViTPose++, which holds a head and an expert for each of
six data sets, COCO-WholeBody the last. As the makers' tool splits them (tools/model_split.py in their repository), an
expert's rows are put below the shared ones of its layer, and what is left is a plain ViTPose.
"""

from typing import Final

from enrichment import conversion
from enrichment.conversion import Conversion, Rows, Shapes
from enrichment.engine import GIB, MIB, Hub, LayerEngine, register
from enrichment.engines.parameters import PoseParameters

_HEADS: Final = {384: 12, 768: 12, 1024: 16, 1280: 16}  # of attention by width, in the makers' configurations
_TOKENS: Final = 1 + 16 * 12  # of 256 x 192 pixels
_DATA_SETS: Final = 6
_WHOLE_BODY: Final = 133
_BACKBONE: Final = {
    "patch_embed.proj": "embeddings.patch_embeddings.projection",
    "last_norm": "layernorm",
}
_BLOCK: Final = {
    "norm1": "layernorm_before",
    "norm2": "layernorm_after",
    "attn.proj": "attention.output.dense",
    "mlp.fc1": "mlp.fc1",
}
_DECONVOLUTIONS: Final = {"deconv_layers.0": "deconv1", "deconv_layers.3": "deconv2"}
_NORMS: Final = {"deconv_layers.1": "batchnorm1", "deconv_layers.4": "batchnorm2"}
_KINDS: Final = ("weight", "bias")


def adopted(shapes: Shapes) -> Conversion | None:
    """A checkpoint of the makers, as the library has the model; of ViTPose++ what knows whole bodies."""
    _, tokens, width = shapes.get("backbone.pos_embed", (0, 0, 0))
    experts = conversion.layers(shapes, "backbone.blocks.0.mlp.experts.", ".weight")
    head = f"associate_keypoint_heads.{_DATA_SETS - 2}." if experts else "keypoint_head."
    last = shapes.get(f"{head}final_layer.weight")
    if width not in _HEADS or tokens != _TOKENS or last is None or experts not in (0, _DATA_SETS):
        return None
    points = _WHOLE_BODY if experts else last[0]
    if last[0] < points:
        return None
    depth = conversion.layers(shapes, "backbone.blocks.", ".norm1.weight")
    simple = f"{head}deconv_layers.0.weight" not in shapes
    tensors = _backbone(depth, width, experts) | _decoder(head, points, simple)
    return Conversion(_config(width, depth, shapes["backbone.blocks.0.mlp.fc1.weight"][0], points, simple), tensors)


def _backbone(depth: int, width: int, experts: int) -> dict[str, tuple[Rows, ...]]:
    found: dict[str, tuple[Rows, ...]] = {"backbone.embeddings.position_embeddings": (Rows("backbone.pos_embed"),)}
    for kind in _KINDS:
        for theirs, ours in _BACKBONE.items():
            found[f"backbone.{ours}.{kind}"] = (Rows(f"backbone.{theirs}.{kind}"),)
        for n in range(depth):
            here, there = f"backbone.encoder.layer.{n}.", f"backbone.blocks.{n}."
            found |= {f"{here}{ours}.{kind}": (Rows(f"{there}{theirs}.{kind}"),) for theirs, ours in _BLOCK.items()}
            for part, name in enumerate(("query", "key", "value")):
                rows = Rows(f"{there}attn.qkv.{kind}", part * width, (part + 1) * width)
                found[f"{here}attention.attention.{name}.{kind}"] = (rows,)
            own = (Rows(f"{there}mlp.experts.{experts - 1}.{kind}"),) if experts else ()
            found[f"{here}mlp.fc2.{kind}"] = (Rows(f"{there}mlp.fc2.{kind}"), *own)
    return found


def _decoder(head: str, points: int, simple: bool) -> dict[str, tuple[Rows, ...]]:
    found: dict[str, tuple[Rows, ...]] = {}
    for kind in _KINDS:
        found[f"head.conv.{kind}"] = (Rows(f"{head}final_layer.{kind}", 0, points),)
    if simple:
        return found
    for theirs, ours in _DECONVOLUTIONS.items():
        found[f"head.{ours}.weight"] = (Rows(f"{head}{theirs}.weight"),)
    for theirs, ours in _NORMS.items():
        for kind in (*_KINDS, "running_mean", "running_var", "num_batches_tracked"):
            found[f"head.{ours}.{kind}"] = (Rows(f"{head}{theirs}.{kind}"),)
    return found


def _config(width: int, depth: int, inner: int, points: int, simple: bool) -> dict[str, object]:
    return {
        "model_type": "vitpose",
        "architectures": ["VitPoseForPoseEstimation"],
        "num_labels": points,
        "use_simple_decoder": simple,
        "backbone_config": {
            "model_type": "vitpose_backbone",
            "image_size": [256, 192],
            "patch_size": [16, 16],
            "hidden_size": width,
            "num_hidden_layers": depth,
            "num_attention_heads": _HEADS[width],
            "mlp_ratio": inner // width,
            "num_experts": 1,
            "layer_norm_eps": 1e-6,
            "out_indices": [depth],
        },
    }


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
        note="These give the 17 keypoints of a body. Whole bodies with feet, face and hands (133 keypoints, "
        "COCO-WholeBody) come from the makers' files (github.com/ViTAE-Transformer/ViTPose, Apache-2.0), of ViTPose++ "
        "or trained on COCO-WholeBody alone: manage.py convert_weights vitpose FILE. Weights for hands alone are not "
        "read.",
        adopt=adopted,
    )
)
