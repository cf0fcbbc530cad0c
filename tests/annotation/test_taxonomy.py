from __future__ import annotations

import copy
import itertools
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User

from annotation import taxonomy
from annotation.errors import Refused
from annotation.models import Clip, Label, Project, Task, TaxonomyVersion, Track, TrackRevision
from annotation.starter import TAXONOMY

# Machado, Oliveira, Fernandes 2009, severity 1.0, on linear RGB.
SIGHTS = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def lab(colour: str, sight: str) -> Any:
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.asarray(SIGHTS[sight]) @ linear, 0, 1)
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    xyz = np.asarray(to_xyz) @ seen / [0.95047, 1.0, 1.08883]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def words() -> dict[str, Any]:
    return copy.deepcopy(dict(TAXONOMY))


@pytest.mark.parametrize("kind", ["labels", "actions", "phases"])
@pytest.mark.parametrize("sight", list(SIGHTS))
def test_no_two_starter_colours_look_alike_to_anybody(kind: str, sight: str) -> None:
    colours = [word["colour"] for word in words()[kind]]
    for one, other in itertools.combinations(colours, 2):
        difference = lab(one, sight) - lab(other, sight)
        assert np.linalg.norm(difference) > 20, (one, other)
        if sight == "normal":
            assert abs(difference[0]) > 3, (one, other)


def test_the_starter_targets_follow_how_firm_a_thing_is() -> None:
    targets = {(label["rigidity"], label["iou_target"]) for label in TAXONOMY["labels"]}
    assert targets == {("rigid", 0.85), ("deformable", 0.75)}
    assert all(len(word["definition"]) > 20 for kind in words().values() for word in kind)


def test_saving_what_was_read_makes_no_new_version(project: Project, alice: User) -> None:
    before = taxonomy.content(project)
    assert before == TAXONOMY
    assert taxonomy.save(project=project, content=before, by=alice).number == 1
    assert TaxonomyVersion.objects.count() == 1


def test_a_change_is_a_new_version_and_the_old_one_can_still_be_read(project: Project, alice: User) -> None:
    changed = words()
    changed["labels"][0]["iou_target"] = 0.9
    changed["actions"].append({"key": "shake"})
    changed["phases"].reverse()
    made = taxonomy.save(project=project, content=changed, by=alice)
    assert made.number == project.taxonomy_version == 2
    now = taxonomy.content(project)
    assert now["labels"][0]["iou_target"] == 0.9
    shake = {"key": "shake", "definition": "", "colour": "#8a8a8a", "retired": False, "templates": []}
    assert now["actions"][-1] == shake
    assert now["phases"][0]["key"] == "release"
    assert taxonomy.at(project, 1) == TAXONOMY
    with pytest.raises(Refused, match="no taxonomy 3"):
        taxonomy.at(project, 3)


def test_a_used_label_is_retired_and_an_unused_one_deleted(project: Project, clip: Clip, alice: User) -> None:
    used = Label.objects.get(project=project, key="container")
    track = Track.objects.create(task=Task.objects.get(clip=clip), number=1)
    TrackRevision.objects.create(of=track, number=1, label=used, author=alice, tool_version="0")
    fewer = words()
    fewer["labels"] = [label for label in fewer["labels"] if label["key"] not in ("container", "robot_arm")]
    taxonomy.save(project=project, content=fewer, by=alice)
    used.refresh_from_db()
    assert used.retired
    assert not Label.objects.filter(project=project, key="robot_arm").exists()
    assert taxonomy.content(project)["labels"][-1]["key"] == "container"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda c: c.pop("phases"), "lists labels, actions, phases"),
        (lambda c: c["labels"].append(c["labels"][0]), "'target_object' is there twice"),
        (lambda c: c["labels"][2].update(iou_target=1.5), "container: iou_target"),
        (lambda c: c["labels"][2].update(min_area="many"), "container: min_area"),
        (lambda c: c["labels"][2].update(colour="red"), "container: colour"),
        (lambda c: c["labels"][2].update(key="Big Box"), "Big Box: key"),
        (lambda c: c["labels"][2].update(shape="round"), "no shape"),
        (lambda c: c["labels"].clear(), "at least one label"),
        (lambda c: c["actions"].append({"definition": "no key"}), r"actions, number \d+: key"),
    ],
)
def test_it_refuses_what_makes_no_sense_and_names_it(project: Project, alice: User, change: Any, sentence: str) -> None:
    wrong = words()
    change(wrong)
    with pytest.raises(Refused, match=sentence):
        taxonomy.save(project=project, content=wrong, by=alice)
    assert taxonomy.content(project) == TAXONOMY


def test_reading_costs_three_queries(project: Project, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(3):
        taxonomy.content(project)
