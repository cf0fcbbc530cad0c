"""Values that are set of layers, engines and checks: what does not fit is refused with a sentence, not stored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from annotation.models import Clip, Project
from enrichment import engine, registry, runs
from enrichment.checks import pose_vs_time
from enrichment.errors import RunRefused
from enrichment.models import LayerSetting
from enrichment.parameters import as_json, filled, refuse_beyond

WRONG = [
    ("check_pose_time", "fastest", "abc", "a number"),
    ("check_pose_time", "fastest", None, "a number"),
    ("check_pose_time", "fastest", -1, "0 or more"),
    ("check_pose_time", "fastest", True, "a number"),
    ("check_pose_time", "fastest", float("nan"), "a number"),
    ("check_pose_time", "fastest", 10**400, "a number"),
    ("check_pose_time", "least_confidence", 1.5, "0 to 1"),
    ("check_pose_time", "swap_share", 1.5, "0 to 1"),
    ("check_pose_time", "stretch", 0.5, "1 or more"),
    ("check_flow_segmentation", "least_confidence", 1.5, "0 to 1"),
    ("check_depth_segmentation", "least_confidence", 1.5, "0 to 1"),
    ("check_actions_motion", "least_confidence", 1.5, "0 to 1"),
    ("check_pose_time", "jitter_window", -0.3, "0 or more"),
    ("check_pose_time", "merge_gap", 9.5, "a whole number"),
    ("check_flow_segmentation", "creeping_span", 0, "1 or more"),
    ("check_flow_segmentation", "left_out", "background", "a list, each entry text"),
    ("check_flow_segmentation", "left_out", [1], "a list, each entry text"),
    ("check_actions_motion", "tolerance", -5, "0 or more"),
    ("check_depth_segmentation", "least_share", 1.5, "0 to 1"),
    ("check_joint_limits", "least_frames", 0, "1 or more"),
    ("keyframes", "scene_threshold", "x", "a number"),
    ("keyframes", "scene_threshold", 2, "0 to 1"),
    ("end_effector", "labels", 5, "a list, each entry text"),
    ("pose_3d", "cameras", 5, "a mapping"),
    ("pose_3d", "cameras", {"*": [float("nan"), 1, 1, 1]}, "finite"),
    ("pose_3d", "cameras", {"*": [10**400, 1, 1, 1]}, "finite"),
    ("pose_3d", "cameras", {"*": 5}, "fx, fy, cx, cy"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("layer", "name", "value", "fits"), WRONG)
def test_what_does_not_fit_is_refused_and_not_stored(
    layer: str, name: str, value: Any, fits: str, project: Project
) -> None:
    with pytest.raises(RunRefused) as refused:
        runs.configure(project=project, layer=layer, parameters={name: value}, by=None)
    said = str(refused.value)
    assert layer in said
    assert fits in said
    assert not LayerSetting.objects.exists()


@pytest.mark.django_db
def test_the_command_answers_with_a_sentence(project: Project, clip: Clip, alice: User) -> None:
    with pytest.raises(CommandError, match="pose_3d do not fit: cameras is 5"):
        call_command("enrich", project.slug, "--set", "pose_3d.cameras=5")


def test_every_default_fits_also_when_it_comes_back_from_json() -> None:
    kinds = [each.Parameters for each in registry.every().values()]
    kinds += [each.Parameters for each in engine.every.every().values()]
    for kind in kinds:
        before = as_json(kind())
        assert as_json(filled(kind, json.loads(json.dumps(before)), "it")).keys() == before.keys()


def test_a_limit_of_a_field_that_is_not_there_is_an_error_of_the_program() -> None:
    for limits in ({"least": {"strech": 1}}, {"shares": ("least_confidence",)}):
        with pytest.raises(LookupError, match=r"has no (strech|least_confidence)"):
            refuse_beyond(pose_vs_time.Thresholds(), **limits)  # type: ignore[arg-type]
