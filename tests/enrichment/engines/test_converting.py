"""Weights in the layouts of their makers' pickles, converted by the command, compute what the model computes."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import VitPoseBackboneConfig, VitPoseConfig, VitPoseForPoseEstimation  # noqa: E402

from enrichment.engines.internvideo2 import InternVideo2  # noqa: E402
from enrichment.engines.parameters import PoseParameters  # noqa: E402
from enrichment.engines.vitpose import VitPose  # noqa: E402
from enrichment.offers.internvideo2 import Parameters  # noqa: E402
from tests.enrichment.engines import internvideo2_checkpoints  # noqa: E402

# Left: the library. Right: mmpose.
NAMES = (
    ("embeddings.patch_embeddings.projection", "patch_embed.proj"), ("embeddings.position_embeddings", "pos_embed"),
    ("encoder.layer.", "blocks."), ("layernorm_before", "norm1"), ("layernorm_after", "norm2"),
    ("attention.output.dense", "attn.proj"), ("backbone.layernorm.", "backbone.last_norm."),
    ("deconv1", "deconv_layers.0"), ("batchnorm1", "deconv_layers.1"), ("deconv2", "deconv_layers.3"),
    ("batchnorm2", "deconv_layers.4"), ("head.conv.", "head.final_layer."), ("head.", "keypoint_head."),
)  # fmt: skip


@pytest.fixture
def home(tmp_path: Path, settings: Any) -> Path:
    settings.WEIGHTS_DIR = tmp_path / "weights"
    return tmp_path


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)


def convert(engine: str, file: Path) -> Path:
    call_command("convert_weights", engine, str(file), stdout=StringIO())
    return file.parent / "weights" / file.stem


def pose(*, points: int, experts: int = 1, simple: bool = False) -> Any:
    """The library's model at the real width of ViTPose-S, two layers deep, with random weights."""
    torch.manual_seed(points)
    backbone = VitPoseBackboneConfig(
        hidden_size=384, num_hidden_layers=2, num_attention_heads=12, layer_norm_eps=1e-6, out_indices=[2],
        num_experts=experts, part_features=96 if experts > 1 else 0,
    )  # fmt: skip
    model = VitPoseForPoseEstimation(
        VitPoseConfig(backbone_config=backbone, num_labels=points, use_simple_decoder=simple)
    )
    for name, parameter in model.named_parameters():
        if not name.endswith("norm.weight"):
            torch.nn.init.normal_(parameter, std=0.05)
    return model.eval()


def as_mmpose(model: Any) -> dict[str, Any]:
    found = {}
    for name, tensor in model.state_dict().items():
        for ours, theirs in NAMES:
            name = name.replace(ours, theirs)
        found[name] = tensor
    for name in [each for each in found if "attention.query" in each]:
        three = [found.pop(name.replace("query", part)) for part in ("query", "key", "value")]
        found[name.replace("attention.attention.query", "attn.qkv")] = torch.cat(three)
    return found


def heatmaps(folder: Path, box: tuple[float, float, float, float], picture: np.ndarray) -> Any:
    return VitPose(folder).estimate([(picture, [box])], PoseParameters())[0][0]


BOX = (30.0, 10.0, 60.0, 100.0)


@pytest.mark.parametrize(("points", "simple"), [(133, False), (17, True)])
def test_vitpose_of_its_makers_computes_what_the_librarys_does(
    points: int, simple: bool, home: Path, picture: np.ndarray
) -> None:
    model = pose(points=points, simple=simple)
    torch.save({"meta": {"epoch": 210}, "state_dict": as_mmpose(model), "optimizer": {}}, home / "wholebody.pth")
    folder = convert("vitpose", home / "wholebody.pth")
    said = VitPoseForPoseEstimation.from_pretrained(folder, output_loading_info=True)[1]
    assert not said["missing_keys"]
    assert not said["unexpected_keys"]
    model.save_pretrained(home / "library")
    found = heatmaps(folder, BOX, picture)
    assert found.shape == (points, 3)
    assert np.allclose(found, heatmaps(home / "library", BOX, picture), atol=1e-3)


def test_of_vitpose_plus_plus_the_expert_and_head_for_whole_bodies_are_taken(home: Path, picture: np.ndarray) -> None:
    model = pose(points=133, experts=6)
    tensors = as_mmpose(model)
    own = {name: tensor for name, tensor in tensors.items() if name.startswith("keypoint_head.")}
    for n in range(5):
        # The last of the further heads is the one for whole bodies; the others say something else.
        for name, tensor in own.items():
            other = name.replace("keypoint_head", f"associate_keypoint_heads.{n}")
            tensors[other] = tensor.clone() if n == 4 else torch.zeros_like(tensor)
    for name in own:
        tensors[name] = torch.zeros_like(tensors[name])
    torch.save({"state_dict": tensors}, home / "vitpose+_small.pth")
    folder = convert("vitpose", home / "vitpose+_small.pth")
    assert json.loads((folder / "config.json").read_text())["backbone_config"]["num_experts"] == 1
    model.save_pretrained(home / "library")
    assert VitPose(home / "library")._experts == 6, "asked for expert 5, as whole bodies are"
    assert np.allclose(heatmaps(folder, BOX, picture), heatmaps(home / "library", BOX, picture), atol=1e-3)


