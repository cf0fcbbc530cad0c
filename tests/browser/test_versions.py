"""Two versions of a layer in Chromium: the same frame in both, the worst ones found, and the older made current."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import ROOT, Person, Site, log_in
from tests.browser.site import serve

pytestmark = pytest.mark.browser

STAGE = "tests.browser.versions_stage"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serve(tmp_path_factory.mktemp("versions-home"), [STAGE, "make"]) as running:
        yield running


@pytest.fixture
def lead(table: Site, chromium: Browser) -> Iterator[Person]:
    person = log_in(table, chromium, "dana")
    yield person
    person.context.close()


def test_a_lead_finds_the_worst_frame_and_makes_the_older_version_current(table: Site, lead: Person) -> None:
    page = lead.open("/projects/table-top/versions/?layer=flow")
    expect(page.get_by_role("heading", name="Versions of layers")).to_be_visible()
    page.locator("a.lead").first.click()
    page.wait_for_url("**/versions/flow/")
    expect(page.locator("h1")).to_have_text("Optical flow: two versions")
    worst = page.locator("[data-worst]").first
    expect(page.locator("#at-said")).to_have_text(f"frame {worst.get_attribute('data-worst')}")
    page.locator("#at").press("Home")
    both_show(page, 0)
    page.keyboard.press("ArrowRight")
    both_show(page, 1)
    page.locator("#plot").click(position={"x": 400, "y": 60})
    assert page.locator("#at").input_value() not in {"0", "1"}
    worst.click()
    both_show(page, int(worst.get_attribute("data-worst") or 0))
    for words in page.locator(".said").all():
        expect(words).to_contain_text("median")
    assert [flow_in_use(table)] == ["ultrafast"]

    page.get_by_role("button", name="Make current").click()
    page.wait_for_url("**/runs/*/")
    expect(page.get_by_text("Nothing of it is computed")).to_be_visible()
    in_home = {**os.environ, "LOUPE_HOME": str(table.home), "DEBUG": "1"}
    subprocess.run([sys.executable, "-m", STAGE, "work"], cwd=ROOT, env=in_home, check=True)
    assert flow_in_use(table) == "medium"
    page.goto(f"{table.url}/clips/{table.clip}/versions/flow/")
    current = page.locator("section", has=page.get_by_text("by hand")).first
    expect(current.get_by_text("preset medium")).to_be_visible()
    expect(page.get_by_text("Newer, put aside")).to_be_visible()


def both_show(page: Page, frame: int) -> None:
    """Both sides have the frame's picture and their own layer over it, and both are there."""
    for panel in page.locator("[data-version]").all():
        expect(panel.locator("img.frame")).to_have_attribute("src", f"/api/clips/1/frames/{frame}.jpg")
        address = f"/api/{panel.get_attribute('data-version')}{frame}.png"
        expect(panel.locator("img.over")).to_have_attribute("src", address)
        assert panel.locator("img.over").evaluate("image => image.complete && image.naturalWidth") > 1


def flow_in_use(table: Site) -> str:
    [(preset,)] = table.rows(
        "SELECT json_extract(parameters, '$.preset') FROM enrichment_layerrun WHERE layer = 'flow' AND current"
    )
    return str(preset)
