"""InternVideo2 from tiny checkpoints with random weights: the way and the arithmetic, not the quality."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")
pytest.importorskip("transformers")

from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

from annotation import clips  # noqa: E402
from annotation.models import Clip, Proposal  # noqa: E402
from enrichment import compute, loading, runs  # noqa: E402
from enrichment.engines import internvideo2_text, window_segments  # noqa: E402
from enrichment.engines.internvideo2 import InternVideo2  # noqa: E402
from enrichment.engines.internvideo2_network import Shape, VideoEncoder  # noqa: E402
from enrichment.errors import EngineInputError  # noqa: E402
from enrichment.models import LayerRun  # noqa: E402
from enrichment.offers.internvideo2 import Parameters  # noqa: E402
from tests.enrichment.engines import internvideo2_checkpoints as tiny  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = {"pour": torch.randn(8), "place/release": torch.randn(8)}
    return tiny.save(tmp_path_factory.mktemp("weights") / "tiny", texts=texts)


def rms(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * weight


def attend(q: np.ndarray, k: np.ndarray, v: np.ndarray, heads: int) -> np.ndarray:
    out = np.zeros((len(q), q.shape[1]))
    width = q.shape[1] // heads
    for head in range(heads):
        own = slice(head * width, (head + 1) * width)
        scores = q[:, own] @ k[:, own].T / np.sqrt(width)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        out[:, own] = shares / shares.sum(-1, keepdims=True) @ v[:, own]
    return out


def by_hand(pixels: np.ndarray, w: dict[str, np.ndarray]) -> np.ndarray:
    """The paper's network in plain loops, on (3, frames, 28, 28)."""
    kernel = w["patch_embed.proj.weight"][:, :, 0]
    tokens = [
        np.tensordot(kernel, pixels[:, t, y : y + 14, x : x + 14], 3) + w["patch_embed.proj.bias"]
        for t in range(4)
        for y in (0, 14)
        for x in (0, 14)
    ]
    x = np.vstack([w["cls_token"][0], tokens]) + w["pos_embed"][0]
    for n in range(2):
        b = {name.removeprefix(f"blocks.{n}."): value for name, value in w.items() if name.startswith(f"blocks.{n}.")}
        q, k, v = np.split(rms(x, b["norm1.weight"]) @ b["attn.qkv.weight"].T, 3, axis=1)
        seen = attend(rms(q, b["attn.q_norm.weight"]), rms(k, b["attn.k_norm.weight"]), v, 4)
        x = x + (seen @ b["attn.proj.weight"].T + b["attn.proj.bias"]) * b["ls1.gamma"]
        inner = rms(x, b["norm2.weight"]) @ b["mlp.fc1.weight"].T + b["mlp.fc1.bias"]
        inner = torch.nn.functional.gelu(torch.from_numpy(inner)).numpy()
        x = x + (inner @ b["mlp.fc2.weight"].T + b["mlp.fc2.bias"]) * b["ls2.gamma"]
    p = {name.removeprefix("clip_projector."): value for name, value in w.items() if "clip_projector." in name}

    def side(name: str, x: np.ndarray) -> np.ndarray:
        normed = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        normed = normed * p[f"norm1_{name}.weight"] + p[f"norm1_{name}.bias"]
        return normed @ p[f"cross_attn.{name}.weight"].T + p[f"cross_attn.{name}_bias"]

    pooled = attend(side("q", x.mean(0, keepdims=True)), side("k", x), side("v", x), 3)[0]
    pooled = pooled @ p["cross_attn.proj.weight"].T + p["cross_attn.proj.bias"]
    return pooled @ w["vision_proj.weight"].T + w["vision_proj.bias"]


def test_the_network_computes_what_the_paper_says(folder: Path) -> None:
    stored = load_file(folder / "model.safetensors")
    known = {name.removeprefix("vision_encoder."): tensor for name, tensor in stored.items()}
    unused = ("clip_pos_embed", "clip_decoder.0.head.weight")
    network = VideoEncoder(Shape.of(tiny.CONFIG)).eval()
    network.load_state_dict({name: tensor for name, tensor in known.items() if name not in unused})
    pixels = torch.randn(1, 3, 4, 28, 28)
    with torch.inference_mode():
        found = network(pixels)[0].numpy()
    expected = by_hand(pixels[0].double().numpy(), {name: tensor.double().numpy() for name, tensor in known.items()})
    assert np.allclose(found, expected, atol=1e-4)


