"""Older versions of layers are dropped by the command and by the page, and nothing else goes with them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from annotation import clips
from annotation.models import Clip, History, Project
from enrichment import compute, queue, runs
from enrichment.layer import Layer
from enrichment.models import LayerRun

pytestmark = pytest.mark.django_db
PAGE = "/projects/table-top/versions/"


@pytest.fixture
def three(project: Project, clip: Clip, alice: User, small_layers: dict[str, Layer]) -> Clip:
    """Three versions of numbers, sums and last: two of each are kept beside the current one."""
    for add in (1, 2, 3):
        runs.configure(project=project, layer="numbers", parameters={"add": add}, by=alice)
        run = runs.request(project=project, by=alice, tell=False)
        runs.plan(run)
        compute.work_here(run)
    assert kept() == {"numbers": 2, "sums": 2, "last": 2}
    return clip


@pytest.fixture
def at_once(django_capture_on_commit_callbacks: Any) -> Callable[..., Any]:
    """Do something, and what it does on commit."""

    def do(what: Callable[[], Any]) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            return what()

    return do


def kept() -> dict[str, int]:
    rows = list(LayerRun.objects.kept().values_list("layer", flat=True))
    return {layer: rows.count(layer) for layer in sorted(set(rows), key=["numbers", "sums", "last"].index)}


def lying(clip: Clip) -> int:
    folder = clip.folder / ".versions"
    return len(list(folder.iterdir())) if folder.exists() else 0


def command(*words: str) -> str:
    said = io.StringIO()
    call_command("versions", "table-top", *words, stdout=said)
    return said.getvalue()


class TestCommand:
    def test_without_drop_it_only_lists(self, three: Clip) -> None:
        lines = command().splitlines()
        assert [line.split()[:3] for line in lines] == [[name, "2", "versions"] for name in ("last", "numbers", "sums")]
        assert lying(three) == 6

    def test_drop_removes_rows_and_files_and_leaves_what_is_current(
        self, three: Clip, at_once: Callable[..., Any]
    ) -> None:
        current = set(LayerRun.objects.current().values_list("pk", flat=True))
        said = at_once(lambda: command("--drop"))
        assert "Dropped 6 versions," in said
        assert (kept(), lying(three)) == ({}, 0)
        assert set(LayerRun.objects.current().values_list("pk", flat=True)) == current
        assert clips.folder(three).verify() == []
        told = History.objects.get(verb="dropped versions")
        assert (told.data["versions"], told.data["layers"]) == (6, ["last", "numbers", "sums"])
        assert "No older versions are kept" in command("--drop")

    def test_beyond_leaves_the_latest_of_each_layer(self, three: Clip, at_once: Callable[..., Any]) -> None:
        latest = {row.layer: row.pk for row in LayerRun.objects.kept().reverse()}
        at_once(lambda: command("--beyond", "1", "--drop"))
        assert {row.layer: row.pk for row in LayerRun.objects.kept()} == latest
        assert lying(three) == 3

    def test_a_layer_or_a_clip_alone(self, three: Clip, at_once: Callable[..., Any]) -> None:
        at_once(lambda: command("--layer", "numbers", "--drop"))
        assert kept() == {"sums": 2, "last": 2}
        assert "No older versions" in at_once(lambda: command("--clip", str(three.pk + 1), "--drop"))
        at_once(lambda: command("--clip", str(three.pk), "--drop"))
        assert kept() == {}

    def test_what_makes_no_sense_is_refused_and_drops_nothing(self, three: Clip) -> None:
        with pytest.raises(CommandError, match="there are: table-top"):
            call_command("versions", "kitchen", "--drop")
        with pytest.raises(CommandError, match="--beyond is -1, but it must be 0 or more"):
            command("--beyond", "-1", "--drop")
        assert lying(three) == 6


class TestPage:
    def test_a_manager_drops_a_layers_versions_or_all(
        self, three: Clip, alice: User, client: Client, at_once: Callable[..., Any]
    ) -> None:
        client.force_login(alice)
        shown = client.get(PAGE)
        assert [(row["layer"], row["count"]) for row in shown.context["layers"]] == [
            ("last", 2),
            ("numbers", 2),
            ("sums", 2),
        ]
        assert shown.context["bytes"] == sum(LayerRun.objects.kept().values_list("kept_bytes", flat=True))
        assert 'name="drop" value="numbers"' in shown.content.decode()
        assert at_once(lambda: client.post(PAGE, {"drop": "numbers"})).status_code == 302
        assert kept() == {"sums": 2, "last": 2}
        at_once(lambda: client.post(PAGE, {"drop": ""}))
        assert (kept(), lying(three)) == ({}, 0)

    def test_a_lead_compares_and_does_not_drop(
        self,
        three: Clip,
        dana: User,
        client: Client,
        monkeypatch: pytest.MonkeyPatch,
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        sent: list[tuple[Any, ...]] = []
        monkeypatch.setattr(queue, "send", lambda job, *ids, **_: sent.append((job, *ids)))
        client.force_login(dana)
        shown = client.get(PAGE)
        assert shown.context["missing"] == 3
        assert "Compare 3 pairs" in shown.content.decode()
        assert 'name="drop"' not in shown.content.decode()
        assert client.post(PAGE, {"drop": "numbers"}).status_code == 403
        with django_capture_on_commit_callbacks(execute=True):
            assert client.post(PAGE, {"compare": "1"}).status_code == 302
        latest = {row.layer: row.pk for row in LayerRun.objects.kept().reverse()}
        now = {row.layer: row.pk for row in LayerRun.objects.current()}
        assert sorted(sent) == sorted(("enrichment.jobs.compare", latest[name], now[name]) for name in now)
        assert kept() == {"numbers": 2, "sums": 2, "last": 2}