def test_what_is_no_vitpose_leaves_nothing(home: Path) -> None:
    tensors = as_mmpose(pose(points=17))
    del tensors["backbone.blocks.1.mlp.fc1.weight"]
    torch.save({"state_dict": tensors}, home / "torn.pth")
    with pytest.raises(CommandError, match=r"lacks 1 tensors of its model, such as backbone\.blocks\.1\.mlp\.fc1"):
        convert("vitpose", home / "torn.pth")
    tensors["backbone.pos_embed"] = torch.zeros(1, 433, 384)
    torch.save(tensors, home / "other.pth")
    with pytest.raises(CommandError, match="another model than ViTPose"):
        convert("vitpose", home / "other.pth")
    assert not any((home / "weights").iterdir())


def internvideo2(folder: Path) -> dict[str, Any]:
    """The tensors of a second stage at the real width of InternVideo2-S, two layers deep, for two pictures."""
    shapes = internvideo2_checkpoints.names_and_shapes(width=384, inner=1536, pooled=768)
    places = (1, 2 * 256 + 1, 384)
    shapes |= {"vision_encoder.pos_embed": places, "vision_encoder.clip_pos_embed": places}
    dice = torch.Generator().manual_seed(0)
    folder.mkdir()
    made = {name: torch.randn(shape, generator=dice) * 0.1 for name, shape in shapes.items()}
    save_file(made, folder / "model.safetensors")
    internvideo2_checkpoints.add_text(folder, width=64)
    tensors: dict[str, Any] = load_file(folder / "model.safetensors")
    # What reads the vocabulary writes it, too, from the same numbers.
    words = "text_encoder.bert.embeddings.word_embeddings.weight"
    return tensors | {"text_encoder.cls.predictions.decoder.weight": tensors[words]}


@pytest.mark.parametrize("words", [True, False])
def test_internvideo2_of_its_makers_becomes_a_folder_that_works(words: bool, home: Path, picture: np.ndarray) -> None:
    tensors = internvideo2(home / "there")
    torch.save({"module": tensors, "lr": 0.1}, home / "stage2.pt")
    if words:
        (home / "vocab.txt").write_bytes((home / "there" / "vocab.txt").read_bytes())
    folder = convert("internvideo2", home / "stage2.pt")
    assert json.loads((folder / "config.json").read_text()) == {
        "model_type": "internvideo2", "embed_dim": 384, "depth": 2, "num_heads": 6, "mlp_ratio": 4.0,
        "clip_embed_dim": 768, "attn_pool_num_heads": 16, "image_size": 224, "patch_size": 14, "num_frames": 2,
        "tubelet_size": 1, "proj_dim": 8,
    }  # fmt: skip
    engine = InternVideo2(folder)
    assert engine.describe([[picture] * 16], None)[0].shape == (8,)
    asked = Parameters(classes=("pour",), phases=("place",))
    if not words:
        assert engine.classes_of(asked) == {}, "without the vocabulary stretches are found but not named"
        return
    (home / "there" / "config.json").write_bytes((folder / "config.json").read_bytes())
    by_hand = json.loads((home / "there" / "text_config.json").read_text()) | {"num_attention_heads": 1}
    (home / "there" / "text_config.json").write_text(json.dumps(by_hand))
    expected = InternVideo2(home / "there").classes_of(asked)
    found = engine.classes_of(asked)
    assert list(found) == list(expected) == ["pour", "/place"]
    assert all(np.allclose(found[name], expected[name], atol=1e-5) for name in found)


def test_other_families_are_no_internvideo2(home: Path) -> None:
    tensors = internvideo2(home / "there")
    for gone in ("vision_encoder.blocks.0.attn.q_norm.weight", "vision_encoder.clip_projector.cross_attn.proj.weight"):
        torch.save({name: tensor for name, tensor in tensors.items() if name != gone}, home / "other.pt")
        with pytest.raises(CommandError, match="another model than InternVideo2"):
            convert("internvideo2", home / "other.pt")
    torch.save({"model": [1, 2]}, home / "list.pt")
    with pytest.raises(CommandError, match="no plain state dict"):
        convert("internvideo2", home / "list.pt")
