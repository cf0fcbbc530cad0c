"""A clip annotated completely with the keyboard: nothing here moves a mouse or fills a field by its address."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import ROOT, Person, Site, log_in
from tests.browser.test_player import READ
from tests.browser.workbench import Workbench

pytestmark = pytest.mark.browser

TRUTH = ROOT / "benchmarks" / "truth"
# Of the three frames around the one that is named, which one the canvas shows: mean difference, levels of 255.
AROUND = """async ([clip, frame, count]) => {
  const stage = document.querySelector('#stage'), canvas = document.querySelector('#picture');
  const { scale, x, y } = stage.dataset, ratio = canvas.width / stage.getBoundingClientRect().width;
  const [w, h] = stage.clipSize.map((side) => Math.floor(side * scale * ratio) - 2);
  const shown = canvas.getContext('2d').getImageData(Math.ceil(x * ratio), Math.ceil(y * ratio), w, h).data;
  const found = {};
  for (const n of [frame - 1, frame, frame + 1]) {
    if (n < 0 || n >= count) continue;
    const answer = await fetch(`/api/clips/${clip}/frames/${n}.png`);
    const bitmap = await createImageBitmap(await answer.blob());
    const drawn = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
    drawn.drawImage(bitmap, x * ratio, y * ratio, stage.clipSize[0] * scale * ratio, stage.clipSize[1] * scale * ratio);
    const { data } = drawn.getImageData(Math.ceil(x * ratio), Math.ceil(y * ratio), w, h);
    let sum = 0;
    for (let i = 0; i < data.length; i += 4) sum += Math.abs(data[i + 1] - shown[i + 1]);
    found[n] = sum / (data.length / 4);
  }
  return found;
}"""


@dataclass
class Typed:
    """A segment as a person is going to say it; without instructions the suggestions are taken."""

    start: int
    end: int
    action: str
    phase: str
    instructions: list[str] | None = None


class Hands:
    """Keys only. What is on screen is looked at, as a person would."""

    def __init__(self, person: Person, task: int, clip: int) -> None:
        self.bench = Workbench(person, task)
        self.page = self.bench.page
        facts = person.call("GET", f"clips/{clip}/").json()
        self.clip, self.count = clip, facts["frame_count"]
        self.page.evaluate(
            "size => document.querySelector('#stage').clipSize = size", [facts["width"], facts["height"]]
        )
        self.page.evaluate(READ)
        self.at = int(self.page.get_attribute("#stage", "data-frame") or 0)
        self.page.keyboard.press("F6")
        self._until_focused("#ornaments")

    def go(self, frame: int) -> None:
        """By tens and ones, and wait until the picture is that frame's."""
        tens, ones = divmod(abs(frame - self.at), 10)
        on = frame > self.at
        for key, times in (("Shift+F" if on else "Shift+D", tens), ("f" if on else "d", ones)):
            for _ in range(times):
                self.page.keyboard.press(key)
        self.page.wait_for_selector(f'#stage[data-frame="{frame}"]')
        self.page.wait_for_selector("#stage-wait", state="hidden")
        self.at = frame

    def annotate(self, one: Typed, look: Any) -> tuple[Any, Any]:
        """What the looks at its first and last frame said."""
        self.go(one.start)
        first = look(one.start)
        self.page.keyboard.press("i")
        self.go(one.end - 1)
        last = look(one.end - 1)
        self.page.keyboard.press("o")
        self.page.keyboard.press("Enter")
        self.choose("Action", one.action)
        self.page.keyboard.press("Tab")
        self.choose("Phase", one.phase)
        self.page.keyboard.press("Escape")
        self._until_focused("#ornaments")
        self.page.keyboard.press("Shift+I")
        for n, text in enumerate(one.instructions or [None] * 3):
            self._until_focused(f'[aria-label="Instruction {n + 1}"]')
            if text:
                self.page.keyboard.type(text)
            self.page.keyboard.press("Enter")
        self._until_focused("#ornaments")
        self.page.keyboard.press("Escape")
        self.page.wait_for_selector("#segment-panel", state="hidden")
        return first, last

    def choose(self, name: str, key: str) -> None:
        """Home and the arrows, as in any list."""
        select = f'#segment select[aria-label="{name}"]'
        self._until_focused(select)
        place = self.page.eval_on_selector(select, "(s, key) => [...s.options].findIndex((o) => o.value === key)", key)
        assert place >= 0, f"There is no {key} in {name}."
        self.page.keyboard.press("Home")
        for _ in range(place):
            self.page.keyboard.press("ArrowDown")
        expect(self.page.locator(select)).to_have_value(key)

    def submit(self) -> None:
        """Twice where something is remarked that may stay."""
        self.page.keyboard.press("Control+Enter")
        told = self.page.locator("#submit-panel:visible, #readonly-text:visible")
        expect(told.first).to_be_visible(timeout=20_000)
        if "Submitted" not in told.first.inner_text():
            self.page.keyboard.press("Control+Enter")
        expect(self.page.locator("#readonly-text")).to_contain_text("Submitted", timeout=20_000)

    def number(self, frame: int) -> int:
        """What is burnt into the picture that is on screen."""
        return int(self.page.evaluate("globalThis.numberOnCanvas()"))

    def nearest(self, frame: int) -> dict[int, float]:
        """How far the picture on screen is from the server's of this frame and of its neighbours."""
        found = self.page.evaluate(AROUND, [self.clip, frame, self.count])
        return {int(n): away for n, away in found.items()}

    def _until_focused(self, selector: str) -> None:
        self.page.wait_for_function("selector => document.activeElement?.matches(selector)", arg=selector)


