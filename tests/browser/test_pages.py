"""Pages beside the workbench in Chromium: a clip's frames, and finding things by their names."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import Person, Site, log_in

pytestmark = pytest.mark.browser

FRAME = re.compile(r"/frames/(\d+)\.jpg$")


@pytest.fixture
def clip_page(site: Site, bob: Person) -> tuple[Page, list[int]]:
    """The page of the clip, and the frames that it asked for in full size."""
    page, asked = bob.context.new_page(), []

    def heard(url: str) -> None:
        if found := FRAME.search(url):
            asked.append(int(found[1]))

    page.on("request", lambda request: heard(request.url))
    page.goto(f"{site.url}/clips/{site.clip}/", wait_until="networkidle")
    return page, asked


def test_dragging_through_a_clip_fetches_where_one_rests(clip_page: tuple[Page, list[int]]) -> None:
    page, asked = clip_page
    assert set(asked) == {0}, "nobody has stepped yet"
    page.locator("#at").evaluate(
        """async (at) => {
            for (let frame = 1; frame <= 60; frame += 1) {
                at.value = String(frame);
                at.dispatchEvent(new Event("input"));
                await new Promise((go) => setTimeout(go, 5));
            }
        }"""
    )
    expect(page.locator("#frame")).to_have_attribute("src", re.compile(r"/60\.jpg$"))
    page.wait_for_load_state("networkidle")
    assert asked[-1] == 60
    assert len(set(asked) - {0}) <= 12, asked


def test_a_step_fetches_the_next_frames_and_a_box_that_scrolls_keeps_its_arrows(
    clip_page: tuple[Page, list[int]],
) -> None:
    page, asked = clip_page
    page.keyboard.press("ArrowRight")
    expect(page.locator("#at-said")).to_have_text("frame 1")
    page.wait_for_load_state("networkidle")
    expect(page.locator("#frame")).to_have_attribute("src", re.compile(r"/1\.jpg$"))
    page.wait_for_timeout(300)
    assert {1, 2, 7} <= set(asked)
    page.evaluate(
        """() => {
            const box = Object.assign(document.createElement("div"), { className: "table-wrap", tabIndex: 0 });
            box.style.cssText = "width: 100px; overflow: auto";
            box.append(document.createElement("div"));
            box.firstChild.style.cssText = "width: 900px; height: 20px";
            document.body.append(box);
            box.focus();
        }"""
    )
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(200)
    expect(page.locator("#at-said")).to_have_text("frame 1")


def test_enter_opens_what_was_typed_however_slow_the_answer_is(site: Site, bob: Person) -> None:
    page = bob.context.new_page()
    page.goto(f"{site.url}/", wait_until="networkidle")
    page.keyboard.press("Control+k")
    expect(page.locator("#palette .found").first).not_to_have_attribute("href", "/projects/table-top/")

    def late(route: Route) -> None:
        page.wait_for_timeout(400)
        route.continue_()

    page.route("**/palette/*", late)
    page.keyboard.type("table top")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/projects/table-top/"))


def test_a_plot_keeps_its_place_and_says_that_it_is_being_drawn(site: Site, chromium: Browser) -> None:
    manager = log_in(site, chromium, "alice")
    page = manager.context.new_page()
    held: list[Route] = []
    page.route("**/plots/*.svg", lambda route: held.append(route))
    page.goto(f"{site.url}/projects/table-top/", wait_until="domcontentloaded")
    place = page.locator(".plot-place").first
    place.scroll_into_view_if_needed()
    expect(place.get_by_text("Being drawn")).to_be_visible()
    before = place.bounding_box()
    page.wait_for_timeout(300)
    for route in held:
        route.continue_()
    expect(place.get_by_text("Being drawn")).to_be_hidden(timeout=20_000)
    assert place.bounding_box() == before
    manager.context.close()
