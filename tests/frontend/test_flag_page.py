"""The page of one flag: what it says of frames, and what becomes of a decision that is refused."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User

from annotation.models import Clip
from frontend import time_axis
from frontend.templatetags.loupe import cell, frames
from review import flags, interpolating
from tests.frontend.conftest import Browse
from tests.frontend.things import flag

pytestmark = pytest.mark.django_db


def test_large_numbers_of_a_table_keep_their_whole_digits() -> None:
    said = [cell(value) for value in (1234567.8, -7654321.5, 123456.789, 0.000012345678, 3e20)]
    assert [each.split(">")[1].split("<")[0] for each in said] == [
        "1234568",
        "-7654322",
        "123457",
        "1.23457e-05",
        "3e+20",
    ]


def test_frames_are_counted_with_both_ends_as_the_sentence_above_counts_them(
    clip: Clip, dana: User, browse: Browse
) -> None:
    made = flag(clip)
    assert "frames 2–4 of" in browse(dana).get(f"/projects/table-top/flags/{made.pk}/").content.decode()
    assert '<td class="num">2–4</td>' in browse(dana).get("/projects/table-top/flags/").content.decode()
    made.end = 3
    assert (frames(made), frames(made, "bare"), frames({"start": 0, "end": 9})) == ("frame 2", "2", "frames 0–8")


@pytest.mark.parametrize(("state", "said"), [("open", "open"), ("sent_back", "sent back"), ("dismissed", "dismissed")])
def test_taking_an_interpolation_back_says_what_the_flag_is_then(
    state: str, said: str, clip: Clip, dana: User, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = flag(clip, state=state)
    monkeypatch.setattr(interpolating, "undo", lambda flag, by: flag)
    answer = browse(dana).post(f"/projects/table-top/flags/{made.pk}/interpolate/", {"undo": "1"}, follow=True)
    assert f"taken back; the flag is {said}." in answer.content.decode()


def test_bars_of_a_time_axis_say_the_last_frame_that_they_have() -> None:
    segment = SimpleNamespace(level="primitive", start=2, end=5, phase="grasp", action="")
    axis = time_axis.draw([("bob", [segment])], start=0, end=24, fps=12.0, colours={})
    assert axis is not None
    assert axis.spoken == "bob: grasp, frames 2 to 4"


def test_a_refused_decision_keeps_what_the_reviewer_typed(clip: Clip, dana: User, browse: Browse) -> None:
    made = flag(clip)
    sent = {"verdict": "sent_back", "reason": "The handle is missing."}
    answer = browse(dana).post(f"/projects/table-top/flags/{made.pk}/", sent)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Nobody has submitted work" in page
    assert ">The handle is missing.</textarea>" in page


def test_who_comes_second_reads_the_decision_and_keeps_the_words(clip: Clip, dana: User, browse: Browse) -> None:
    made = flag(clip)
    flags.decide(flag=made, verdict="dismissed", by=dana, reason="A handle.")
    sent = {"verdict": "dismissed", "reason": "A shadow."}
    page = browse(dana).post(f"/projects/table-top/flags/{made.pk}/", sent).content.decode()
    assert "was first" in page
    assert "A handle." in page
    assert "A shadow." in page


def test_a_flag_dismissed_without_words_says_so_at_the_field(clip: Clip, dana: User, browse: Browse) -> None:
    made = flag(clip)
    answer = browse(dana).post(f"/projects/table-top/flags/{made.pk}/", {"verdict": "dismissed", "reason": ""})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "the next reviewer will ask" in page[page.index('id="reason"') : page.index('value="fixed"')]
    assert page.count("the next reviewer will ask") == 1