def stored(site: Site, task: int) -> list[tuple[Any, ...]]:
    found = site.rows(
        """
        SELECT revision.start, revision.end, action.key, phase.key, revision.instructions
        FROM annotation_segment segment
        JOIN annotation_segmentrevision revision ON revision.id = segment.head_id
        LEFT JOIN annotation_actionclass action ON action.id = revision.action_id
        LEFT JOIN annotation_phase phase ON phase.id = revision.phase_id
        WHERE segment.task_id = ? AND NOT revision.deleted ORDER BY revision.start
        """,
        task,
    )
    return [(start, end, action, phase or "", json.loads(texts)) for start, end, action, phase, texts in found]


def test_a_clip_is_annotated_and_submitted_without_a_mouse(site: Site, bob: Person, task: int) -> None:
    hands = Hands(bob, task, site.clip)
    plan = [
        Typed(3, 17, "pick", "approach"),
        Typed(17, 31, "pick", "grasp", ["Take the red cup", "Close your fingers on its handle", "Get hold of it"]),
        Typed(31, 58, "place", "transport"),
    ]
    looks = [hands.annotate(one, hands.number) for one in plan]
    hands.submit()
    kept = stored(site, task)
    assert [(start, end - 1) for start, end, *_ in kept] == looks
    assert [row[:4] for row in kept] == [(one.start, one.end, one.action, one.phase) for one in plan]
    assert kept[0][4] == ["Reach for the object", "Move the hand towards the object", "Go to where the object is"]
    assert kept[1][4] == plan[1].instructions
    assert len(set(kept[2][4])) == 3
    assert site.rows("SELECT state FROM annotation_task WHERE id = ?", task) == [("submitted",)]
    assert hands.bench.complaints == []


