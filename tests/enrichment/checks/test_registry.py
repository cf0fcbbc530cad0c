from __future__ import annotations

import dataclasses
import json

import pytest

from enrichment.checks import registry
from enrichment.checks.registry import Check, Finding, Measure, merge, series
from enrichment.errors import EngineInputError


def finding(start: int, end: int, *, severity: int = 2, track: int = 1, masks: int = 0) -> Finding:
    drawn = [{"frame": start, "counts": "0"} for _ in range(masks)]
    return Finding("some", start, end, severity, f"{start} to {end}.", {"tracks": [track], "masks": drawn})


def test_the_three_checks_register_themselves() -> None:
    assert set(registry.every()) >= {"flow_vs_segmentation", "actions_vs_motion", "pose_vs_time"}


@pytest.mark.parametrize("check", registry.every().values(), ids=lambda check: check.name)
def test_each_check_says_what_it_compares_and_has_frozen_thresholds(check: Check) -> None:
    assert check.title
    assert check.inputs
    assert check.row.startswith("V")
    with pytest.raises(dataclasses.FrozenInstanceError):
        check.thresholds.merge_gap = 1
    json.dumps(dataclasses.asdict(check.thresholds))


def test_an_unknown_check_is_answered_with_those_there_are() -> None:
    with pytest.raises(EngineInputError, match="pose_vs_time"):
        registry.get("nonsense")


def test_a_name_cannot_be_taken_twice() -> None:
    def run() -> list[Finding]:
        return []

    with pytest.raises(EngineInputError, match="already"):
        registry.register(dataclasses.replace(registry.get("pose_vs_time"), run=run))


def test_findings_of_one_thing_that_lie_close_become_one_range_with_the_gravest_reason() -> None:
    found = [finding(0, 5), finding(7, 9, severity=3), finding(7, 9, track=2), finding(40, 45)]
    joined = merge(found, 3, lambda each: each.evidence["tracks"][0])
    assert [(each.start, each.end, each.severity) for each in joined] == [(0, 9, 3), (7, 9, 2), (40, 45, 2)]
    assert joined[0].reason == "7 to 9."


def test_what_is_wrong_in_two_ways_says_both_the_gravest_first_and_as_much_as_a_flag_keeps() -> None:
    kinds = [("displacement", 2, "It moved."), ("displacement", 2, "It moved on."), ("vacated", 3, "It has left.")]
    found = [
        dataclasses.replace(finding(n, n + 1, severity=severity), reason=said, evidence={"kind": kind})
        for n, (kind, severity, said) in enumerate(kinds)
    ]
    [joined] = merge(found, 3, lambda each: 0)
    assert (joined.reason, joined.evidence["kind"]) == ("It has left. It moved.", "vacated")
    long = [dataclasses.replace(found[2], reason="It has left." * 41), *found[:2]]
    assert merge(long, 3, lambda each: 0)[0].reason == "It has left." * 41


@pytest.mark.parametrize(("above", "kept"), [(True, 0.9), (False, 0.16)])
def test_of_equally_grave_findings_the_worst_number_is_kept_as_a_stricter_threshold_asks_for_it(
    above: bool, kept: float
) -> None:
    measures = {"apart": Measure("distance", "m", "edge", above=above)}
    found = [
        dataclasses.replace(finding(n, n + 1), evidence={"kind": "apart", "measure": number})
        for n, number in enumerate((0.4, 0.9, 0.16))
    ]
    [joined] = merge(found, 3, lambda each: 0, measures)
    assert joined.evidence["measure"] == kept


def test_a_joined_finding_draws_what_all_of_them_draw_up_to_a_bound() -> None:
    few = merge([finding(0, 5, masks=2), finding(5, 9, masks=1)], 0, lambda each: 0)
    many = merge([finding(n, n + 1, masks=10) for n in range(50)], 0, lambda each: 0)
    assert [entry["frame"] for entry in few[0].evidence["masks"]] == [0, 0, 5]
    assert len(many[0].evidence["masks"]) <= 80


def test_gaps_in_a_curve_are_null_because_json_knows_no_nan() -> None:
    assert series("speed", "px", 3, [1.0, float("nan"), 2.0])["values"] == [1.0, None, 2.0]
