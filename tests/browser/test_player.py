"""The player in Chromium: every picture is the frame it says it is, to the last bit, and in time."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from annotation.media.decode import FrameReader
from annotation.media.frame_index import FrameIndex
from tests.browser.conftest import ROOT, Person, Site
from tests.browser.workbench import Workbench

pytestmark = pytest.mark.browser

# ms, p95 of a step. What these are on a machine that does nothing else is shown with LOUPE_LONG; a busy one must only
# not be slow by a multiple.
SLACK = 1.0 if os.environ.get("LOUPE_LONG") == "1" else 5.0
CACHED, COLD = 50.0 * SLACK, 200.0 * SLACK
WITHOUT_WEBCODECS = "delete globalThis.VideoDecoder"

# What is burnt into the picture on the canvas, read like annotation.scene.numbered reads it; -1 where it is not whole.
READ = """
globalThis.numberOnCanvas = () => {
  const stage = document.querySelector('#stage'), canvas = document.querySelector('#picture');
  const { scale, x, y, frame, w, h } = { ...stage.dataset, w: stage.clipSize[0], h: stage.clipSize[1] };
  const ratio = canvas.width / stage.getBoundingClientRect().width;
  const row = Math.round((+y + h * (1 - 1 / 12) * scale) * ratio);
  const left = Math.round(+x * ratio), wide = Math.round(w * scale * ratio);
  const line = canvas.getContext('2d').getImageData(left, row, wide, 1).data;
  const level = (cell) => {
    const at = 4 * Math.floor((cell + 0.5) * wide / 24);
    return line[at] + line[at + 1] + line[at + 2];
  };
  const middle = (level(0) + level(23) + level(1) + level(22)) / 4;
  if (level(0) - level(1) < 120) return -1;
  let word = 0;
  for (let cell = 2; cell < 22; cell += 1) word = word * 2 + (level(cell) > middle ? 1 : 0);
  const number = word >> 4, check = (number ^ (number >> 4) ^ (number >> 8) ^ (number >> 12)) & 15;
  return (word & 15) === check ? number : -1;
};
globalThis.watch = () => {
  globalThis.seen = [];
  const look = () => {
    const said = Number(document.querySelector('#stage').dataset.frame);
    globalThis.seen.push([performance.now(), said, globalThis.numberOnCanvas()]);
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
};
"""

# All the frames of a clip through the page's own Frames, compared with the server's RGB by the test.
FRAMES = """async ([clip, numbers, patience]) => {
  const { Frames } = await import('/static/js/workbench/frames.js');
  const frames = new Frames(clip);
  const found = {};
  for (const n of numbers) {
    frames.want(n, 1);
    const until = performance.now() + patience;
    while (!frames.about(n)?.exact && performance.now() < until) await new Promise((go) => setTimeout(go, 5));
    const held = frames.about(n);
    if (!held) { found[n] = null; continue; }
    const canvas = new OffscreenCanvas(held.bitmap.width, held.bitmap.height);
    const g = canvas.getContext('2d');
    g.drawImage(held.bitmap, 0, 0);
    const { data } = g.getImageData(0, 0, canvas.width, canvas.height);
    let text = '';
    for (let i = 0; i < data.length; i += 8192) text += String.fromCharCode(...data.subarray(i, i + 8192));
    found[n] = { width: canvas.width, height: canvas.height, route: held.route, exact: held.exact, rgba: btoa(text) };
  }
  return { found, why: frames.whyImages };
}"""


@dataclass
class Clip:
    """One clip of the player's stage."""

    pk: int
    task: int
    source: Path

    @property
    def index(self) -> FrameIndex:
        return FrameIndex.load(next(p for p in self.source.parents if (p / "frames.npz").is_file()) / "frames.npz")


@pytest.fixture(scope="session")
def moving(site: Site) -> dict[str, Clip]:
    environment = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
    environment |= {"LOUPE_HOME": str(site.home), "DEBUG": "1"}
    command = [sys.executable, "-m", "tests.browser.player_stage"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    made: dict[str, list[Any]] = json.loads(done.stdout.splitlines()[-1])
    return {name: Clip(pk, task, Path(source)) for name, (pk, task, source) in made.items()}


def open_bench(person: Person, clip: Clip, *, webcodecs: bool = True) -> Workbench:
    if not webcodecs:
        person.context.add_init_script(WITHOUT_WEBCODECS)
    person.call("POST", f"tasks/{clip.task}/claim/")
    bench = Workbench(person, clip.task)
    body = person.call("GET", f"clips/{clip.pk}/").json()
    bench.page.evaluate("size => document.querySelector('#stage').clipSize = size", [body["width"], body["height"]])
    bench.page.evaluate(READ)
    return bench


def pictures(page: Page, person: Person, clip: Clip, numbers: list[int], patience: float = 4000.0) -> dict[str, Any]:
    body = person.call("GET", f"clips/{clip.pk}/").json()
    shape = {key: body[key] for key in ("id", "width", "height", "frame_count")}
    found: dict[str, Any] = page.evaluate(FRAMES, [shape, numbers, patience])
    return found


def difference(found: dict[str, Any], clip: Clip) -> tuple[int, float, set[str]]:
    """Greatest and mean difference from the server's RGB over all frames, and by which routes they came."""
    greatest, sums, count, routes = 0, 0.0, 0, set()
    with FrameReader(clip.source, clip.index) as reader:
        for number, picture in found["found"].items():
            assert picture is not None, f"frame {number} of {clip.source.name} never came"
            rgba = np.frombuffer(base64.b64decode(picture["rgba"]), np.uint8)
            shown = rgba.reshape(picture["height"], picture["width"], 4)[..., :3].astype(int)
            away = np.abs(shown - reader.read(int(number)))
            greatest, sums, count = max(greatest, int(away.max())), sums + float(away.mean()), count + 1
            routes.add(picture["route"] + ("" if picture["exact"] else " (not exact)"))
    return greatest, sums / count, routes


def test_both_routes_give_the_servers_pixels_for_every_video_that_is_taken(
    bob: Person, moving: dict[str, Clip]
) -> None:
    bench = open_bench(bob, moving["constant"])
    lines, wrong, decoded = [], [], []
    for name, clip in moving.items():
        count = len(clip.index)
        numbers = sorted({0, 1, count // 3, count // 2, count // 2 + 1, count - 2, count - 1} & set(range(count)))
        found = pictures(bench.page, bob, clip, numbers)
        greatest, mean, routes = difference(found, clip)
        lines.append(f"{name:40} {'+'.join(sorted(routes)):18} max {greatest} mean {mean:.4f}  {found['why']}")
        if greatest or any("not exact" in route for route in routes):
            wrong.append(lines[-1])
        if "decoder" in routes:
            decoded.append(name)
    sys.stdout.write("\nDifference from the server's RGB, levels of 255:\n" + "\n".join(lines) + "\n")
    assert wrong == []
    expected = {"constant", "uneven", "hd", "vp9", "plain.mp4", "b_frames.mp4", "variable.mp4", "rotated.mp4"}
    assert expected <= set(decoded)


def mistakes(page: Page) -> tuple[int, list[Any], set[int]]:
    """Looks taken, those where the canvas showed another number than the bench named, and the frames that were seen."""
    seen = page.evaluate("globalThis.seen")
    told = [(said, shown) for _, said, shown in seen if said is not None]
    return len(told), [pair for pair in told if pair[0] != pair[1]], {shown for _, shown in told}


def scrub(page: Page, rounds: int = 3) -> None:
    """Drag along the ruler, forwards and backwards, at the pace of a hand; jump; and step."""
    box = page.locator("#ruler").bounding_box()
    assert box is not None
    middle = box["y"] + 8
    page.mouse.move(box["x"] + 5, middle)
    page.mouse.down()
    for turn in range(rounds):
        for share in np.linspace(0.02, 0.98, 30)[:: -1 if turn % 2 else 1]:
            page.mouse.move(box["x"] + box["width"] * float(share), middle)
            page.wait_for_timeout(12)
    page.mouse.up()
    for share in (0.9, 0.1, 0.55, 0.3, 0.95, 0.5):
        page.mouse.click(box["x"] + box["width"] * share, middle)
        page.wait_for_timeout(60)
    for key in ["f"] * 12 + ["d"] * 12:
        page.keyboard.press(key)
    page.wait_for_selector("#stage-wait", state="hidden")


@pytest.mark.parametrize("webcodecs", [True, False], ids=["decoded here", "from the server"])
@pytest.mark.parametrize("name", ["constant", "uneven", "hd"])
def test_scrubbing_never_shows_another_frames_picture(
    bob: Person, moving: dict[str, Clip], name: str, webcodecs: bool
) -> None:
    bench = open_bench(bob, moving[name], webcodecs=webcodecs)
    bench.page.evaluate("globalThis.watch()")
    scrub(bench.page)
    looks, wrong, frames = mistakes(bench.page)
    route = bench.page.get_attribute("#stage", "data-route")
    how = "decoded here" if webcodecs else "from the server"
    sys.stdout.write(f"\n{name}, {how}: {looks} looks at {len(frames)} frames, {len(wrong)} of another frame\n")
    assert len(frames) > 3  # a loaded machine shows fewer, but never none
    assert wrong == []
    assert webcodecs or route == "server"


STEPS = """async ([clip, seconds, cold]) => {
  const { Frames } = await import('/static/js/workbench/frames.js');
  const { Player } = await import('/static/js/workbench/player.js');
  const { Timebase } = await import('/static/js/models/timebase.js');
  const frames = new Frames(clip), player = new Player(frames, new Timebase(seconds));
  const arrive = (n) => new Promise((done) => {
    if (player.frame === n) done();
    else { const stop = (at) => at === n && done(); player.on('frame', stop); }
  });
  const nextPaint = () => new Promise((done) => requestAnimationFrame(() => done()));
  const pause = (ms) => new Promise((go) => setTimeout(go, ms));
  player.go(0);
  await arrive(0);
  await pause(1500);
  const times = [];
  for (let i = 0; i < 60; i += 1) {
    // Cold: somewhere that nothing is held of. Cached: on to the next one, at the pace of a held key.
    const to = cold ? (player.frame + 97 + i % 13) % clip.frame_count : player.frame + 1;
    if (cold && frames.get(to)) continue;
    while (!cold && !frames.get(to)) await pause(20);
    const from = performance.now();
    player.go(to);
    await arrive(to);
    await nextPaint();
    times.push(performance.now() - from);
    await pause(cold ? 60 : 33);
  }
  return { times: times.sort((a, b) => a - b), route: frames.route };
}"""


def test_a_step_is_quick_at_720p(bob: Person, moving: dict[str, Clip]) -> None:
    clip = moving["hd"]
    bench = open_bench(bob, moving["constant"])
    body = bob.call("GET", f"clips/{clip.pk}/").json()
    shape = {key: body[key] for key in ("id", "width", "height", "frame_count")}
    seconds = bob.call("GET", f"clips/{clip.pk}/times/").json()["seconds"]
    p95 = {"cached": np.inf, "cold": np.inf}
    for kind, limit in (("cached", CACHED), ("cold", COLD)):
        for _ in range(3):  # a machine that does other things as well is given another chance
            told = bench.page.evaluate(STEPS, [shape, seconds, kind == "cold"])
            times = told["times"]
            p95[kind] = min(p95[kind], times[int(len(times) * 0.95)])
            sys.stdout.write(
                f"\nstep {kind}, 1280x720, {told['route']}: median {times[len(times) // 2]:.0f} ms, "
                f"p95 {times[int(len(times) * 0.95)]:.0f} ms, longest {times[-1]:.0f} ms of {len(times)}\n"
            )
            if p95[kind] < limit:
                break
    assert p95["cached"] < CACHED
    assert p95["cold"] < COLD


def test_it_plays_at_the_sources_rate_and_drops_rather_than_lies(bob: Person, moving: dict[str, Clip]) -> None:
    clip = moving["uneven"]
    bench = open_bench(bob, clip)
    bench.page.wait_for_timeout(1500)
    bench.page.evaluate("globalThis.watch()")
    rates = {}
    times = clip.index.seconds
    for speed in ("1", "0.25"):
        bench.go(0)
        bench.page.select_option("#speed", speed)
        bench.page.focus("#ornaments")
        bench.page.evaluate("globalThis.seen = []")
        bench.press(" ")
        bench.page.wait_for_timeout(2500)
        bench.press(" ")
        looks, wrong, _ = mistakes(bench.page)
        seen = [(at / 1000, said) for at, said, _ in bench.page.evaluate("globalThis.seen")]
        moved = [(at, n) for at, n in seen if n > 0]
        (since, first), (until, last) = moved[0], max(moved, key=lambda one: one[1])
        until = next(at for at, n in moved if n == last)
        rates[speed] = (times[last] - times[first]) / (until - since)
        shown = len({n for _, n in moved})
        sys.stdout.write(f"\nspeed {speed}: {rates[speed]:.2f} clip seconds a second, {shown} of {last + 1} frames, ")
        sys.stdout.write(f"{len(wrong)} of {looks} looks wrong\n")
        assert wrong == []
    assert rates["1"] == pytest.approx(1, abs=0.15)
    assert rates["0.25"] == pytest.approx(0.25, abs=0.06)


def test_brightness_changes_the_picture_alone_and_can_be_reset(bob: Person, moving: dict[str, Clip]) -> None:
    bench = open_bench(bob, moving["constant"])
    page = bench.page
    mean = """() => { const c = document.querySelector('#picture'), d = document.querySelector('#stage').dataset;
      const data = c.getContext('2d').getImageData(+d.x + 20, +d.y + 20, 40, 40).data;
      return data.reduce((sum, v, i) => sum + (i % 4 < 3 ? v : 0), 0) / 4800; }"""
    page.wait_for_selector("#stage[data-exact=true]")
    before = page.evaluate(mean)
    page.focus("#ornaments")
    bench.press(*["Alt+ArrowUp"] * 3)
    page.wait_for_timeout(200)
    assert page.evaluate(mean) > before * 1.15
    bench.press("Alt+r")
    page.wait_for_timeout(200)
    assert page.evaluate(mean) == before
    bench.press("Alt+v")
    choices = page.locator("#layer-choices")
    expect(choices).to_contain_text("no engine", timeout=15_000)
    assert page.locator("#layer-choices input:disabled").count() >= 3
    bench.press("Escape")
    assert page.locator("#view-panel").is_hidden()
    assert bench.complaints == []
