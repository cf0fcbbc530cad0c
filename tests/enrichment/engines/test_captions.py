"""Captions by a model on this machine, and tags of captions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from annotation.models import Clip
from enrichment.engines import tagging
from enrichment.engines.captioning import Caption
from tests.enrichment.engines.runs_of import computed


class TestTags:
    CAPTION = Caption(
        "A robot gripper lifts two red blocks above a wooden table. The blue_block rests beside the ceramic bowl.",
        environment="Kitchen",
    )

    def test_labels_that_are_spoken_of_are_found_in_one_and_in_many(self) -> None:
        found = tagging.tags(self.CAPTION, ["red_block", "gripper", "kettle", "table"])
        assert found["labels"] == ["red_block", "gripper", "table"]

    def test_words_that_say_something_are_left_without_what_labels_have_said(self) -> None:
        words = tagging.tags(self.CAPTION, ["red_block"])["words"]
        assert words[0] == "kitchen"
        assert "ceramic bowl" in words
        assert "wooden table" in words
        assert not {"two", "the", "red block"} & set(words)

    def test_what_the_model_itself_has_tagged_counts(self) -> None:
        assert "stainless kettle" in tagging.tags(Caption("A table.", tags=("stainless kettle",)), [])["words"]

    @pytest.mark.parametrize(
        ("text", "labels"),
        [
            ("No human hand is visible and there is no cup.", []),
            ("No human hand is visible and a cup stands on the table.", ["cup", "table"]),
            ("A box without a lid lies there, a cup stands beside it.", ["cup"]),
            ("The table holds no cups, lids or human hands.", ["table"]),
            ("A cup isn't on the table. A human hand is.", ["cup", "human_hand", "table"]),
            ("The human hand is not visible. The cup is.", ["cup"]),
            ("The human hand cannot be seen. The cup can.", ["cup"]),
            ("Not only a cup but a lid lies there.", ["cup", "lid"]),
            ("There is not only a cup but a lid on the table.", ["cup", "lid", "table"]),
            ("Not just the cup but the lid lies there.", ["cup", "lid"]),
            ("No fewer than three cups stand on the table.", ["cup", "table"]),
            ("The human hand is no longer holding the cup.", ["human_hand", "cup"]),
            ("The human hand does not touch the cup.", ["human_hand", "cup"]),
            ("The human hand isn't holding a cup.", ["human_hand"]),
            ("No one lifts the cup. It is not clear whether the lid is closed.", ["cup", "lid"]),
            ("The picture does not show the cup.", []),
            ("The human hand is no longer visible. The lid is missing from the cup.", ["cup"]),
            ("There is no lid on the cup; the table lacks a human hand.", ["cup", "table"]),
            ("Neither the cup nor the lid is on the table.", ["table"]),
            ("A cup without the lid.", ["cup"]),
            ("A non-slip table carries a no-spill cup.", ["cup", "table"]),
        ],
    )
    def test_what_is_denied_is_not_spoken_of(self, text: str, labels: list[str]) -> None:
        found = tagging.tags(Caption(text, tags=("no gripper",)), ["human_hand", "cup", "lid", "table", "gripper"])
        assert found["labels"] == [each for each in ["human_hand", "cup", "lid", "table"] if each in labels]
        denied = {"hand", "cup", "lid", "table"} - {word for each in labels for word in each.split("_")}
        assert not denied & {word for each in found["words"] for word in each.split()}

    def test_nothing_said_is_nothing_tagged(self) -> None:
        assert tagging.tags(Caption(""), ["cup"]) == {"labels": [], "words": []}

    @pytest.mark.parametrize(
        ("word", "one"), [("boxes", "box"), ("berries", "berry"), ("glass", "glass"), ("cups", "cup"), ("gas", "gas")]
    )
    def test_words_are_brought_to_one_of_each(self, word: str, one: str) -> None:
        assert tagging.singular(word) == one


@pytest.mark.django_db
def test_every_keyframe_gets_a_caption_and_the_clip_gets_tags(short_clip: Clip, weights_here: Path) -> None:
    computed(short_clip, {"captions": "florence2:florence-tiny"}, {"captions": {"most_tokens": 12}, "tags": {}})
    content = json.loads((short_clip.folder / "captions/captions.json").read_text())
    keyframes = json.loads((short_clip.folder / "keyframes.json").read_text())["frames"]
    assert list(map(int, content["frames"])) == keyframes
    assert content["engine"] == "florence2:florence-tiny"
    assert all(one["caption"] for one in content["frames"].values())
    tags = json.loads((short_clip.folder / "captions/tags.json").read_text())
    assert list(tags["frames"]) == list(content["frames"])
