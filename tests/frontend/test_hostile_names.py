"""What people write is shown as text, whatever it looks like."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from django.contrib.auth.models import User

from annotation import guidelines, projects, tasks
from annotation.models import Clip, Label, Project, Task, Upload
from frontend import plots
from frontend.prose import to_html
from review import reviews
from tests.frontend.conftest import Browse
from tests.frontend.things import HOSTILE, flag

PAGES = [
    "/",
    "/projects/",
    "/projects/table-top/",
    "/projects/table-top/clips/",
    "/clips/{clip}/",
    "/projects/table-top/tasks/",
    "/projects/table-top/uploads/",
    "/projects/table-top/runs/",
    "/projects/table-top/flags/?state=all",
    "/projects/table-top/flags/{flag}/",
    "/projects/table-top/reviews/{task}/",
    "/projects/table-top/deliveries/",
    "/projects/table-top/settings/",
    "/projects/table-top/settings/people/",
    "/projects/table-top/settings/taxonomy/",
    "/projects/table-top/settings/guidelines/",
    "/palette/?q=alert",
    "/projects/table-top/clips/?q=%3Cscript%3Ealert%281%29%3C/script%3E",
]


@pytest.fixture
def hostile(clip: Clip, alice: User, bob: User) -> dict[str, int]:
    """A project in which everything that can be named is named badly."""
    projects.change(project=clip.project, by=alice, name=HOSTILE, description=HOSTILE)
    Clip.objects.filter(pk=clip.pk).update(name=HOSTILE, scene=HOSTILE, source_name=HOSTILE, licence=HOSTILE)
    Label.objects.filter(project=clip.project).update(definition=HOSTILE)
    guidelines.publish(project=clip.project, text=HOSTILE, by=alice)
    Upload.objects.create(project=clip.project, by=alice, name=HOSTILE, size=1, state="refused", reason=HOSTILE)
    task = tasks.claim(task=Task.objects.get(clip=clip), user=bob)
    Task.objects.filter(pk=task.pk).update(state=Task.State.SUBMITTED)
    reviews.send_back(task=task, by=alice, comment=HOSTILE)
    return {"clip": clip.pk, "task": task.pk, "flag": flag(clip, task=task, reason=HOSTILE, check_name=HOSTILE[:60]).pk}


@pytest.mark.parametrize("page", PAGES)
def test_a_hostile_name_is_only_text(page: str, hostile: dict[str, int], alice: User, browse: Browse) -> None:
    said = browse(alice).get(page.format(**hostile))
    html = said.content.decode()
    assert said.status_code == 200
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert " onerror=alert" not in html.replace("&lt;img src=x onerror=alert", "")


def test_the_annotator_reads_the_comment_as_it_was_written(hostile: dict[str, int], bob: User, browse: Browse) -> None:
    assert "&lt;script&gt;alert" in browse(bob).get("/").content.decode()


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[click](javascript:alert(1))",
        "![pixel](https://elsewhere.example/p.png)",
        '<a href="x" onclick="alert(1)">y</a>',
        '<p style="position:fixed">over everything</p>',
        "[data](data:text/html,<script>alert(1)</script>)",
    ],
)
def test_markdown_brings_no_script_no_style_and_nothing_from_elsewhere(text: str) -> None:
    html = to_html(text)
    for forbidden in ("<script", 'href="javascript', "<img", '<a href="x"', "<p style", 'href="data:'):
        assert forbidden not in html


def test_markdown_keeps_what_guidelines_need() -> None:
    html = to_html("# Masks\n\n| right | wrong |\n|---|---|\n| a | b |\n\n1. one\n\n[more](https://example.org)")
    for wanted in ("<h1>Masks</h1>", "<table>", "<li>one</li>", 'href="https://example.org"', "noopener"):
        assert wanted in html


def test_a_plot_with_a_hostile_label_is_well_formed_and_follows_the_theme() -> None:
    plot = plots.agreement([plots.LabelScore(HOSTILE, 0.5, 0.85, 3), plots.LabelScore("gripper", None, 0.85, 0)])
    root = ElementTree.fromstring(plot.svg)
    assert not [each for each in root.iter() if each.tag.endswith("script")]
    text = plot.svg.decode()
    assert "prefers-color-scheme:dark" in text
    assert not any(placeholder in text for placeholder in plots._INKS)
    assert "0.50 (target 0.85)" in plot.alt


def test_pages_allow_no_inline_script_and_none_is_there(project: Project, alice: User, browse: Browse) -> None:
    said = browse(alice).get("/projects/table-top/")
    policy = said["Content-Security-Policy"]
    html = said.content.decode()
    assert "script-src 'self';" in policy + ";"
    assert "unsafe" not in policy
    assert " style=" not in html
    assert "<script>" not in html
    assert " onclick=" not in html
