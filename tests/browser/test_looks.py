"""What the eye meets: nothing moves while the workbench opens, and bars are told apart and read in both themes."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Person, Site
from tests.browser.workbench import Workbench

pytestmark = pytest.mark.browser

MOST_SHIFT = 0.02
SHIFTS = """
globalThis.shifts = [];
new PerformanceObserver((list) => globalThis.shifts.push(...list.getEntries().map((entry) => ({
  value: entry.value, touched: entry.hadRecentInput, of: entry.sources.map(({ node }) => node?.id || node?.className)
})))).observe({ type: "layout-shift", buffered: true });
"""
# Each bar with its colours as the screen has them, 0 to 255.
LOOKS = """() => {
  const sheet = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
  const seen = (colour) => {
    sheet.clearRect(0, 0, 1, 1);
    sheet.fillStyle = colour;
    sheet.fillRect(0, 0, 1, 1);
    return [...sheet.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const ground = seen(getComputedStyle(document.querySelector(".segment-lanes")).backgroundColor);
  return [...document.querySelectorAll(".lane.segments[data-level=primitive] .bar")].map((bar) => {
    const style = getComputedStyle(bar);
    const band = style.backgroundImage.match(/linear-gradient\\((.+?\\)) /)?.[1];
    return { x: bar.getBoundingClientRect().x, ground, fill: seen(style.backgroundColor), ink: seen(style.color),
      edge: seen(style.borderTopColor), band: band ? seen(band) : null };
  }).sort((a, b) => a.x - b.x);
}"""


def contrast(one: list[int], other: list[int]) -> float:
    """Of two sRGB colours, 1 to 21 (WCAG 2.2)."""

    def luminance(colour: list[int]) -> float:
        parts = [c / 255 for c in colour]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def fill(person: Person, task: int, said: list[tuple[str, str]]) -> None:
    """Segments of ten frames one after the other, each an action and a phase."""
    edits = [
        {
            "kind": "segments",
            "id": str(uuid.uuid4()),
            "key": str(uuid.uuid4()),
            "base": 0,
            "body": {"start": 10 * n, "end": 10 * n + 10, "action": action, "phase": phase},
        }
        for n, (action, phase) in enumerate(said)
    ]
    answer = person.call("POST", f"tasks/{task}/edits/", {"edits": edits})
    assert {each["status"] for each in answer.json()["answers"]} == {201}


def looks(page: Page, theme: str) -> list[dict[str, Any]]:
    page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
    return list(page.evaluate(LOOKS))


@pytest.mark.parametrize("size", [(1440, 900), (1024, 768)])
def test_nothing_moves_while_the_workbench_opens(bob: Person, task: int, size: tuple[int, int]) -> None:
    fill(bob, task, [("pick", "grasp"), ("pick", "lift"), ("", "")])
    bob.context.add_init_script(SHIFTS)
    page = bob.context.new_page()
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"{bob.site.url}/tasks/{task}/")
    page.wait_for_selector("body[data-ready]")
    page.wait_for_selector("#remarks .remark")
    page.wait_for_timeout(500)
    shifts = [each for each in page.evaluate("globalThis.shifts") if not each["touched"]]
    assert sum(each["value"] for each in shifts) < MOST_SHIFT, shifts


def test_bars_are_told_apart_and_read_in_both_themes(bob: Person, task: int, site: Site) -> None:
    taxonomy = bob.call("GET", f"tasks/{task}/").json()["taxonomy"]
    phases = [each["key"] for each in taxonomy["phases"]]
    actions = [each["key"] for each in taxonomy["actions"]]
    first = [(actions[0], phase) for phase in phases]
    fill(bob, task, first + [(action, phases[0]) for action in actions[1:12]])
    page = Workbench(bob, task).page
    for theme in ("dark", "light"):
        bars = looks(page, theme)
        assert len(bars) == len(first) + 11
        for one, next in itertools.pairwise(bars):
            assert one["fill"] != next["fill"], theme
        for bar in bars:
            assert contrast(bar["ink"], bar["fill"]) >= 4.5, (theme, bar)
            assert contrast(bar["edge"], bar["ground"]) >= 3.0, (theme, bar)
            assert contrast(bar["band"], bar["ground"]) >= 3.0, (theme, bar)
        bands = [tuple(bar["band"]) for bar in bars[: len(first)]]
        assert len(set(bands)) == len(phases)
    page.click("#legend-open")
    said = page.locator("#legend").inner_text()
    assert all(word in said for word in [*phases, *actions])
