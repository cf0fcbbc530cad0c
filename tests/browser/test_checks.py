"""Checks at save and proposals in Chromium: what is wrong is said in place, and goes when it is mended."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person, Site
from tests.browser.workbench import Workbench

pytestmark = pytest.mark.browser

SQUARE = [(120.5, 30.5), (170.5, 30.5), (170.5, 80.5), (120.5, 80.5)]


def polygon(bench: Workbench, corners: list[tuple[float, float]]) -> None:
    bench.press("p")
    for corner in corners:
        bench.click(corner)
    bench.press("Enter")


def test_an_overlap_is_said_at_once_reached_by_a_key_and_goes_when_it_is_mended(bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    remarks = bench.page.locator("#remarks")
    # As an import or an older client would: over another object without taking its pixels.
    if bench.page.locator("#takes-pixels").count():
        bench.page.locator("#takes-pixels").uncheck()
    polygon(bench, SQUARE)
    bench.press("n")
    polygon(bench, [(x + 30, y) for x, y in SQUARE])
    expect(remarks).to_contain_text("Masks 1 and 2 overlap")
    bench.go(5)
    # What is said of the task as a whole has no frame to go to, and may stand before it in the list.
    for _ in range(remarks.locator("li, .row").count() + 1):
        bench.press("r")
        bench.page.wait_for_timeout(300)
        if bench.page.locator("#frame-number").input_value() == "0":
            break
    expect(bench.page.locator("#frame-number")).to_have_value("0")
    bench.press("Delete")
    expect(remarks).not_to_contain_text("overlap", timeout=10_000)
    assert bench.complaints == []


def test_proposals_are_accepted_by_label_and_the_threshold_is_remembered(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.page.locator("#threshold").fill("0.4")
    button = bench.page.locator("#accept-all")
    expect(button).to_have_text("Accept 3")
    bench.page.locator("#accept-scope").select_option("label container")
    expect(button).to_have_text("Accept 1")
    button.click()
    bench.wait_until_saved()
    verdicts = site.rows("SELECT count(*) FROM annotation_decision WHERE task_id = ?", task)
    assert verdicts == [(1,)]
    bench.page.reload()
    bench.page.wait_for_selector("body[data-ready]")
    expect(bench.page.locator("#threshold-value")).to_have_text("0.40")


def test_everything_below_the_threshold_is_rejected_at_once_and_undone_at_once(
    site: Site, bob: Person, task: int
) -> None:
    bench = Workbench(bob, task)
    bench.page.locator("#threshold").fill("1")
    button, count = bench.page.locator("#reject-below"), bench.page.locator("#proposal-count")
    expect(count).to_have_text("0")
    below = int((button.text_content() or "").split()[1])
    button.click()
    bench.wait_until_saved()
    query = "SELECT count(*) FROM annotation_decision WHERE task_id = ? AND verdict = 'rejected'"
    assert site.rows(query, task) == [(below,)]
    bench.press("Control+z")
    bench.wait_until_saved()
    assert site.rows(query, task) == [(0,)]
    expect(button).to_have_text(f"Reject {below} below")


def test_how_much_of_a_proposal_was_changed_is_kept_with_the_mask(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("v")
    bench.click((60, 80))
    bench.press("Alt+a")
    bench.drag([(100.3, 80.2), (130.3, 80.2)])
    bench.wait_until_saved()
    ((same, distance),) = site.rows(
        "SELECT r.edit_iou, r.edit_boundary FROM annotation_maskrevision r JOIN annotation_mask m ON m.head_id = r.id "
        "WHERE m.task_id = ?",
        task,
    )
    assert 0.5 < same < 1
    assert distance > 0
    said = f"Minor edit of a proposal: IoU {same:.2f}, outline moved by {distance:.1f} px."
    expect(bench.page.locator("#mask-origin")).to_have_text(said)