@pytest.mark.parametrize("name", ["blocks", "coffee"])
def test_a_real_clip_is_annotated_without_a_mouse(site: Site, bob: Person, name: str) -> None:
    """The segments of benchmarks/truth; the pictures have no numbers, so that they are compared with the server's."""
    folder = os.environ.get("LOUPE_SAMPLES")
    if not folder or not (Path(folder) / f"{name}.mp4").is_file():
        pytest.skip(f"LOUPE_SAMPLES names no folder with {name}.mp4")
    clip, task = taken_in(site, Path(folder) / f"{name}.mp4")
    assert bob.call("POST", f"tasks/{task}/claim/").status == 200
    hands = Hands(bob, task, clip)
    truth = json.loads((TRUTH / f"{name}.segments.json").read_text(encoding="utf-8"))["segments"]
    plan = [
        Typed(one["start_frame"], one["end_frame"], one["action"], one["phase"], one["instructions"])
        for one in truth
        if one["level"] == "primitive"
    ]
    for one in plan:
        for frame, look in zip((one.start, one.end - 1), hands.annotate(one, hands.nearest), strict=True):
            assert look[frame] <= min(look.values()) + 0.02, f"Frame {frame} is named, the picture is {look}."
    hands.submit()
    assert stored(site, task) == [(o.start, o.end, o.action, o.phase, o.instructions) for o in plan]
    assert hands.bench.complaints == []


def taken_in(site: Site, path: Path) -> tuple[int, int]:
    """Clip and task of a file, ingested by the command into the home of the running server."""
    environment = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
    environment |= {"LOUPE_HOME": str(site.home), "DEBUG": "1"}
    command = [sys.executable, "manage.py", "ingest", "table-top", str(path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    query = "SELECT clip.id, task.id FROM annotation_clip clip JOIN annotation_task task ON task.clip_id = clip.id"
    ((clip, task),) = site.rows(f"{query} WHERE clip.source_name = ?", path.name)
    return clip, task


def test_a_broken_rule_is_seen_at_once_on_the_axis_and_reached_by_key(
    site: Site, bob: Person, task: int, chromium: Browser
) -> None:
    manager = log_in(site, chromium, "alice")
    gap = {"kind": "no_gap", "level": "primitive", "seconds": 0.1}
    try:
        assert manager.call("PUT", "projects/table-top/grammar/", {"rules": [gap]}).status == 200
        hands = Hands(bob, task, site.clip)
        for one in (Typed(2, 8, "pick", "grasp"), Typed(20, 26, "pick", "lift")):
            hands.annotate(one, hands.number)
        bar = hands.page.locator('.bar[data-remark="error"]')
        expect(bar).to_have_attribute("title", re.compile("There is a gap of 1 s before frame 20; 0.1 s is the most."))
        # The whole list comes from the server when the hand rests; until then it says that nothing is there yet.
        expect(hands.page.locator("#remarks")).not_to_contain_text("is empty")
        hands.page.keyboard.press("r")
        expect(hands.page.locator("#notice")).to_contain_text("There is a gap of 1 s")
        expect(hands.page.locator("#segment-panel")).to_be_visible()
    finally:
        manager.call("PUT", "projects/table-top/grammar/", {"rules": []})
        manager.context.close()


def test_segments_of_a_file_are_seen_before_they_come_in(bob: Person, task: int, tmp_path: Path) -> None:
    page = Workbench(bob, task).page
    path = tmp_path / "theirs.csv"
    path.write_text("start,end,action,phase\n3,9,pick,grasp\n9,15,Setzen,\n900,910,pick,\n")
    page.set_input_files("#segments-file", path)
    preview = page.locator("#transfer")
    expect(preview).to_contain_text("does not come in")
    path.write_text("start,end,action,phase\n3,9,pick,grasp\n9,15,Setzen,\n")
    preview.get_by_role("button", name="Close").click()
    page.set_input_files("#segments-file", path)
    expect(preview.get_by_role("button", name="Take in 2 segments")).to_be_disabled()
    preview.get_by_label("What Setzen is here").select_option("place")
    take = preview.get_by_role("button", name="Take in 2 segments")
    expect(take).to_be_enabled()
    take.click()
    expect(page.locator("#segments-count")).to_have_text("2")
    with page.expect_download() as download:
        page.click("#export-csv")
    rows = download.value.path().read_text().splitlines()
    assert [row.split(",")[1:3] for row in rows[1:]] == [["3", "9"], ["9", "15"]]
