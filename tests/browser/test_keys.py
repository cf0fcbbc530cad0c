"""Keys, the help sheet, and the workbench without a mouse, in Chromium."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person, Site
from tests.browser.workbench import Workbench

pytestmark = pytest.mark.browser

# Controls that a screen reader would have no name for.
UNNAMED = """() => {
  const kinds = 'button, input, select, textarea, a[href], canvas, [role=separator], [role=button], [tabindex="0"]';
  const found = [];
  for (const element of document.querySelectorAll(kinds)) {
    if (element.closest('[hidden]') || element.closest('[aria-hidden=true]')) continue;
    const labels = [...(element.labels ?? [])].map((label) => label.textContent).join('');
    const name = element.getAttribute('aria-label') || labels || element.textContent || element.title;
    const canvasWithoutRole = element.matches('canvas') && !element.getAttribute('role');
    if (!name.trim() || canvasWithoutRole) found.push(element.outerHTML.slice(0, 120));
  }
  return found;
}"""


@pytest.fixture
def keys_reset(bob: Person) -> Iterator[None]:
    """Bob's keys as they come, before and for those after."""
    assert bob.call("DELETE", "keys/").status == 204
    yield
    assert bob.call("DELETE", "keys/").status == 204


def tool_in_hand(bench: Workbench) -> str:
    return str(bench.page.locator("#tools [aria-pressed=true]").get_attribute("data-tool"))


@pytest.mark.usefixtures("keys_reset")
def test_a_key_is_changed_works_at_once_and_after_a_reload_and_is_reset(bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("F1")
    sheet = bench.page.locator("#help")
    bench.page.get_by_label("Find a command or a key").fill("brush")
    sheet.get_by_role("button", name="Brush: B; change it").click()
    bench.press("e")
    expect(bench.page.locator("#help-said")).to_contain_text('E already is "Eraser"')
    with bench.page.expect_response(lambda answer: answer.url.endswith("/api/keys/")) as kept:
        bench.press("Alt+y")
        expect(bench.page.locator("#help-said")).to_contain_text("is Alt+Y now")
    assert kept.value.status == 200
    bench.page.get_by_label("Find a command or a key").fill("label: container")
    sheet.get_by_role("button", name="Label: container: 3; change it").click()
    bench.press("Alt+9")
    bench.press("Escape")
    expect(sheet).to_be_hidden()
    expect(bench.page.locator("#labels").get_by_role("button", name="container Alt+9")).to_be_visible()
    bench.press("v", "Alt+y")
    assert tool_in_hand(bench) == "brush"
    expect(bench.page.locator("#tools [data-tool=brush]")).to_have_attribute("title", "Brush (Alt+Y)")
    bench.reload()
    bench.press("b")
    assert tool_in_hand(bench) == "select"
    bench.press("Alt+y")
    assert tool_in_hand(bench) == "brush"
    bench.press("v", "?")
    with bench.page.expect_response(lambda answer: answer.url.endswith("/api/keys/")):
        sheet.get_by_role("button", name="Reset to defaults").click()
    bench.press("Escape", "b")
    assert tool_in_hand(bench) == "brush"
    assert bob.call("GET", "keys/").json() == {"keys": {}}


@pytest.mark.usefixtures("keys_reset")
def test_keys_as_in_another_tool_do_what_they_do_there(bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("F1")
    bench.page.get_by_label("Take the keys of another tool").select_option("cvat")
    bench.press("Escape")
    bench.page.focus("#ornaments")
    bench.press("v", "v", "c")
    expect(bench.page.locator("#frame-number")).to_have_value("10")
    bench.page.wait_for_timeout(600)
    assert bob.call("DELETE", "keys/").status == 204


def test_every_control_has_a_name_and_every_canvas_a_role(bob: Person, dana: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("b")
    bench.drag([(50.3, 40.2), (80.4, 44.3)])
    bench.wait_until_saved()
    assert bench.page.evaluate(UNNAMED) == []
    bench.press("F1")
    assert bench.page.evaluate(UNNAMED) == []
    bench.press("Escape", "i")
    expect(bench.page.locator("#segment-panel")).to_be_visible()
    assert bench.page.evaluate(UNNAMED) == []


def test_the_frame_and_what_is_on_it_are_spoken(bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("f", "f", "f")
    expect(bench.page.locator("#spoken")).to_have_text("Frame 3 of 199: no masks, 1 proposal.")


def test_the_whole_page_is_reached_without_a_mouse(bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    seen = set()
    for _ in range(9):
        bench.press("F6")
        places = "#ornaments, #proposals, #objects, #labels, #remarks, #dock, #tools, #top"
        seen.add(bench.page.evaluate("(places) => document.activeElement.closest(places)?.id", places))
        outline = bench.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"
    assert seen >= {"ornaments", "proposals", "labels", "dock", "tools", "top"}
    bench.page.focus("#proposals .row-name")
    first = bench.page.evaluate("document.activeElement.textContent")
    bench.press("ArrowDown")
    second = bench.page.evaluate("document.activeElement.textContent")
    assert second != first
    bench.press("Enter")
    # The list was drawn anew because the selection changed; the focus is where it was.
    assert bench.page.evaluate("document.activeElement.textContent") == second
    bench.press("a")
    expect(bench.page.locator(".lane.segments .bar, #objects .row").first).to_be_visible()
    stops = bench.page.locator("#proposals button[tabindex='0']").count()
    assert stops <= 3


def test_typing_in_a_field_is_not_a_command(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("F1")
    bench.page.keyboard.type("brush b e p")
    assert tool_in_hand(bench) == "select"
    assert json.dumps(bench.complaints) == "[]"


def test_the_workbench_finds_any_page_and_its_letters_reach_no_tool(bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    before = tool_in_hand(bench)
    bench.press("Control+k")
    palette = bench.page.locator("#palette")
    expect(palette).to_be_visible()
    bench.page.keyboard.type("book b p")
    expect(palette).to_contain_text("Nothing is called")
    bench.press("Escape")
    expect(palette).to_be_hidden()
    assert tool_in_hand(bench) == before
    bench.press("Control+k")
    bench.page.keyboard.type("guidelines")
    expect(palette.locator(".found")).to_have_count(1)
    bench.page.keyboard.press("Enter")
    bench.page.wait_for_url("**/settings/guidelines/")
