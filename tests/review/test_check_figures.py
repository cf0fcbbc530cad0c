"""What checks raised in a project, and what people made of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from annotation.models import Task
from enrichment import thresholds
from enrichment.checks import registry
from enrichment.models import LayerSetting
from review import check_figures, flags
from review.models import Flag

CHECK = "depth_vs_segmentation"


def raise_flags(task: Task, gaps: list[float], **more: Any) -> list[Flag]:
    found = [
        {
            "start": at,
            "end": at + 1,
            "severity": 2,
            "reason": f"{gap} m apart.",
            "evidence": {"kind": "depth_edge", "label": "container", "measure": gap, **more},
        }
        for at, gap in enumerate(gaps)
    ]
    return flags.record(clip=task.clip, task=task, check=CHECK, findings=found)


@pytest.fixture
def raised(task: Task, dana: User) -> list[Flag]:
    """Four edges, of which dana dismisses the least and confirms the largest."""
    found = raise_flags(task, [0.16, 0.2, 0.3, 0.45])
    flags.decide(flag=found[0], verdict="dismissed", by=dana, reason="A handle.")
    flags.decide(flag=found[3], verdict="fixed", by=dana)
    return found


def test_every_check_is_told_with_its_flags_by_state_and_its_rates(task: Task, raised: list[Flag]) -> None:
    found = {each.name: each for each in check_figures.checks(task.project)}
    assert set(found) == set(registry.every())
    mine = found[CHECK]
    tally = mine.tally
    assert (tally.raised, tally.open, tally.fixed, tally.dismissed, tally.gone) == (4, 2, 1, 1, 0)
    assert tally.false_share == 0.5
    assert mine.per_100_clips == 400.0
    assert mine.per_1000_frames == pytest.approx(4000 / task.clip.frame_count)
    assert mine.days[-1] == sum(mine.days) == 4
    quiet = found["pose_vs_time"]
    assert (quiet.tally.raised, quiet.tally.false_share, quiet.per_100_clips) == (0, None, 0.0)


def test_a_stricter_threshold_is_told_with_the_flags_that_it_would_leave(task: Task, raised: list[Flag]) -> None:
    [found] = check_figures.measured(task.project, CHECK)
    assert (found.kind, found.measure.threshold, found.threshold) == ("depth_edge", "edge", 0.15)
    assert sum(found.counts) == found.flags == 4
    told = {other.value: (other.flags, other.dismissed) for other in found.others}
    assert told[0.19] == (3, 0)
    assert told[0.25] == (2, 0)
    assert list(told) == sorted(told)


def test_the_threshold_drawn_is_the_one_that_the_project_set(task: Task, raised: list[Flag]) -> None:
    LayerSetting.objects.create(project=task.project, layer="check_depth_segmentation", parameters={"edge": 0.1})
    [found] = check_figures.measured(task.project, CHECK)
    assert (found.threshold, found.low) == (0.1, 0.1)


def test_flags_are_broken_down_by_label_scene_and_kind(task: Task, raised: list[Flag]) -> None:
    task.clip.scene = "kitchen"
    task.clip.save()
    for by, value in (("label", "container"), ("scene", "kitchen"), ("kind", "depth_edge")):
        assert [(line.value, line.tally.raised) for line in check_figures.breakdown(task.project, CHECK, by)] == [
            (value, 4)
        ]


def test_a_measure_that_is_no_number_is_left_out(task: Task) -> None:
    raise_flags(task, [float("nan")])
    raise_flags(task, [0.2], measure="far")
    assert set(Flag.objects.values_list("measure", flat=True)) == {None}
    assert check_figures.measured(task.project, CHECK) == []


@pytest.mark.django_db
def test_every_measure_is_held_against_a_threshold_that_a_project_can_set() -> None:
    for name, check in registry.every().items():
        layer = thresholds.layer_of(name)
        assert layer is not None, name
        limits = thresholds.of_layer(0, layer.name)
        for measure in check.measures.values():
            assert isinstance(getattr(limits, measure.threshold), float)
