"""The engines page: what computes a project's layers, and what there is on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from annotation.models import Project
from enrichment.models import LayerSetting
from tests.frontend.conftest import Browse

pytestmark = pytest.mark.django_db

PAGE = "/projects/table-top/settings/engines/"


@pytest.fixture
def weights(tmp_path: Path, settings: Any) -> Path:
    """Weights of Depth Anything, as far as a page looks at them; without the packages they would not be offered."""
    pytest.importorskip("transformers", reason="the packages of engines with weights are optional: make models")
    settings.WEIGHTS_DIR = tmp_path
    settings.SPEEDS_FILE = tmp_path / "speeds.json"
    (tmp_path / "indoor").mkdir()
    (tmp_path / "indoor" / "config.json").write_text('{"model_type": "depth_anything"}')
    (tmp_path / "indoor" / "model.safetensors").write_bytes(b"")
    return tmp_path


def questions(client: Client) -> dict[str, Any]:
    return {question.layer.name: question for question in client.get(PAGE).context["questions"]}


def untouched(client: Client) -> dict[str, Any]:
    """What a browser would send when nothing was touched."""
    sent: dict[str, Any] = {}
    for name, question in questions(client).items():
        sent |= {f"asked-{name}": "1", question.name: list(question.chosen)}
    return sent


def test_a_manager_chooses_what_computes_a_layer(project: Project, alice: User, browse: Browse, weights: Path) -> None:
    client = browse(alice)
    depth = questions(client)["depth"]
    assert depth.options[:2] == (("", "No engine"), ("depth_anything:indoor", "Depth Anything V2, indoor"))
    assert client.post(PAGE, untouched(client) | {"engine-depth": "depth_anything:indoor"}).status_code == 302
    assert list(LayerSetting.objects.values_list("layer", "engine")) == [("depth", "depth_anything:indoor")]
    assert questions(client)["depth"].chosen == ("depth_anything:indoor",)
    client.post(PAGE, untouched(client) | {"engine-depth": ""})
    assert questions(client)["depth"].chosen == ("",)


def test_a_layer_that_computes_by_itself_is_offered_beside_what_can_be_chosen(
    project: Project, alice: User, browse: Browse, weights: Path
) -> None:
    (weights / "sam").mkdir()
    (weights / "sam" / "config.json").write_text('{"model_type": "sam2"}')
    (weights / "sam" / "model.safetensors").write_bytes(b"")
    client = browse(alice)
    own, other = questions(client)["segmentation"].options
    assert own[1].endswith("no weights")
    assert other[0] == "sam2:sam"
    assert questions(client)["segmentation"].chosen == (own[0],)
    client.post(PAGE, untouched(client) | {"engine-segmentation": "sam2:sam"})
    assert questions(client)["segmentation"].chosen == ("sam2:sam",)
    client.post(PAGE, untouched(client) | {"engine-segmentation": own[0]})
    assert questions(client)["segmentation"].chosen == (own[0],)


def test_a_choice_whose_weights_are_gone_is_shown_with_the_reason_and_kept(
    project: Project, alice: User, browse: Browse, weights: Path
) -> None:
    LayerSetting.objects.create(project=project, layer="depth", engine="depth_anything:gone")
    client = browse(alice)
    depth = questions(client)["depth"]
    assert ("depth_anything:gone", "depth_anything:gone (on no machine now)") in depth.options
    assert "no weights 'gone'" in depth.wrong
    assert client.post(PAGE, untouched(client)).status_code == 302
    assert LayerSetting.objects.get().engine == "depth_anything:gone"


def test_choosing_what_is_not_here_changes_nothing_and_says_why(
    project: Project, alice: User, browse: Browse, weights: Path
) -> None:
    client = browse(alice)
    answer = client.post(PAGE, untouched(client) | {"engine-depth": "depth_anything:huge"})
    assert "no weights &#x27;huge&#x27;" in answer.content.decode()
    assert not LayerSetting.objects.exists()


def test_the_page_shows_what_is_on_this_machine(project: Project, alice: User, browse: Browse, weights: Path) -> None:
    speed = {"seconds": 2.25, "device": "x86_64, 2 threads", "measured_at": "2026-01-01T00:00:00+00:00"}
    (weights / "speeds.json").write_text(json.dumps({"depth/depth_anything:indoor": speed}))
    said = browse(alice).get(PAGE).content.decode()
    for words in ("2.250 s", "indoor", str(weights), "depth-anything/Depth-Anything-V2-Small-hf", "CC-BY-NC-4.0"):
        assert words in said
