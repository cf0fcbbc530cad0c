"""The time axis under load: 2,000 segments and 50 signal lanes over a clip of one hour.

What the server needs for a save and for what the lanes show is timed by its own test client, without a network. Opening
and dragging are timed in Chromium against a real server; where there is none those rows are left out. Dragging is told
as frames a second beside those of an empty page that is moved over in the same way, so that a slow machine is seen.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import sync_playwright

from benchmarks.processes import ROOT
from benchmarks.row import row

FRAMES, SEGMENTS, LANES = 108_000, 2_000, 50
STEPS, TURNS = 90, 3
CHROMIUM = os.environ.get("LOUPE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
SCENE = f"{SEGMENTS:,} segments, {LANES} signals, 1 h"

COUNT = """() => { const stamps = []; globalThis.counting = true;
  const tick = (now) => { stamps.push(now); if (globalThis.counting) requestAnimationFrame(tick); };
  requestAnimationFrame(tick); globalThis.stamps = stamps; }"""
RATE = """() => { globalThis.counting = false; const s = globalThis.stamps;
  return 1000 * (s.length - 1) / (s[s.length - 1] - s[0]); }"""


def rows() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="loupe-bench-") as home:
        unset = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "S3_BUCKET"}
        environment = {name: value for name, value in os.environ.items() if name not in unset}
        environment |= {"LOUPE_HOME": home, "DEBUG": "1", "DJANGO_SETTINGS_MODULE": "config.settings"}
        command = [sys.executable, "-m", "benchmarks.timeline_stage", *map(str, (FRAMES, SEGMENTS, LANES))]
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
        made = json.loads(done.stdout.splitlines()[-1])
        found = [
            _limited(f"a segment is saved, {SCENE}", made["save"], "ms", 100),
            _limited(f"all {LANES} lanes are read for the first time", made["describe"], "ms", 2000),
            _limited("values of 8 lanes over the hour", made["values"], "ms", 100),
        ]
        if CHROMIUM is not None:
            with _served(Path(home), environment) as url:
                found += _in_browser(url, made)
    return found


def _limited(name: str, value: float, unit: str, limit: float) -> dict[str, Any]:
    return row(name, value, unit, against=f"the limit of {limit:g} {unit}", ratio=value / limit)


def _in_browser(url: str, made: dict[str, Any]) -> list[dict[str, Any]]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies([{"name": made["cookie"][0], "value": made["cookie"][1], "url": url}])
        page = context.new_page()
        opened, drags, empties, pans = [], [], [], []
        for _ in range(TURNS):
            began = time.perf_counter()
            page.goto(f"{url}/tasks/{made['task']}/?frame={FRAMES // 2}")
            page.wait_for_selector("body[data-ready]", timeout=120_000)
            page.wait_for_selector(".lane.signal", timeout=120_000)
            opened.append(time.perf_counter() - began)
            drags.append(_dragged(page))
            pans.append(_panned(page))
            page.goto("about:blank")
            empties.append(_moved(page, lambda n: page.mouse.move(200 + 4 * n, 300)))
        browser.close()
    usual = median(empties)
    return [
        _limited(f"the workbench opens, {SCENE}", median(opened), "s", 2),
        row(f"an end is dragged, {SCENE}", median(drags), "fps", against="an empty page", ratio=median(drags) / usual),
        row(f"the axis is scrolled, {SCENE}", median(pans), "fps", against="an empty page", ratio=median(pans) / usual),
    ]


def _dragged(page: Any) -> float:
    """Frames a second while the end of the segment in the middle is dragged to and fro."""
    for _ in range(12):
        page.keyboard.press("Alt+=")
    page.keyboard.press("ArrowUp")
    bar = page.wait_for_selector(".bar.first", timeout=30_000)
    box = bar.bounding_box()
    x, y = box["x"] + box["width"] - 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    rate = _moved(page, lambda n: page.mouse.move(x - (n % 45), y))
    page.mouse.up()
    page.keyboard.press("Control+z")
    return rate


def _panned(page: Any) -> float:
    """Frames a second while the whole hour is in sight and the wheel zooms in and scrolls on."""
    page.keyboard.press("\\")
    box = page.locator("#ruler").bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 10)
    page.mouse.wheel(0, -400)
    page.keyboard.down("Shift")
    rate = _moved(page, lambda n: page.mouse.wheel(0, 40))
    page.keyboard.up("Shift")
    return rate


def _moved(page: Any, step: Any) -> float:
    page.evaluate(COUNT)
    for n in range(STEPS):
        step(n)
    return float(page.evaluate(RATE))


@contextmanager
def _served(home: Path, environment: dict[str, str]) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--host", "127.0.0.1", "--port", str(port)]
    with (home / "server.log").open("w") as log:
        server = subprocess.Popen(
            [*command, "--log-level", "warning"], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url)
        yield url
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(url: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{url}/login/", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"The server at {url} did not answer.")
