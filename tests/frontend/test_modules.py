"""The workbench names its modules in advance."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from annotation import tasks
from frontend import modules
from tests import factories

pytestmark = pytest.mark.django_db


def test_everything_that_is_imported_is_named_once_and_exists() -> None:
    found = modules.needed_by("js/main.js", "js/tools/brush.js")
    assert len(found) == len(set(found)) > 50
    for path in found:
        for imported in re.findall(r'from "\.{1,2}/(?:[^"]*/)?([a-z0-9_]+\.js)"', (modules.STATIC / path).read_text()):
            assert any(other.endswith(f"/{imported}") for other in found), f"{path} needs {imported}"


def test_the_workbench_asks_for_its_work_before_anything_else(client: Client) -> None:
    bob = factories.UserFactory()
    project = factories.ProjectFactory(annotators=[bob])
    clip = factories.ClipFactory(project=project)
    task = tasks.claim(task=clip.tasks.get(), user=bob)
    client.force_login(bob)
    answer = client.get(f"/tasks/{task.pk}/")
    assert answer.status_code == 200, answer
    page = answer.content.decode()
    named = re.findall(r'rel="modulepreload" href="[^"]*?(js/[^"]+)"', page)
    assert named[0] == "js/workbench/arriving.js"
    assert {"js/main.js", "js/models/rle.js", "js/tools/brush.js"} <= set(named)
    assert f'data-clip="{task.clip_id}"' in page
