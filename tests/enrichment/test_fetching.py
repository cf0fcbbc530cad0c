"""Weights come as safetensors of one commit, with their hash; pickles do not come at all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.core.management import CommandError, call_command

from enrichment import choosing, fetching, loading, machine
from enrichment.engine import Hub, LayerEngine
from enrichment.errors import EngineMissing
from tests.enrichment.layers import Numbers, only
from tests.enrichment.offered import COUNTER, Counter1, Pixels, offering, save

COMMIT = "5c1f0b9e" * 5
SMALL = Hub("makers/counter-small", "MIT")
LARGE = Hub("makers/counter-large", "CC-BY-NC-4.0", revision="0123abcd" * 5, gated=True)


class HubOnDisk:
    """A hub with these files in every repository."""

    def __init__(self, *files: str, breaks: bool = False) -> None:
        self.files, self.breaks, self.asked = files, breaks, ""

    def look(self, hub_id: str, revision: str) -> tuple[str, Sequence[str]]:
        self.asked = revision
        return revision or COMMIT, self.files

    def download(self, hub_id: str, commit: str, folder: Path, files: Sequence[str]) -> None:
        for name in files:
            (folder / name).write_text('{"model_type": "counter"}' if name == "config.json" else commit)
            if self.breaks:
                raise EngineMissing("The hub went away.")


WHOLE = ("config.json", "model.safetensors", "pytorch_model.bin", "modeling_counter.py", "vocab.txt", "README.md")


@pytest.fixture(autouse=True)
def offered() -> Iterator[None]:
    loading.forget()
    with only(Numbers, Pixels), offering(replace(COUNTER, hub=(SMALL, LARGE))):
        yield
    loading.forget()


@pytest.fixture
def weights(tmp_path: Path, settings: Any) -> Path:
    settings.WEIGHTS_DIR = tmp_path / "weights"
    settings.SPEEDS_FILE = tmp_path / "speeds.json"
    return settings.WEIGHTS_DIR


def test_only_safetensors_and_configuration_come_and_the_hash_is_written_down(weights: Path) -> None:
    done = fetching.fetch(SMALL, weights, HubOnDisk(*WHOLE))
    assert sorted(path.name for path in done.folder.iterdir()) == [
        "config.json", "loupe.json", "model.safetensors", "vocab.txt",
    ]  # fmt: skip
    said = json.loads((done.folder / "loupe.json").read_text())
    assert (said["hub"], said["revision"], said["licence"]) == (SMALL.id, COMMIT, "MIT")
    assert said["sha256"] == done.sha256 == choosing.sha256_of(done.folder)
    assert choosing.choose(Pixels(), "counter", weights).engine == "counter:counter-small"


def test_the_pinned_commit_is_fetched_unless_another_is_named(weights: Path) -> None:
    hub = HubOnDisk(*WHOLE)
    assert fetching.fetch(LARGE, weights, hub).commit == LARGE.revision
    assert fetching.fetch(LARGE, weights, hub, revision="main").commit == "main"


def test_what_was_fetched_once_is_fetched_again_at_the_same_commit(weights: Path) -> None:
    hub = HubOnDisk(*WHOLE)
    fetching.fetch(SMALL, weights, hub)
    assert hub.asked == ""
    assert fetching.fetch(SMALL, weights, hub).commit == hub.asked == COMMIT
    assert fetching.fetch(SMALL, weights, hub, revision="v2").commit == "v2"
    fetching.fetch(SMALL, weights, hub)
    assert hub.asked == "v2"


def test_an_engine_refuses_weights_that_are_not_what_was_fetched(weights: Path) -> None:
    folder = fetching.fetch(SMALL, weights, HubOnDisk(*WHOLE)).folder
    (folder / "model.safetensors").write_bytes(b"trained on")
    with pytest.raises(
        EngineMissing, match=r"is not what was fetched: its SHA-256 was \w{12} and is \w{12}\. Fetch it"
    ):
        choosing.choose(Pixels(), "counter:counter-small", weights)


@pytest.mark.parametrize("file", ["pytorch_model.bin", "raft_large.pth"])
def test_pickles_are_refused(file: str, weights: Path) -> None:
    with pytest.raises(EngineMissing, match=rf"no safetensors, only \{Path(file).suffix}\. .* are not fetched"):
        fetching.fetch(SMALL, weights, HubOnDisk("config.json", file))
    assert not weights.exists()


def test_a_broken_download_leaves_nothing_that_could_be_chosen(weights: Path) -> None:
    with pytest.raises(EngineMissing, match="went away"):
        fetching.fetch(SMALL, weights, HubOnDisk("model.safetensors", "config.json", breaks=True))
    assert choosing.options(Pixels(), weights) == []
    fetching.fetch(SMALL, weights, HubOnDisk(*WHOLE))
    assert choosing.options(Pixels(), weights) == [("counter:counter-small", "The counter, counter-small")]


def test_what_a_broken_download_of_another_commit_left_is_not_among_the_weights(weights: Path) -> None:
    shards = HubOnDisk("model-00001.safetensors", "onnx/vocab.txt", "config.json", breaks=True)
    (weights / ".counter-small.coming/onnx").mkdir(parents=True)
    with pytest.raises(EngineMissing, match="went away"):
        fetching.fetch(SMALL, weights, shards)
    (weights / ".counter-small.coming/onnx/vocab.txt").write_text("of another commit")
    done = fetching.fetch(SMALL, weights, HubOnDisk(*WHOLE))
    assert sorted(path.name for path in done.folder.iterdir()) == [
        "config.json", "loupe.json", "model.safetensors", "vocab.txt",
    ]  # fmt: skip
    assert done.sha256 == choosing.sha256_of(save(weights / "fresh", content=COMMIT.encode()))


def test_a_folder_that_somebody_laid_there_is_left_alone(weights: Path) -> None:
    save(weights / "counter-small")
    with pytest.raises(EngineMissing, match="was not fetched from the hub"):
        fetching.fetch(SMALL, weights, HubOnDisk(*WHOLE))


def test_a_name_means_one_thing_or_is_asked_back() -> None:
    assert fetching.wanted("makers/counter-large") == LARGE
    with pytest.raises(EngineMissing, match=r"several sizes and licences; name one of makers/counter-small, makers/"):
        fetching.wanted("counter")
    with pytest.raises(EngineMissing, match="No engine takes weights called 'abacus'"):
        fetching.wanted("abacus")


def test_weights_that_changed_since_they_came_are_found(weights: Path) -> None:
    folder = fetching.fetch(SMALL, weights, HubOnDisk(*WHOLE)).folder
    assert fetching.changed(folder) == ""
    call_command("engines", "--layer=pixels", "--verify", stdout=StringIO())
    (folder / "model.safetensors").write_bytes(b"trained on")
    with pytest.raises(CommandError, match="is not what was fetched"):
        call_command("engines", "--layer=pixels", "--verify", stdout=StringIO())


def test_the_list_says_where_weights_are_looked_for_and_what_was_measured(weights: Path) -> None:
    said = StringIO()
    call_command("engines", "--layer=pixels", stdout=said)
    assert f"No weights. Looked for in {weights}" in said.getvalue()
    assert "manage.py fetch_weights makers/counter-small" in said.getvalue()
    assert "makers/counter-large (CC-BY-NC-4.0, gated)" in said.getvalue()
    fetching.fetch(SMALL, weights, HubOnDisk(*WHOLE))
    call_command("engines", "--layer=pixels", "--measure", stdout=StringIO())
    assert Counter1.made["rehearsed"] >= 4
    said = StringIO()
    call_command("engines", "--layer=pixels", stdout=said)
    assert "counter:counter-small" in said.getvalue()
    assert "s a picture on" in said.getvalue()
    assert f"{SMALL.id} at {COMMIT[:12]}, MIT" in said.getvalue()


class Toiling(Counter1):
    """Its layer asks more of it than its rehearsal does."""

    toiled: ClassVar[list[tuple[tuple[int, ...], Any]]] = []

    def work(self, picture: Any, parameters: Any) -> None:
        self.toiled.append((picture.shape, parameters))
        if "broken" in str(self.folder):
            raise KeyError("a layer of it is missing")


@dataclass(frozen=True)
class ToilParameters:
    labels: tuple[str, ...] = ()
    most: int = 256


def test_an_engine_is_timed_at_what_its_layer_asks_and_one_that_fails_keeps_no_other_from_it(weights: Path) -> None:
    for name in ("broken", "whole"):
        save(weights / name)
    Toiling.toiled.clear()
    counter = replace(COUNTER, make=f"{__name__}:Toiling", Parameters=ToilParameters)
    far = LayerEngine(layer="pixels", name="far", title="Far away", make=f"{__name__}:nobody_calls", remote=True)
    said = StringIO()
    with (
        offering(far, counter),
        pytest.raises(CommandError, match=r"counter:broken could not be measured: KeyError: .* missing"),
    ):
        call_command("engines", "--layer=pixels", "--measure", stdout=said)
    assert "counter:whole" in said.getvalue()
    assert "far" not in said.getvalue()
    shape, parameters = Toiling.toiled[-1]
    assert shape == (720, 1280, 3)
    assert parameters == ToilParameters(machine.LABELS)


def test_the_picture_that_is_measured_is_always_the_same() -> None:
    first = machine.synthetic()
    assert first.shape == (720, 1280, 3)
    assert (first == machine.synthetic()).all()
    assert first.std() > 20
