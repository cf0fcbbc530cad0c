"""The workbench in Chromium on the largest tasks that it is to bear, beside a task with one object in the same run.

Chromium draws without a GPU here. What the task with one object takes says how busy the machine is meanwhile.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Page, Request, sync_playwright

from benchmarks.row import row
from tests.browser.site import CHROMIUM, Person, Site, log_in, serve, start_chromium
from tests.browser.workbench import Workbench

FRAMES = 300
# Tasks of one clip are told apart by where they end; and how many objects each has.
TRACKS, CROWD, ALONE = (FRAMES, 100), (FRAMES - 1, 1000), (FRAMES - 2, 1)
STROKES, POINTS = 6, 60
OPENINGS = 3
IDLE = 240_000  # ms
FRAME_LIMIT, OPEN_LIMIT, SAVE_LIMIT, SENT_LIMIT = 32.0, 2.0, 100.0, 5.0

# Counts what the page does in each frame while `window.watching` is set, and notes when the page was ready.
WATCH = """
window.frames = [];
const open = new MutationObserver(() => {
  if (document.body?.dataset.ready) { window.readyAt ??= performance.now(); open.disconnect(); }
});
open.observe(document, { subtree: true, attributes: true, childList: true });
const later = window.requestAnimationFrame.bind(window);
let last = 0;
const tick = (now) => { if (window.watching && last) window.frames.push(now - last); last = now; later(tick); };
later(tick);
"""


@dataclass
class Session:
    """What one task showed: milliseconds between frames by stroke, seconds to open, and what saves took.

    saves, sent: milliseconds and bytes of strokes on one object. cuts: milliseconds of strokes through many, and how
    many objects each of them changed.
    """

    strokes: list[list[float]]
    opened: list[float]
    saves: list[float]
    sent: list[int]
    cuts: list[tuple[float, int]]


def rows() -> list[dict[str, Any]]:
    if CHROMIUM is None:
        return []
    with (
        tempfile.TemporaryDirectory(prefix="loupe-bench-") as home,
        sync_playwright() as playwright,
        serve(Path(home), ["benchmarks.crowd"], debug=False) as site,
    ):
        browser = start_chromium(playwright)
        bob = log_in(site, browser, "bob")
        bob.context.add_init_script(WATCH)
        found = {name: _measure(bob, _task(site, which[0])) for name, which in _TASKS.items()}
        browser.close()
    return [each for name in ("1,000 objects", "100 tracks x 300 frames") for each in _rows(name, found)]


_TASKS = {"1 object": ALONE, "1,000 objects": CROWD, "100 tracks x 300 frames": TRACKS}


def _rows(name: str, found: dict[str, Session]) -> Iterator[dict[str, Any]]:
    here, alone = found[name], found["1 object"]
    brush = f"brush, {name}: "
    longest, other = (median(max(frames) for frames in each.strokes) for each in (here, alone))
    yield row(f"{brush}longest frame", longest, "ms", against=f"{FRAME_LIMIT:.0f} ms", ratio=longest / FRAME_LIMIT)
    yield row(f"{brush}longest frame", longest, "ms", against="one object", ratio=longest / other)
    typical = median(frame for frames in here.strokes for frame in frames)
    yield row(f"{brush}middle frame", typical, "ms", against="60 a second", ratio=typical / (1000 / 60))
    opened, other = median(here.opened), median(alone.opened)
    yield row(f"open, {name}", opened, "s", against=f"{OPEN_LIMIT:.0f} s", ratio=opened / OPEN_LIMIT)
    yield row(f"open, {name}", opened, "s", against="one object", ratio=opened / other)
    save = median(here.saves)
    yield row(f"save of a stroke, {name}", save, "ms", against=f"{SAVE_LIMIT:.0f} ms", ratio=save / SAVE_LIMIT)
    cut, objects = (median(each[at] for each in here.cuts) for at in (0, 1))
    yield row(
        f"save of a stroke through others, {name}", cut, "ms", against=f"{objects:.0f} objects", ratio=cut / objects
    )
    sent = max(here.sent) / 1000
    yield row(f"sent for a stroke, {name}", sent, "kB", against=f"{SENT_LIMIT:.0f} kB", ratio=sent / SENT_LIMIT)


def _task(site: Site, end: int) -> int:
    ((pk,),) = site.rows('SELECT id FROM annotation_task WHERE "end" = ?', end)
    return int(pk)


def _measure(bob: Person, task: int) -> Session:
    opened = []
    for n in range(OPENINGS):
        bench = Workbench(bob, task)
        opened.append(float(bench.page.evaluate("window.readyAt")) / 1000)
        # How the tracks drift is worked out first, or the next opening and the saves would wait for that.
        bench.page.wait_for_load_state("networkidle", timeout=IDLE)
        if n + 1 < OPENINGS:
            bench.page.close()
    saves: list[Request] = []
    bench.page.on("requestfinished", lambda request: saves.append(request) if _is_save(request) else None)
    strokes = _draw(bench)
    cuts = [(_waited(request), _objects(request)) for request in saves]
    saves.clear()
    _erase(bench)
    sizes = [request.sizes() for request in saves]
    sent = [size["requestBodySize"] + size["requestHeadersSize"] for size in sizes]
    waits = [_waited(request) for request in saves]
    bench.page.close()
    return Session(strokes, opened, waits, sent, cuts)


def _waited(request: Request) -> float:
    return float(request.timing["responseStart"] - request.timing["requestStart"])


def _objects(request: Request) -> int:
    """How many changes a save carries: a new object and those that its first stroke cuts go together."""
    return len(request.post_data_json.get("edits", [None]))


def _is_save(request: Request) -> bool:
    return request.method == "PUT" or (request.method == "POST" and request.url.endswith("/edits/"))


def _draw(bench: Workbench) -> list[list[float]]:
    """Circles with the brush, as a hand draws them; the milliseconds between frames of each."""
    strokes = []
    bench.press("b")
    for stroke in range(STROKES):
        middle = (200 + 150 * stroke, 360)
        turns = [2 * math.pi * n / POINTS for n in range(POINTS)]
        points = [bench.at((middle[0] + 60 * math.cos(turn), middle[1] + 60 * math.sin(turn))) for turn in turns]
        bench.press("n")
        bench.page.mouse.move(*points[0])
        bench.page.evaluate("window.frames = []; window.watching = true")
        bench.page.mouse.down()
        for point in points:
            bench.page.mouse.move(*point)
            _until_next_frame(bench.page)
        bench.page.mouse.up()
        strokes.append(list(bench.page.evaluate("window.watching = false; window.frames")))
        bench.wait_until_saved()
    return strokes


def _erase(bench: Workbench) -> None:
    """Strokes of the eraser over the ring that was drawn last, which change that object and no other."""
    bench.press("e")
    x, y = 200 + 150 * (STROKES - 1), 360
    for stroke in range(STROKES):
        turns = [2 * math.pi * (stroke + n / 20) / STROKES for n in range(8)]
        bench.drag([(x + 60 * math.cos(turn), y + 60 * math.sin(turn)) for turn in turns])
        bench.wait_until_saved()


def _until_next_frame(page: Page) -> None:
    page.evaluate("new Promise((done) => requestAnimationFrame(done))")
