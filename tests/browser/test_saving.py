"""Hands that are quicker than the line: what gathers while a save is on its way goes together, and nothing is lost."""

from __future__ import annotations

import json
import re
import time

import pytest
from playwright.sync_api import Request, expect

from tests.browser.site import Person, Site
from tests.browser.workbench import Workbench

pytestmark = pytest.mark.browser

CHANGES = 20
RATE = 10.0  # a second
LATENCY = 300.0  # ms of the line, there and back


def test_twenty_quick_changes_of_a_segment_are_all_kept_in_few_requests(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    page = bench.page
    bench.press("i")
    page.wait_for_selector("#segment-panel", state="visible")
    bench.wait_until_saved()
    sent: list[Request] = []
    page.on("request", lambda one: sent.append(one) if re.search(r"/(edits|segments/[^/]+)/$", one.url) else None)
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    line.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": LATENCY, "downloadThroughput": -1, "uploadThroughput": -1},
    )
    page.focus('#segment select[aria-label="Hand"]')
    began = time.monotonic()
    keys = ["ArrowDown", "ArrowDown", "ArrowUp", "ArrowUp"]
    for n in range(CHANGES):
        page.keyboard.press(keys[n % 4])
        time.sleep(max(0.0, began + (n + 1) / RATE - time.monotonic()))
    expect(page.locator("#save-text")).to_have_text("Saved", timeout=20_000)
    sizes = [len(json.loads(one.post_data or "{}").get("edits", [one])) for one in sent]
    assert sum(sizes) == CHANGES
    assert len(sent) <= CHANGES / 2, sizes
    kept = site.rows(
        "SELECT r.number, r.hand_side, r.stale FROM annotation_segmentrevision r "
        "JOIN annotation_segment s ON s.id = r.of_id WHERE s.task_id = ? ORDER BY r.id",
        task,
    )
    sides = ["left", "right", "left", ""]
    assert kept == [(1, "", 0)] + [(n + 2, sides[n % 4], 0) for n in range(CHANGES)]
    assert bench.complaints == []
