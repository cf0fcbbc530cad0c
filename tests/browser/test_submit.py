"""Submitting in Chromium: errors are listed, warnings asked about once; a refused change is taken back alone."""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import Route, expect

from annotation.geometry import rle
from tests.browser.conftest import Person, Site
from tests.browser.workbench import Workbench, swept

pytestmark = pytest.mark.browser

BRUSH = 12
RING = [(40.2, 40.2), (80.2, 40.2), (80.2, 80.2), (40.2, 80.2), (40.2, 40.2)]
LINE, BELOW = ([(200.2, y), (240.2, y)] for y in (100.2, 150.2))


def state(bob: Person, task: int) -> str:
    return str(bob.call("GET", f"tasks/{task}/").json()["state"])


def test_errors_are_listed_and_led_to_and_warnings_confirmed_by_keyboard(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    panel, title = bench.page.locator("#submit-panel"), bench.page.locator("#submit-title")
    bench.press("b")
    bench.drag(RING)
    bench.go(6)
    bench.press("i")
    bench.go(0)
    bench.press("Control+Enter")
    expect(title).to_have_text("2 errors to mend before it can be submitted")
    expect(panel).to_contain_text("has no action class")
    expect(panel).to_contain_text("0 different instructions")
    expect(panel).to_contain_text("has 1 hole")
    expect(bench.page.locator("#submit-confirm")).to_be_hidden()
    # The first error has the focus: Enter leads there.
    bench.press("Enter")
    expect(bench.page.locator("#frame-number")).to_have_value("6")
    bench.press("Escape")
    expect(panel).to_be_hidden()
    bench.press("Delete", "Control+Enter")
    expect(title).to_have_text("Submit with 1 warning?")
    bench.press("Escape")
    assert state(bob, task) == "in_progress"
    bench.press("Control+Enter")
    expect(bench.page.locator("#submit-confirm")).to_be_focused()
    bench.press("Enter")
    expect(bench.page.locator("#readonly")).to_contain_text("Submitted")
    assert state(bob, task) == "submitted"
    assert bench.complaints == []


def test_no_sign_of_life_meets_the_submit(bob: Person, task: int) -> None:
    """One that comes after it would be answered with 409, and the person told that the task is no longer theirs."""
    often = "const ask = setInterval; setInterval = (f, ms, ...more) => ask(f, ms === 10000 ? 100 : ms, ...more);"
    bob.context.add_init_script(often)
    bench = Workbench(bob, task)
    bench.press("b")
    bench.drag(RING[:2])
    bench.press("Control+Enter")
    expect(bench.page.locator("#readonly")).to_contain_text("Submitted", timeout=20_000)
    bench.page.wait_for_timeout(300)
    expect(bench.page.locator("#readonly")).to_contain_text("Submitted")
    assert bench.complaints == []


def test_a_remark_brings_its_place_into_sight(bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("b")
    bench.drag(RING)
    expect(bench.page.locator("#remarks")).to_contain_text("has 1 hole")
    bench.page.mouse.move(*bench.at((300, 160)))
    for _ in range(12):
        bench.page.mouse.wheel(0, -400)
    bench.page.wait_for_function("Number(document.querySelector('#stage').dataset.scale) > 20")
    bench.press("r")
    bench.page.wait_for_function(
        """() => { const s = document.querySelector('#stage'), d = s.dataset, b = s.getBoundingClientRect();
        const [x, y] = [Number(d.x) + 60 * d.scale, Number(d.y) + 60 * d.scale];
        return x > 0 && y > 0 && x < b.width && y < b.height && Number(d.marked) === 1; }"""
    )


def test_a_refused_change_is_taken_back_without_the_page_or_what_came_after(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("b")
    bench.drag(RING)
    bench.wait_until_saved()

    def break_it(route: Route) -> None:
        body = json.loads(route.request.post_data or "{}")
        route.continue_(post_data=json.dumps(body | {"counts": body["counts"] + "0"}))

    bench.page.route("**/api/tasks/*/masks/*/", break_it)
    bench.page.evaluate("window.same = true")
    bench.drag([(60.2, 60.2), (90.2, 60.2)])
    refused = bench.page.locator("#remarks .refused")
    expect(refused).to_contain_text("The mask of object 1 on frame 0 is not saved: ")
    bench.page.unroute("**/api/tasks/*/masks/*/")
    bench.press("n")
    bench.drag(LINE)
    expect(bench.page.locator("#save-text")).to_have_text("1 unsaved · refused")
    refused.get_by_role("button", name="Undo this change of the mask of object 1").click()
    bench.wait_until_saved()
    expect(refused).to_have_count(0)
    assert bench.page.evaluate("window.same")
    bench.page.locator("#objects .row").nth(0).get_by_role("button", name="1 target_object").click()
    bench.drag(BELOW)
    bench.wait_until_saved()
    kept = swept(RING, BRUSH) | swept(BELOW, BRUSH)
    np.testing.assert_array_equal(_mask_of_object(site, task, 1), kept)
    np.testing.assert_array_equal(_mask_of_object(site, task, 2), swept(LINE, BRUSH))


def _mask_of_object(site: Site, task: int, number: int) -> npt.NDArray[np.bool_]:
    ((counts,),) = site.rows(
        "SELECT r.counts FROM annotation_mask m JOIN annotation_maskrevision r ON r.id = m.head_id "
        "JOIN annotation_track k ON k.id = m.track_id WHERE m.task_id = ? AND k.number = ?",
        task,
        number,
    )
    return rle.decode({"size": [180, 320], "counts": counts}).astype(bool)