def test_the_1b_model_has_the_size_that_its_makers_give() -> None:
    with torch.device("meta"):
        network = VideoEncoder(Shape())
    count = sum(parameter.numel() for parameter in network.parameters())
    assert 1.0e9 < count < 1.05e9


def test_windows_become_vectors_of_length_one(folder: Path) -> None:
    engine = InternVideo2(folder)
    pictures = list(np.random.default_rng(0).integers(0, 255, (16, 30, 40, 3), dtype=np.uint8))
    one, other = engine.describe([pictures, pictures[::-1]], None)
    assert one.shape == (8,)
    assert np.linalg.norm(one) == pytest.approx(1.0, abs=1e-5)
    assert not np.allclose(one, other)
    assert set(engine.classes) == {"pour", "place/release"}
    with pytest.raises(EngineInputError, match="4 pictures or more"):
        engine.describe([pictures[:2]], None)


def test_weights_and_texts_that_do_not_fit_are_refused(tmp_path: Path, folder: Path) -> None:
    there = tiny.save(tmp_path / "other")
    (there / "config.json").write_text(json.dumps(tiny.CONFIG | {"depth": 3}))
    with pytest.raises(EngineInputError, match="not InternVideo2 of that config"):
        InternVideo2(there)
    (there / "config.json").write_text(json.dumps(tiny.CONFIG))
    assert InternVideo2(there).classes_of(None) == {}
    save_file({"pour": torch.ones(5)}, there / "text_features.safetensors")
    with pytest.raises(EngineInputError, match="5 numbers for 'pour'; 8 are needed"):
        InternVideo2(there)


