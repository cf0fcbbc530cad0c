"""The workbench as a hand uses it: in pixels of the picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from playwright.sync_api import Page, expect

from tests.browser.site import Person

Point = tuple[float, float]
SAVED = 10_000  # ms


class Workbench:
    """An open workbench page. Errors in its console fail the test that looks at `complaints`."""

    def __init__(self, person: Person, task: int, query: str = "") -> None:
        self.page: Page = person.context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        self.page.goto(f"{person.site.url}/tasks/{task}/{query}")
        self._wait_until_ready()

    def reload(self) -> None:
        self.page.reload()
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        self.page.wait_for_selector("body[data-ready]")
        self.page.wait_for_selector("#stage[data-scale]")
        self._wait_for_picture()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def go(self, frame: int) -> None:
        self.page.fill("#frame-number", str(frame))
        self.page.press("#frame-number", "Enter")
        # The picture before stays until the next one is there.
        self.page.wait_for_selector(f'#stage[data-frame="{frame}"]')
        self._wait_for_picture()
        self.page.focus("#ornaments")

    def _wait_for_picture(self) -> None:
        self.page.wait_for_selector("#stage-wait", state="hidden")
        # A hand clicks a proposal when it sees one.
        self.page.wait_for_selector("#stage[data-proposals=drawn]")

    def at(self, point: Point) -> Point:
        """Where a point of the picture lies on the screen."""
        left, top, scale, x, y = self.page.evaluate(
            """() => { const s = document.querySelector('#stage'), b = s.getBoundingClientRect(), d = s.dataset;
            return [b.left, b.top, Number(d.scale), Number(d.x), Number(d.y)]; }"""
        )
        return (left + x + point[0] * scale, top + y + point[1] * scale)

    def drag(self, points: Sequence[Point], button: str = "left") -> None:
        """Press at the first point, move along the others, let go."""
        self.page.mouse.move(*self.at(points[0]))
        self.page.mouse.down(button=button)  # type: ignore[arg-type]
        for point in points[1:]:
            self.page.mouse.move(*self.at(point))
        self.page.mouse.up(button=button)  # type: ignore[arg-type]

    def pen(self, places: Sequence[tuple[Point, float]]) -> list[Point]:
        """Draw with a pen: points of the picture, each with how hard it is pressed, 0 to 1.

        Returns where the pen really was: whole pixels of the screen.
        """
        (left, top), (right, _) = self.at((0, 0)), self.at((1, 0))
        really = []
        devtools = self.page.context.new_cdp_session(self.page)
        for n, (point, force) in enumerate(places):
            x, y = (round(value) for value in self.at(point))
            really.append(((x - left) / (right - left), (y - top) / (right - left)))
            kind = "mouseMoved" if n else "mousePressed"
            pen = {"pointerType": "pen", "force": force, "button": "left", "buttons": 1, "clickCount": 1}
            devtools.send("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, **pen})
        end = {"pointerType": "pen", "button": "left", "buttons": 0, "clickCount": 1}
        devtools.send("Input.dispatchMouseEvent", {"type": "mouseReleased", "x": x, "y": y, **end})
        devtools.detach()
        return really

    def click(self, point: Point, button: str = "left") -> None:
        self.page.mouse.click(*self.at(point), button=button)  # type: ignore[arg-type]

    def wait_until_saved(self) -> None:
        expect(self.page.locator("#save-text")).to_have_text("Saved", timeout=SAVED)


def swept(
    points: Sequence[Point], size: int, *, tip: str = "round", width: int = 320, height: int = 180
) -> npt.NDArray[np.bool_]:
    """(height, width) bool: what a brush of `size` px covers that passes through the points.

    A pixel is covered when its centre is within half the size of the path: as the crow flies for a round tip, along
    each axis for a square one. The brush sits on pixel centres when its size is odd, on corners when it is even.
    """
    half = 0.5 if size % 2 else 0.0
    path = [np.array([np.floor(v - half + 0.5) + half for v in point]) for point in points]
    rows, columns = np.mgrid[:height, :width] + 0.5
    centres = np.stack([columns, rows], axis=-1)
    covered = np.zeros((height, width), bool)
    for start, end in pairwise([path[0], *path]):
        along = end - start
        if tip == "square":
            inside = (centres >= np.minimum(start, end) - size / 2) & (centres <= np.maximum(start, end) + size / 2)
            gap = centres - start
            across = np.abs(gap[..., 0] * along[1] - gap[..., 1] * along[0])
            covered |= inside.all(axis=-1) & (across <= size / 2 * np.abs(along).sum())
            continue
        length = float(along @ along)
        share = np.clip((centres - start) @ along / length, 0, 1) if length else np.zeros((height, width))
        nearest = start + share[..., None] * along
        covered |= ((centres - nearest) ** 2).sum(axis=-1) <= (size / 2) ** 2
    return covered
