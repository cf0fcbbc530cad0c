"""The time axis in Chromium: what the hand and the keys do to action segments is what stands in the database."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import FRAMES, Person, Site
from tests.browser.workbench import Workbench

pytestmark = pytest.mark.browser

Ranges = list[tuple[int, int]]


def ranges(person: Person, task: int, level: str = "primitive") -> Ranges:
    """The segments of a row as they stand in the database, [start, end) by start."""
    found = person.call("GET", f"tasks/{task}/work/").json()["segments"]
    return sorted((one["start"], one["end"]) for one in found if one["level"] == level)


def annotate(bench: Workbench, *wanted: tuple[int, int]) -> None:
    """Segments by keys: I on the first frame, O on the last."""
    for first, last in wanted:
        bench.go(first)
        bench.press("i")
        bench.go(last)
        bench.press("o")
    bench.wait_until_saved()


def bars(bench: Workbench, level: str = "primitive") -> Locator:
    return bench.page.locator(f".lane.segments[data-level={level}] .bar[data-segment]")


def drag(bench: Workbench, frame: float, to: float, *held: str, level: str = "primitive") -> None:
    """Press on a row over a place in frames, move to another one, let go."""
    box = bench.page.locator(f".lane.segments[data-level={level}] .lane-body").bounding_box()
    assert box is not None
    scale, y = box["width"] / FRAMES, box["y"] + box["height"] / 2
    for key in held:
        bench.page.keyboard.down(key)
    bench.page.mouse.move(box["x"] + frame * scale, y)
    bench.page.mouse.down()
    for share in (0.3, 0.7, 1.0):
        bench.page.mouse.move(box["x"] + (frame + (to - frame) * share) * scale, y)
    bench.page.mouse.up()
    for key in held:
        bench.page.keyboard.up(key)
    bench.wait_until_saved()


@pytest.fixture
def gripper(site: Site) -> Iterator[int]:
    """A gripper that closes at frame 60 was recorded with the clip."""
    folder = site.home / "clips" / f"clip_{site.clip:08d}" / "signals"
    folder.mkdir()
    lines = [f"{frame},{0.08 if frame < 60 else 0.02}\n" for frame in range(FRAMES)]
    Path(folder, "robot.csv").write_text("frame,gripper opening [m]\n" + "".join(lines))
    yield 60
    shutil.rmtree(folder)


def test_segments_are_made_split_merged_and_copied_by_keys_alone(bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    annotate(bench, (10, 29), (30, 59), (80, 99))
    assert ranges(bob, task) == [(10, 30), (30, 60), (80, 100)]
    bench.press("Escape")
    bench.go(45)
    bench.press("Shift+s")  # without a selection: what is under the playhead
    bench.wait_until_saved()
    assert ranges(bob, task) == [(10, 30), (30, 45), (45, 60), (80, 100)]
    bench.press("Alt+Shift+m")
    bench.wait_until_saved()
    assert ranges(bob, task) == [(10, 30), (30, 60), (80, 100)]
    bench.press("Shift+ArrowUp", "Alt+c")  # both to the task row
    bench.wait_until_saved()
    assert ranges(bob, task, "task") == [(10, 30), (30, 60)]
    bench.press("Control+z")
    bench.wait_until_saved()
    assert ranges(bob, task, "task") == []
    bench.go(0)
    bench.press("Alt+w", "Alt+g")  # back to the row of actions
    expect(bench.page.locator("#frame-number")).to_have_value("60")
    bench.press("ArrowUp", "Alt+Shift+ArrowRight")  # the second one, an end that nobody shares, a frame later
    bench.wait_until_saved()
    assert ranges(bob, task) == [(10, 30), (30, 61), (80, 100)]
    assert bench.complaints == []


def test_a_shared_boundary_moves_for_both_and_with_ctrl_for_one(bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    annotate(bench, (10, 39), (40, 79))
    drag(bench, 40, 52, "Alt")
    assert ranges(bob, task) == [(10, 52), (52, 80)]
    bench.press("Control+z")  # one step for both
    bench.wait_until_saved()
    assert ranges(bob, task) == [(10, 40), (40, 80)]
    drag(bench, 39.5, 30, "Alt", "Control")
    assert ranges(bob, task) == [(10, 30), (40, 80)]
    drag(bench, 60, 70, "Alt")  # the whole one
    assert ranges(bob, task) == [(10, 30), (50, 90)]
    drag(bench, 89, 25, "Alt")  # its end, as far as one frame is left
    assert ranges(bob, task) == [(10, 30), (50, 51)]
    drag(bench, 120, 140, "Alt", level="primitive")  # in a gap: a new one
    assert ranges(bob, task) == [(10, 30), (50, 51), (120, 140)]


def test_a_dragged_end_snaps_to_the_motion_and_alt_ignores_it(bob: Person, task: int, gripper: int) -> None:
    bench = Workbench(bob, task)
    lane = bench.page.locator(".lane.signal")
    expect(lane).to_have_count(1)
    expect(lane).to_contain_text("gripper opening")
    annotate(bench, (10, 39))
    bench.go(0)
    drag(bench, 40, gripper + 0.8)
    (snapped,) = ranges(bob, task)
    assert abs(snapped[1] - gripper) <= 1
    drag(bench, snapped[1], snapped[1] + 1, "Alt")
    assert ranges(bob, task) == [(10, snapped[1] + 1)]
    bench.go(40)
    bench.press("Alt+.")
    expect(bench.page.locator("#notice")).to_contain_text("Signal changes")
    bench.press("Alt+,", "Alt+,")
    expect(bench.page.locator("#notice")).to_contain_text("Start of an action")


def test_several_segments_are_chosen_and_deleted_in_one_step(bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    annotate(bench, (10, 29), (40, 59), (70, 89), (100, 119))
    bars(bench).nth(0).click()
    bars(bench).nth(2).click(modifiers=["Shift"])
    expect(bench.page.locator(".bar.selected")).to_have_count(3)
    bars(bench).nth(1).click(modifiers=["Control"])
    expect(bench.page.locator(".bar.selected")).to_have_count(2)
    bench.press("Delete")
    bench.wait_until_saved()
    assert ranges(bob, task) == [(40, 60), (100, 120)]
    bench.press("Control+z")
    bench.wait_until_saved()
    assert len(ranges(bob, task)) == 4


def test_the_selected_segment_plays_in_a_loop(bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    annotate(bench, (20, 29))
    bench.page.evaluate(
        """() => { globalThis.seen = [];
        new MutationObserver(() => {
          seen.push(Number(document.querySelector('#stage').dataset.frame));
          if (seen.at(-1) < seen.at(-2)) document.body.dataset.again = 'yes';
        }).observe(document.querySelector('#stage'), {attributeFilter: ['data-frame']}); }"""
    )
    bench.press(" ")
    bench.page.wait_for_selector("body[data-again]", timeout=60_000)
    bench.press(" ")
    seen = bench.page.evaluate("seen")
    assert seen, "nothing was played"
    assert all(20 <= frame < 30 for frame in seen)


def test_ending_a_segment_that_was_just_begun_moves_nothing_that_it_touches(bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("Alt+w")
    annotate(bench, (10, 29))  # a task
    bench.press("Escape", "Alt+w")
    annotate(bench, (12, 19))  # an action in it, which at first reaches to the task's end
    assert ranges(bob, task, "task") == [(10, 30)]
    assert ranges(bob, task) == [(12, 20)]


def test_a_row_is_one_stop_for_tab_and_the_arrows_walk_along_it(bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    annotate(bench, (10, 29), (40, 59), (70, 89))
    bench.press("Escape")
    row = bench.page.locator(".lane.segments[data-level=primitive]")
    expect(row).to_have_attribute("aria-label", "Actions: 3 segments")
    expect(row.locator("[tabindex='0']")).to_have_count(1)
    row.locator("[tabindex='0']").focus()
    focused = bench.page.locator(".bar:focus")
    bench.press("Home")
    expect(focused).to_have_attribute("aria-label", re.compile("frames 10 to 29"))
    bench.press("ArrowRight", "ArrowRight")
    expect(focused).to_have_attribute("aria-label", re.compile("frames 70 to 89"))
    bench.press("ArrowLeft", "Enter")
    expect(bench.page.locator("#frame-number")).to_have_value("40")
    bench.press("ArrowDown")  # the segment's own keys go on, and the focus with them
    expect(focused).to_have_attribute("aria-label", re.compile("frames 70 to 89"))
    bench.press("Delete")
    expect(row).to_have_attribute("aria-label", "Actions: 2 segments")
    expect(row.locator(":focus")).to_have_count(1)
    bench.press("Home", "ArrowLeft")
    expect(row.get_by_role("button", name="Actions")).to_be_focused()
    assert bench.complaints == []


def test_far_out_broken_rules_are_counted_and_reached_by_key(bob: Person, task: int) -> None:
    """Fifty segments of one frame: none has a class, and none is wide enough for a bar."""
    for frame in range(20, 120, 2):
        body = {"level": "primitive", "method": "manual", "start": frame, "end": frame + 1, "instructions": []}
        headers = {"If-Match": '"0"', "Idempotency-Key": str(uuid.uuid4())}
        saved = bob.call("PUT", f"tasks/{task}/segments/{uuid.uuid4()}/", body, **headers)
        assert saved.ok, saved.text()
    bench = Workbench(bob, task)
    row = bench.page.locator(".lane.segments[data-level=primitive]")
    marks = row.locator(".lane-mark")
    expect(marks.first).to_have_attribute("data-remark", "error")
    assert sum(int(text) for text in marks.all_inner_texts()) == 100  # no class, no instructions, for each of fifty
    bench.press("Alt+b")
    expect(bench.page.locator("#frame-number")).to_have_value("20")
    expect(bench.page.locator("#notice")).to_contain_text("has no action class")
    bench.press("Alt+b", "Alt+b", "Alt+Shift+b")
    expect(bench.page.locator("#frame-number")).to_have_value("22")
    marks.last.click()
    expect(row.locator(".bar.selected[data-remark=error]")).to_have_count(1)
    assert bench.complaints == []