def test_stretches_are_cut_where_the_vectors_change_and_named_by_the_nearest_text() -> None:
    dice = np.random.default_rng(2)
    kinds = np.eye(16, dtype=np.float32)[[0, 3, 5]]
    vectors = np.repeat(kinds, (20, 15, 25), axis=0) + dice.normal(0, 0.02, (60, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = window_segments.propose(
        vectors, list(range(0, 480, 8)), window=16, frames=490, fps=30.0,
        classes={"pour": kinds[1], "place/release": kinds[2], "pick": kinds[0]}, shortest=0.5, longest=30.0,
    )  # fmt: skip
    said = [(each.level, each.action_class, each.phase) for each in found]
    assert said == [
        ("task", "pick", ""), ("primitive", "pick", ""), ("task", "pour", ""), ("primitive", "pour", ""),
        ("task", "place", ""), ("primitive", "place", "release"),
    ]  # fmt: skip
    assert [each.start for each in found] == [0, 0, 164, 164, 284, 284], "half-way between the middles of two windows"
    assert found[-1].end == 490
    assert min(each.confidence for each in found) > 0.9
    unnamed = window_segments.propose(
        vectors, list(range(0, 480, 8)), window=16, frames=490, fps=30.0, classes={}, shortest=0.5, longest=30.0
    )
    assert [(each.start, each.action_class) for each in unnamed] == [(0, ""), (164, ""), (284, "")]


def test_action_and_phase_are_chosen_apart_and_a_run_of_one_action_is_a_task() -> None:
    dice = np.random.default_rng(3)
    base = np.eye(16, dtype=np.float32)
    # What is seen lies between the words of its action and the words of its phase.
    seen = [base[0] + 0.8 * base[8], base[0] + 0.8 * base[9], base[1] + 0.8 * base[8]]
    vectors = np.repeat(np.array(seen), (20, 15, 25), axis=0) + dice.normal(0, 0.02, (60, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    classes = {"pick": base[0], "pour": base[1], "/lift": base[8], "/release": base[9]}
    found = window_segments.propose(
        vectors, list(range(0, 480, 8)), window=16, frames=490, fps=30.0, classes=classes, shortest=0.5, longest=30.0
    )
    assert [(each.level, each.start, each.end, each.action_class, each.phase) for each in found] == [
        ("task", 0, 284, "pick", ""), ("primitive", 0, 164, "pick", "lift"), ("primitive", 164, 284, "pick", "release"),
        ("task", 284, 490, "pour", ""), ("primitive", 284, 490, "pour", "lift"),
    ]  # fmt: skip
    for each in found:
        assert 0.5 < (each.action_confidence or 0) <= 1
        if each.level == "task":
            assert each.phase_confidence is None
        else:
            sure = (each.action_confidence or 0) * (each.phase_confidence or 0)
            assert each.confidence == pytest.approx(sure, abs=1e-3)
    assert found[1].descriptions[0] == "Do: lift pick."


def test_phases_are_encoded_beside_the_actions_and_a_file_of_actions_leaves_them_be(tmp_path: Path) -> None:
    asked = Parameters(classes=("pour",), phases=("place", "pick"))
    tiny.add_text(tiny.save(tmp_path / "text"))
    found = InternVideo2(tmp_path / "text").classes_of(asked)
    assert list(found) == ["pour", "/place", "/pick"]
    assert all(np.linalg.norm(vector) == pytest.approx(1.0) for vector in found.values())
    tiny.add_text(tiny.save(tmp_path / "file", texts={"wipe": torch.randn(8)}))
    assert list(InternVideo2(tmp_path / "file").classes_of(asked)) == ["wipe", "/place", "/pick"]
    tiny.add_text(tiny.save(tmp_path / "both", texts={"wipe/lift": torch.randn(8)}))
    assert list(InternVideo2(tmp_path / "both").classes_of(asked)) == ["wipe/lift"]


def test_classes_are_encoded_by_the_text_side_where_it_is_among_the_weights(tmp_path: Path) -> None:
    there = tiny.save(tmp_path / "with-text")
    bert = tiny.add_text(there)
    found = InternVideo2(there).classes_of(Parameters(classes=("pour", "pick_and_place")))
    words = AutoTokenizer.from_pretrained(str(there), local_files_only=True)
    tensors = load_file(there / "model.safetensors")
    vectors = []
    for prompt in internvideo2_text.PROMPTS:
        # One at a time, without padding: the first token after the layers that read text alone, projected.
        asked = words(prompt.format("pick and place"), return_tensors="pt")
        with torch.inference_mode():
            first = bert(**asked).last_hidden_state[0, 0].numpy()
        vector = tensors["text_proj.weight"].numpy() @ first + tensors["text_proj.bias"].numpy()
        vectors.append(vector / np.linalg.norm(vector))
    expected = np.mean(vectors, axis=0)
    np.testing.assert_allclose(found["pick_and_place"], expected / np.linalg.norm(expected), atol=1e-5)
    assert np.linalg.norm(found["pour"]) == pytest.approx(1.0)
    assert list(found) == ["pour", "pick_and_place"]


def test_a_file_of_vectors_has_the_last_word_and_another_models_text_side_is_refused(tmp_path: Path) -> None:
    there = tiny.save(tmp_path / "both", texts={"wipe": torch.randn(8)})
    tiny.add_text(there)
    assert set(InternVideo2(there).classes_of(Parameters(classes=("pour",)))) == {"wipe"}
    (there / "text_config.json").write_text(json.dumps({"hidden_size": 20, "num_attention_heads": 2}))
    with pytest.raises(EngineInputError, match=r"The text encoder in .* cannot be loaded"):
        InternVideo2(there)


@pytest.mark.django_db
def test_the_layer_is_computed_with_it(folder: Path, settings: Any, clip: Clip) -> None:
    settings.WEIGHTS_DIR = folder.parent
    loading.forget()
    runs.configure(project=clip.project, layer="actions", engine="internvideo2:tiny", parameters={"stride": 4}, by=None)
    run = runs.request(project=clip.project, by=clip.added_by, clips=[clip], layers=["actions"], tell=False)
    runs.plan(run)
    compute.work_here(run)
    row = LayerRun.objects.get(runs=run, layer="actions")
    assert (row.state, row.error, row.engine) == ("done", "", "internvideo2:tiny")
    content = json.loads(clips.folder(clip).local("actions/segments.json").read_bytes())
    assert content["engine"].startswith("internvideo2:tiny 2 sha256:")
    made = content["segments"]
    assert (made[0]["start"], made[-1]["end"]) == (0, clip.frame_count)
    assert {each["action"] for each in made} <= {"pour", "place"}
    assert {each["level"] for each in made} == {"task", "primitive"}
    proposed = Proposal.objects.current().filter(clip=clip, kind="segment")
    assert proposed.count() == len(made)
    assert all(each.details["action_confidence"] == each.confidence for each in proposed)
