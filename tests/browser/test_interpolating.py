"""A flag on a wrist that jumps, in Chromium: the path is seen, accepted with a click, and taken back with another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import ROOT, Person, Site, log_in
from tests.browser.site import serve

pytestmark = pytest.mark.browser

STAGE = "tests.browser.interpolating_stage"
NOTES = "pose/corrections.json"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serve(tmp_path_factory.mktemp("interpolating-home"), [STAGE, "make"]) as running:
        yield running


@pytest.fixture
def lead(table: Site, chromium: Browser) -> Iterator[Person]:
    person = log_in(table, chromium, "dana")
    yield person
    person.context.close()


def work(table: Site) -> None:
    in_home = {**os.environ, "LOUPE_HOME": str(table.home), "DEBUG": "1"}
    subprocess.run([sys.executable, "-m", STAGE, "work"], cwd=ROOT, env=in_home, check=True)


def interpolated(table: Site) -> list[list[int]]:
    """[start, end] of what is interpolated in the clip folder."""
    (notes,) = Path(table.home).glob(f"**/clip_{table.clip:08d}/{NOTES}")
    return [[each["start"], each["end"]] for each in json.loads(notes.read_text())["corrections"]]


def flag_of(table: Site, kind: str) -> int:
    ((pk,),) = table.rows("SELECT id FROM review_flag WHERE kind = ?", kind)
    return int(pk)


def test_a_lead_sees_the_path_accepts_it_and_takes_it_back(table: Site, lead: Person) -> None:
    jump = flag_of(table, "jump")
    page = lead.open(f"/projects/table-top/flags/{jump}/")
    expect(page.locator("svg.path circle.proposed")).to_have_count(1)
    expect(page.locator("svg.path circle[data-now]")).to_have_attribute("data-path-frame", "10")
    page.keyboard.press("ArrowRight")
    expect(page.locator("svg.path circle[data-now]")).to_have_attribute("data-path-frame", "11")
    assert interpolated(table) == []
    page.get_by_role("button", name="Interpolate frame 10").click()
    expect(page.get_by_text("The frames are interpolated")).to_be_visible()
    expect(page.locator(".quote")).to_contain_text("Interpolated the right wrist of track 1 on frame 10 (pchip")
    work(table)
    assert interpolated(table) == [[10, 11]]
    page.get_by_role("button", name="Take the interpolation back").click()
    expect(page.get_by_role("button", name="Interpolate frame 10")).to_be_visible()
    work(table)
    assert interpolated(table) == []


def test_in_the_workbench_it_is_one_click_on_the_open_flag(table: Site, lead: Person) -> None:
    ((task,),) = table.rows("SELECT id FROM annotation_task WHERE clip_id = ?", table.clip)
    page: Page = lead.open(f"/tasks/{task}/")
    page.wait_for_selector("body[data-ready]")
    row = page.locator("#flags .row-name", has_text="right wrist of track 1 is not surely seen")
    row.click()
    expect(page.locator("#frame-number")).to_have_value("18")
    button = page.locator("#flag-interpolate")
    expect(button).to_have_text("Interpolate frames 18–19")
    bare = page.locator("#picture").screenshot()
    page.locator("#flag-close").click()
    assert page.locator("#picture").screenshot() != bare, "the path lay over the picture"
    row.click()
    button.click()
    expect(page.locator("#flag-reason")).to_contain_text("Interpolated the right wrist of track 1 on frames 18 to 19")
    expect(row).to_have_count(0)
    work(table)
    assert interpolated(table) == [[18, 20]]
    page.locator("#flag-undo").click()
    expect(row).to_have_count(1)
    work(table)
    assert interpolated(table) == []
