"""The page of what checks raise: a manager sets a threshold where its histogram is."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from annotation.models import Clip, Membership
from enrichment import parameters, thresholds
from enrichment.checks import registry
from enrichment.errors import RunRefused
from enrichment.models import LayerSetting
from tests.frontend.conftest import Browse
from tests.frontend.things import flag

PAGE = "/projects/table-top/flags/checks/"
CHECK = "flow_vs_segmentation"


@pytest.fixture
def measured(clip: Clip) -> str:
    """A flag whose number is held against a threshold; returns the threshold's name."""
    kind, measure = next(iter(registry.every()[CHECK].measures.items()))
    flag(clip, kind=kind, measure=0.4)
    return measure.threshold


def test_a_manager_sets_a_threshold_and_keeps_what_else_was_set(
    measured: str, clip: Clip, alice: User, browse: Browse
) -> None:
    client = browse(alice)
    assert f'name="threshold" value="{measured}"' in client.get(f"{PAGE}?check={CHECK}").content.decode()
    layer = thresholds.layer_of(CHECK)
    assert layer is not None
    answer = client.post(PAGE, {"check": CHECK, "threshold": measured, "value": "0,75"})
    assert answer.status_code == 302
    assert LayerSetting.objects.get(layer=layer.name).parameters == {measured: 0.75}
    assert getattr(thresholds.of_layer(clip.project_id, layer.name), measured) == 0.75


@pytest.mark.parametrize("value", ["", "many", "nan", "1e999"])
def test_what_is_no_number_is_refused_with_a_sentence(value: str, measured: str, alice: User, browse: Browse) -> None:
    answer = browse(alice).post(PAGE, {"check": CHECK, "threshold": measured, "value": value}, follow=True)
    assert "but it must be a" in answer.content.decode()
    assert not LayerSetting.objects.exists()


def test_a_threshold_that_the_check_does_not_have_is_refused(measured: str, alice: User, browse: Browse) -> None:
    answer = browse(alice).post(PAGE, {"check": CHECK, "threshold": "luck", "value": "1"}, follow=True)
    assert "has no parameter luck" in answer.content.decode()
    assert browse(alice).post(PAGE, {"check": "none", "threshold": "luck", "value": "1"}).status_code == 404


def test_a_lead_reads_and_does_not_set(measured: str, clip: Clip, alice: User, bob: User, browse: Browse) -> None:
    Membership.objects.update_or_create(project=clip.project, user=bob, defaults={"role": Membership.Role.QA_LEAD})
    client = browse(bob)
    assert 'name="threshold"' not in client.get(f"{PAGE}?check={CHECK}").content.decode()
    assert client.post(PAGE, {"check": CHECK, "threshold": measured, "value": "1"}).status_code == 403


def test_a_threshold_that_was_stored_and_does_not_fit_is_told_and_given_up_on_the_page(
    measured: str, clip: Clip, alice: User, browse: Browse
) -> None:
    layer = thresholds.layer_of(CHECK)
    assert layer is not None
    others = {name: getattr(layer.Parameters(), name) for name in parameters.names(layer.Parameters) - {measured}}
    kept = min(name for name, value in others.items() if isinstance(value, float))
    given = {measured: "abc", kept: others[kept]}
    LayerSetting.objects.create(project=clip.project, layer=layer.name, parameters=given | {"gone": 1})
    client = browse(alice)
    answer = client.get(f"{PAGE}?check={CHECK}")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "but it must be a number" in page
    assert "No flag of this check tells a number" not in page
    assert f"Use the defaults of gone, {measured}" in page
    told = client.post(PAGE, {"check": CHECK, "default": "1"}, follow=True).content.decode()
    assert f"gone and {measured} are as by default" in told
    assert LayerSetting.objects.get(layer=layer.name).parameters == {kept: given[kept]}
    assert f'name="threshold" value="{measured}"' in told


def test_what_does_not_fit_of_one_check_leaves_the_others_as_they_are(
    measured: str, clip: Clip, alice: User, browse: Browse
) -> None:
    LayerSetting.objects.create(project=clip.project, layer="check_joint_limits", parameters={"tolerance": "abc"})
    with pytest.raises(RunRefused):
        thresholds.of_layer(clip.project_id, "check_joint_limits")
    page = browse(alice).get(f"{PAGE}?check={CHECK}").content.decode()
    assert f'name="threshold" value="{measured}"' in page


def test_counts_lead_to_their_flags_and_zeros_nowhere(measured: str, alice: User, browse: Browse) -> None:
    page = browse(alice).get(PAGE).content.decode()
    assert f"?state=open&amp;check={CHECK}" in page
    assert f"?state=fixed&amp;check={CHECK}" not in page
