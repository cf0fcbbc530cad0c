"""Engines of layers: chosen per project, one in memory, as many pictures at once as fit, plain words when missing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from annotation import clips
from annotation.models import Clip, Project
from enrichment import choosing, compute, engine, loading, registry, runs
from enrichment.engine import LayerEngine
from enrichment.errors import EngineMissing, EnrichmentError, RunRefused
from enrichment.layer import Layer
from enrichment.models import Batch, LayerRun, LayerSetting, Run
from enrichment.parameters import names
from tests.enrichment.layers import Numbers, only
from tests.enrichment.offered import COUNTER, Counter1, Pixels, offering, save


@pytest.fixture
def weights(settings: Any, tmp_path: Path) -> Path:
    settings.WEIGHTS_DIR = tmp_path / "weights"
    return settings.WEIGHTS_DIR


@pytest.fixture
def counters(weights: Path) -> Iterator[Path]:
    """The layer pixels, and two folders of weights that its engine takes."""
    save(weights / "small")
    save(weights / "large", content=b"more weights")
    save(weights / "other", kind="bert")
    loading.forget()
    with only(Numbers, Pixels), offering(COUNTER):
        yield weights
    loading.forget()


def pixels() -> Layer:
    return registry.get("pixels")


def hand(chosen: str, folder: Path, offer: LayerEngine | None = None) -> loading.InHand:
    found = choosing.in_hand(pixels(), choosing.choose(pixels(), chosen, folder), {})[0]
    return replace(found, offer=offer) if offer else found


def count(model: Any, few: list[np.ndarray]) -> list[int]:
    return model.count(few, COUNTER.Parameters())


def computed(project: Project, by: User | None) -> Run:
    run = runs.request(project=project, by=by, layers=["pixels"], tell=False)
    runs.plan(run)
    compute.work_here(run)
    return run


PICTURES = [np.zeros((2, 3, 3), np.uint8)] * 9


class TestWhatIsOffered:
    @pytest.mark.parametrize("offer", engine.every.every().values(), ids=lambda offer: offer.key)
    def test_every_engine_is_of_a_layer_that_says_what_it_needs(self, offer: LayerEngine) -> None:
        layer = registry.get(offer.layer)
        assert layer.needs is not None
        assert not names(layer.Parameters) & names(offer.Parameters), "a parameter would be set of two things at once"
        assert all(hub.licence and "/" in hub.id for hub in offer.hub)
        assert offer.kinds or not offer.hub

    @pytest.mark.parametrize("layer", registry.every().values(), ids=lambda layer: layer.name)
    def test_every_layer_computes_without_weights_or_says_why_not(self, layer: Layer) -> None:
        own = choosing.own(layer)
        assert bool(own.engine) != bool(own.no_engine)
        assert all(pick.folder is None for pick in own.picks)

    def test_what_can_be_chosen_is_what_lies_in_the_weights_folder(self, counters: Path) -> None:
        assert choosing.options(pixels(), counters) == [
            ("counter:large", "The counter, large"),
            ("counter:small", "The counter, small"),
        ]

    def test_a_choice_names_the_weights_by_their_content(self, counters: Path) -> None:
        small, large = (choosing.choose(pixels(), f"counter:{name}", counters) for name in ("small", "large"))
        assert small.engine_version != large.engine_version
        (counters / "small" / "model.safetensors").write_bytes(b"trained on")
        assert choosing.choose(pixels(), "counter:small", counters).engine_version != small.engine_version
        assert len(choosing.short(small.engine_version)) == len("1 sha256:") + 12

    @pytest.mark.parametrize(
        ("chosen", "said"),
        [
            ("abacus", "no engine 'abacus'; there are: counter"),
            ("counter:medium", "no weights 'medium' below"),
            ("counter:other", "no weights 'other' below"),
            ("counter", "no weights '' below"),
            ("counter:small,abacus", "one engine at a time"),
        ],
    )
    def test_what_is_not_here_is_refused_with_a_sentence(self, chosen: str, said: str, counters: Path) -> None:
        with pytest.raises(EngineMissing, match=said):
            choosing.choose(pixels(), chosen, counters)

    def test_the_only_folder_that_fits_needs_no_name(self, counters: Path, tmp_path: Path) -> None:
        save(tmp_path / "one" / "single")
        assert choosing.choose(pixels(), "counter", tmp_path / "one").engine == "counter:single"

    def test_a_missing_package_and_a_missing_key_are_named(self, counters: Path) -> None:
        for offer, said in (
            (replace(COUNTER, name="far", packages=("left_pad",)), "needs left_pad, which is not installed"),
            (replace(COUNTER, name="api", kinds=(), lacks=lambda: "The key is not set."), "The key is not set."),
        ):
            with offering(offer), pytest.raises(EngineMissing, match=said):
                choosing.choose(pixels(), offer.name, counters)


class TestInMemory:
    def test_a_model_is_loaded_once_and_warmed_up(self, counters: Path) -> None:
        for _ in range(3):
            found = list(hand("counter:small", counters).over(PICTURES, count))
            assert [total for _, total in found] == [6] * 9
        assert Counter1.made == {"small": 1, "rehearsed": 1}
        assert Counter1.asked == [4, 4, 1] * 3

    def test_another_model_takes_its_place(self, counters: Path) -> None:
        for name in ("small", "large", "small"):
            list(hand(f"counter:{name}", counters).over(PICTURES[:1], count))
        assert Counter1.made == {"small": 2, "large": 1, "rehearsed": 3}

    def test_batches_are_halved_when_memory_runs_out_and_stay_so(
        self, counters: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Counter1, "fits", 1)
        found = list(
            hand("counter:small", counters).over(enumerate(PICTURES), lambda m, few: count(m, [p for _, p in few]))
        )
        assert [number for (number, _), _ in found] == list(range(9))
        assert Counter1.asked == [4, 2] + [1] * 9
        Counter1.asked.clear()
        list(hand("counter:small", counters).over(PICTURES[:2], count))
        assert Counter1.asked == [1, 1]

    def test_what_does_not_fit_even_alone_is_said(self, counters: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Counter1, "fits", 0)
        with pytest.raises(EnrichmentError, match="even for one picture at a time"):
            list(hand("counter:small", counters).over(PICTURES, count))

    def test_the_first_batch_is_what_free_memory_allows(self, counters: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(loading, "free_memory", lambda: 1000)
        assert hand("counter:small", counters, replace(COUNTER, picture_memory=200)).batch == 3
        assert hand("counter:small", counters, replace(COUNTER, picture_memory=5000)).batch == 1
        assert hand("counter:small", counters).batch == 4

    def test_an_engine_that_cannot_do_what_the_layer_needs_is_refused(self, counters: Path) -> None:
        wrong = replace(COUNTER, make="tests.enrichment.offered:Speechless", kinds=())
        with pytest.raises(EnrichmentError, match="cannot do what the layer pixels asks"):
            list(replace(hand("counter:small", counters, wrong), folder=None).over(PICTURES, count))

    def test_a_worker_forked_after_a_model_was_loaded_says_so_instead_of_hanging(self, counters: Path) -> None:
        engine_in_hand = hand("counter:small", counters)
        list(engine_in_hand.over(PICTURES[:1], count))
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            try:
                list(engine_in_hand.over(PICTURES[:1], count))
                said = "nothing"
            except EnrichmentError as error:
                said = str(error)
            os.write(writing, said.encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            assert b"was forked from a process that had loaded a model" in pipe.read()
        os.waitpid(child, 0)

    def test_torch_running_out_of_memory_is_told_from_other_errors(self) -> None:
        torch = pytest.importorskip("torch")
        assert loading.is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
        assert loading.is_out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"))
        assert not loading.is_out_of_memory(RuntimeError("shapes cannot be multiplied"))


@pytest.mark.django_db
class TestInProjects:
    def test_a_layer_without_a_choice_says_that_it_has_no_engine(
        self, counters: Path, project: Project, clip: Clip, alice: User
    ) -> None:
        run = computed(project, alice)
        row = LayerRun.objects.get(runs=run)
        assert (row.state, row.error) == ("no_engine", Pixels.no_engine)

    def test_the_chosen_engine_computes_it_and_is_named_in_the_manifest(
        self, counters: Path, project: Project, clip: Clip, alice: User
    ) -> None:
        runs.configure(project=project, layer="pixels", engine="counter:small", parameters={"times": 2}, by=alice)
        computed(project, alice)
        assert json.loads((clip.folder / "pixels/all.json").read_text()) == [96 * 64 * 2] * clip.frame_count
        entry = clips.folder(clip).manifest()["layers"]["pixels"]
        assert entry["engine"] == "counter:small"
        assert entry["engine_version"] == f"1 sha256:{choosing.sha256_of(counters / 'small')}"
        assert entry["parameters"] == {"times": 2}

    def test_other_weights_are_another_result_and_the_same_ones_are_not(
        self, counters: Path, project: Project, clip: Clip, alice: User
    ) -> None:
        for name in ("small", "large", "small", "small"):
            runs.configure(project=project, layer="pixels", engine=f"counter:{name}", by=alice)
            computed(project, alice)
        assert LayerRun.objects.filter(clip=clip, layer="pixels").count() == 2
        assert Counter1.made["large"] == 1
        assert LayerRun.objects.current().get(layer="pixels").engine == "counter:small"

    def test_choosing_what_is_not_here_changes_nothing(
        self, counters: Path, project: Project, clip: Clip, alice: User
    ) -> None:
        with pytest.raises(EngineMissing, match="lay them there"):
            runs.configure(project=project, layer="pixels", engine="counter:huge", by=alice)
        with pytest.raises(RunRefused, match="no parameter tmies; it has times"):
            runs.configure(project=project, layer="pixels", parameters={"tmies": 2}, by=alice)
        assert not LayerSetting.objects.exists()

    def test_when_the_weights_are_gone_a_person_is_told_and_what_was_computed_stands(
        self, counters: Path, project: Project, clip: Clip, alice: User
    ) -> None:
        runs.configure(project=project, layer="pixels", engine="counter:small", by=alice)
        computed(project, alice)
        (counters / "small").rename(counters.parent / "elsewhere")
        before = Run.objects.count()
        with pytest.raises(EngineMissing, match="no weights 'small'"):
            runs.request(project=project, by=alice, tell=False)
        assert Run.objects.count() == before
        computed(project, None)
        assert LayerRun.objects.get(layer="pixels").state == "done"

    def test_a_clip_that_arrives_without_the_weights_waits_with_the_reason(
        self, counters: Path, project: Project, clip: Clip
    ) -> None:
        LayerSetting.objects.create(project=project, layer="pixels", engine="counter:gone")
        run = computed(project, None)
        row = LayerRun.objects.get(runs=run)
        assert row.state == "no_engine"
        assert "no weights 'gone'" in row.error

    def test_a_worker_with_other_weights_does_not_pass_them_off_as_those_that_were_asked_for(
        self, counters: Path, project: Project, clip: Clip, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("enrichment.leases.MOST_ATTEMPTS", 1)
        runs.configure(project=project, layer="pixels", engine="counter:small", by=alice)
        run = runs.request(project=project, by=alice, layers=["pixels"], tell=False)
        runs.plan(run)
        (counters / "small" / "model.safetensors").write_bytes(b"trained on")
        compute.work_here(run)
        row = LayerRun.objects.get(runs=run)
        assert row.state == "failed"
        assert "lay the same weights on every machine" in row.error
        assert not (clip.folder / "pixels").exists()

    @pytest.mark.parametrize(("has_gpu", "queue"), [(True, "gpu"), (False, "cpu")])
    def test_what_runs_on_either_device_waits_for_a_gpu_only_where_there_is_one(
        self, has_gpu: bool, queue: str, counters: Path, project: Project, clip: Clip, alice: User, settings: Any
    ) -> None:
        settings.GPU_WORKERS = has_gpu
        runs.configure(project=project, layer="pixels", engine="counter:small", by=alice)
        runs.plan(runs.request(project=project, by=alice, layers=["pixels"], tell=False))
        assert set(Batch.objects.values_list("queue", flat=True)) == {queue}

    def test_the_command_line_chooses_an_engine(self, counters: Path, project: Project, clip: Clip) -> None:
        call_command("enrich", project.slug, "--layers=pixels", "--engine=pixels=counter:large", "--here", verbosity=0)
        assert LayerRun.objects.current().get(layer="pixels").engine == "counter:large"
        call_command("enrich", project.slug, "--layers=pixels", "--engine=pixels=", "--here", verbosity=0)
        assert LayerRun.objects.current().get(layer="pixels").state == "no_engine"
        with pytest.raises(CommandError, match="cannot be read"):
            call_command("enrich", project.slug, "--engine=counter", "--here")
        with pytest.raises(CommandError, match="no engine 'abacus'"):
            call_command("enrich", project.slug, "--engine=pixels=abacus", "--here")
