"""The settings page of a project: what its manager sees is what is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from annotation.models import Project
from tests.frontend.conftest import Browse

pytestmark = pytest.mark.django_db

PAGE = "/projects/table-top/settings/"


@pytest.fixture
def weights(tmp_path: Path, settings: Any) -> Path:
    """Weights of SAM 2 for video, as far as a page looks at them."""
    settings.WEIGHTS_DIR = tmp_path
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "config.json").write_text('{"model_type": "sam2_video"}')
    (tmp_path / "small" / "model.safetensors").write_bytes(b"")
    return tmp_path


def fields(client: Client) -> dict[str, Any]:
    """What a browser would send when nothing was touched."""
    form = client.get(PAGE).context["form"]
    return {field.name: "" if field.value() is None else field.value() for field in form if field.value() is not False}


def options(client: Client, field: str) -> dict[str, str]:
    return dict(client.get(PAGE).context["form"].fields[field].choices)


def test_a_manager_chooses_what_makes_and_what_carries_masks(
    project: Project, alice: User, browse: Browse, weights: Path
) -> None:
    client = browse(alice)
    assert options(client, "prompt_engine") == {"": "GrabCut, no weights", "sam2:small": "SAM 2, small"}
    carriers = options(client, "propagation_engine")
    assert carriers[""] == "Flow and colour"
    assert carriers["sam2:small"] == "SAM 2 video, small"
    chosen = {"prompt_engine": "sam2:small", "propagation_engine": "sam2:small"}
    assert client.post(PAGE, fields(client) | chosen).status_code == 302
    project.refresh_from_db()
    assert (project.prompt_engine, project.propagation_engine) == ("sam2:small", "sam2:small")
    assert client.post(PAGE, fields(client) | {"prompt_engine": "sam2:other"}).status_code == 200, "not on offer"


def test_an_engine_whose_weights_are_gone_is_shown_and_kept(
    project: Project, alice: User, browse: Browse, weights: Path
) -> None:
    Project.objects.update(prompt_engine="sam2:large", propagation_engine="sam2:large")
    client = browse(alice)
    assert options(client, "prompt_engine")["sam2:large"] == "sam2:large (weights not found)"
    page = client.get(PAGE).content.decode()
    assert page.count('<option value="sam2:large" selected>sam2:large (weights not found)</option>') == 2
    assert client.post(PAGE, fields(client) | {"name": "Another name"}).status_code == 302
    project.refresh_from_db()
    assert project.name == "Another name"
    assert (project.prompt_engine, project.propagation_engine) == ("sam2:large", "sam2:large")


def test_the_engine_without_weights_by_its_name_is_the_first_choice(
    project: Project, alice: User, browse: Browse, weights: Path
) -> None:
    Project.objects.update(prompt_engine="grabcut", propagation_engine="flow")
    sent = fields(browse(alice))
    assert (sent["prompt_engine"], sent["propagation_engine"]) == ("", "")
