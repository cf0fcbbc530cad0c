"""Objects through time: keyframes, carried masks, states on the lanes, and what is locked or shown alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ROOT, Person, Site, mask_in_database
from tests.browser.workbench import Workbench

pytestmark = pytest.mark.browser

BLOCK = [(30.5, 30.5), (80.5, 30.5), (80.5, 70.5), (30.5, 70.5)]


@pytest.fixture(scope="module")
def carrier(site: Site) -> Iterator[None]:
    """The worker that carries masks while people wait."""
    command = [sys.executable, "-m", "celery", "-A", "config", "worker", "--pool", "solo", "--queues", "interactive"]
    settings = {"LOUPE_HOME": str(site.home), "DEBUG": "1", "DJANGO_SETTINGS_MODULE": "config.settings"}
    environment = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}} | settings
    with (site.home / "carrier.log").open("w") as log:
        worker = subprocess.Popen([*command, "--without-mingle"], cwd=ROOT, env=environment, stdout=log, stderr=log)
    yield
    worker.send_signal(signal.SIGTERM)
    worker.wait(30)


def polygon(bench: Workbench, corners: list[tuple[float, float]]) -> None:
    bench.press("p")
    for corner in corners:
        bench.click(corner)
    bench.press("Enter")


def masks(person: Person, task: int) -> dict[int, dict[str, object]]:
    """By frame, of the task's only object."""
    return {mask["frame"]: mask for mask in person.call("GET", f"tasks/{task}/work/").json()["masks"]}


def test_shapes_between_two_keyframes_arrive_and_are_one_step(
    site: Site, bob: Person, task: int, carrier: None
) -> None:
    bench = Workbench(bob, task)
    polygon(bench, BLOCK)
    bench.go(6)
    polygon(bench, [(x + 30, y) for x, y in BLOCK])
    bench.go(0)
    bench.press("Alt+t")
    expect(bench.page.locator("#notice")).to_contain_text("carried to 5 frames", timeout=30_000)
    found = masks(bob, task)
    assert [(frame, found[frame]["method"], found[frame]["keyframe"]) for frame in sorted(found)] == [
        (0, "manual", True),
        *((frame, "interpolated", False) for frame in range(1, 6)),
        (6, "manual", True),
    ]
    xs = np.nonzero(mask_in_database(site, task, 3).any(axis=0))[0]
    assert abs(int(xs[0]) - 45) <= 1  # half way
    assert bench.page.locator(".lane.track").count() == 1
    bench.press("Control+z")
    bench.wait_until_saved()
    assert sorted(masks(bob, task)) == [0, 6]
    assert bench.complaints == []


def test_what_would_change_is_shown_before_it_is_taken_over(site: Site, bob: Person, task: int, carrier: None) -> None:
    bench = Workbench(bob, task)
    polygon(bench, BLOCK)
    bench.go(4)
    polygon(bench, [(x + 20, y) for x, y in BLOCK])
    bench.go(0)
    bench.press("Alt+t")
    expect(bench.page.locator("#notice")).to_contain_text("carried to 3 frames", timeout=30_000)
    before = masks(bob, task)
    polygon(bench, [(x, y + 40) for x, y in BLOCK])
    bench.press("Alt+t")
    expect(bench.page.locator("#carry-text")).to_contain_text("3 would change a mask", timeout=30_000)
    assert masks(bob, task)[2]["counts"] == before[2]["counts"]
    bench.press("j")
    expect(bench.page.locator("#frame-number")).to_have_value("1")
    bench.page.click("#carry-apply")
    expect(bench.page.locator("#carry-strip")).to_be_hidden(timeout=15_000)
    assert masks(bob, task)[2]["counts"] != before[2]["counts"]


def test_a_locked_object_is_not_drawn_on_and_a_hidden_one_not_picked(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    polygon(bench, BLOCK)
    bench.wait_until_saved()
    drawn = mask_in_database(site, task, 0)
    bench.press("l", "b")
    bench.drag([(60.5, 60.5), (120.5, 60.5)])
    expect(bench.page.locator("#notice")).to_contain_text("locked")
    bench.press("l", "Shift+h", "Escape", "v")
    bench.click((50, 50))
    expect(bench.page.locator("#objects .row.selected")).to_have_count(0)
    np.testing.assert_array_equal(mask_in_database(site, task, 0), drawn)


def test_outside_and_occluded_are_said_and_undone(bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    polygon(bench, BLOCK)
    bench.press("Shift+o")
    bench.wait_until_saved()
    assert masks(bob, task)[0]["occluded"] is True
    bench.go(3)
    bench.press("Alt+o")
    bench.wait_until_saved()
    assert (masks(bob, task)[3]["outside"], masks(bob, task)[3]["counts"]) == (True, None)
    bench.page.reload()
    bench.page.wait_for_selector("body[data-ready]")
    bench.press("Control+z")
    bench.wait_until_saved()
    assert sorted(masks(bob, task)) == [0]


def test_the_next_empty_frame_and_the_next_keyframe_are_a_key_away(bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    polygon(bench, BLOCK)
    bench.go(5)
    polygon(bench, BLOCK)
    number = bench.page.locator("#frame-number")
    bench.press(",")
    expect(number).to_have_value("0")
    bench.press(".")
    expect(number).to_have_value("5")
    bench.press("Home", "u")
    expect(number).to_have_value("1")


def test_objects_are_found_in_a_list_that_makes_only_the_rows_in_sight(bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.page.evaluate(
        """async (task) => {
          const token = document.cookie.match(/csrftoken=([^;]+)/)[1];
          for (let n = 0; n < 60; n += 1) await fetch(`/api/tasks/${task}/tracks/${crypto.randomUUID()}/`, {
            method: "PUT", body: JSON.stringify({label: n % 3 ? "container" : "gripper"}),
            headers: {"Content-Type": "application/json", "X-CSRFToken": token, "If-Match": '"0"',
                      "Idempotency-Key": crypto.randomUUID()}});
        }""",
        task,
    )
    bench.page.reload()
    bench.page.wait_for_selector("body[data-ready]")
    expect(bench.page.locator("#object-count")).to_have_text("60")
    assert bench.page.locator("#objects .row").count() < 30
    bench.page.fill("#object-query", "gripper")
    expect(bench.page.locator("#object-count")).to_have_text("20 of 60")
    bench.page.fill("#object-query", "")
    bench.page.locator("#objects .row-name").first.focus()
    for _ in range(40):
        bench.page.keyboard.press("ArrowDown")
    expect(bench.page.locator("#objects .row-name:focus .number").first).to_have_text("41")
