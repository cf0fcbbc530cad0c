from __future__ import annotations

from dataclasses import replace

import pytest

from enrichment import choosing, graph, registry
from enrichment.errors import CircularLayers, DuplicateLayer, RunRefused, UnknownLayer
from enrichment.layer import Layer
from tests.enrichment.layers import Last, Numbers, Sums, only


def test_layers_come_after_what_they_need(small_layers: dict[str, Layer]) -> None:
    assert graph.order(["last"]) == ["numbers", "sums", "last"]
    assert graph.order(["sums"]) == ["numbers", "sums"]


def test_every_registered_layer_can_be_ordered_and_says_what_it_writes() -> None:
    order = graph.order(registry.every())
    assert set(order) == set(registry.every())
    for name, layer in registry.every().items():
        assert all(order.index(needed) < order.index(name) for needed in layer.inputs)
        assert layer.outputs, f"{name} declares no outputs"
        assert bool(layer.engine) != bool(layer.no_engine), f"{name} must name an engine or say why there is none"


def test_what_needs_a_layer_is_found_through_others(small_layers: dict[str, Layer]) -> None:
    assert graph.dependants("numbers") == {"sums", "last"}
    assert graph.dependants("last") == set()


def test_layers_that_wait_for_each_other_are_refused() -> None:
    class First(Numbers):
        name = "first"
        inputs = ("second",)

    class Second(Numbers):
        name = "second"
        inputs = ("first",)

    with only(First, Second), pytest.raises(CircularLayers, match="first → second → first"):
        graph.order(["first"])


def test_an_unknown_layer_is_answered_with_those_that_exist(small_layers: dict[str, Layer]) -> None:
    with pytest.raises(UnknownLayer, match="no layer 'colours'; there are last, numbers, sums"):
        registry.get("colours")


def test_a_name_is_registered_once(small_layers: dict[str, Layer]) -> None:
    class Other(Numbers):
        name = "sums"

    with pytest.raises(DuplicateLayer, match="'sums'"):
        registry.register(Other)


def test_layers_that_nothing_honest_computes_without_weights_say_so() -> None:
    without = {name for name, layer in registry.every().items() if layer.no_engine}
    assert without == {"depth", "people", "pose", "captions", "detections"}
    assert all(registry.get(name).no_engine.startswith("No engine:") for name in without)


def test_a_fingerprint_changes_with_everything_that_shapes_the_result() -> None:
    base = {"parameters": {"add": 1}, "source": "aa", "upstream": {"numbers": "bb"}}
    sums, last = Sums(), Last()
    own = choosing.own(sums)
    first = graph.fingerprint(sums, own, **base)
    assert graph.fingerprint(sums, own, **base) == first
    assert graph.fingerprint(sums, own, **base | {"parameters": {"add": 2}}) != first
    assert graph.fingerprint(sums, own, **base | {"source": "ab"}) != first
    assert graph.fingerprint(sums, own, **base | {"upstream": {"numbers": "bc"}}) != first
    assert graph.fingerprint(last, choosing.own(last), **base) != first
    assert graph.fingerprint(sums, replace(own, engine_version="2"), **base) != first
    assert graph.fingerprint(sums, replace(own, engine="other"), **base) != first


@pytest.mark.parametrize(
    ("layer", "given", "said"),
    [
        ("flow", {"scael": 1}, "no parameter scael; it has gaps, preset, scale"),
        ("flow", {"scale": 2}, "scale is 2"),
        ("flow", {"preset": "best"}, "ultrafast, fast, medium"),
        ("metadata", {"measure_every": 0}, "whole number of 1 or more"),
        ("keyframes", {"per_second": 0}, "above 0"),
        ("segmentation", {"least_confidence": 2}, "0 to 1"),
    ],
)
def test_wrong_parameters_are_refused_with_a_sentence(layer: str, given: dict[str, object], said: str) -> None:
    known = registry.get(layer)
    with pytest.raises(RunRefused, match=said):
        choosing.check(known, choosing.own(known), given)
