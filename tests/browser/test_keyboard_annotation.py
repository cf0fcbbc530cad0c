"""A clip annotated completely with the keyboard: nothing here moves a mouse or fills a field by its address."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.browser.conftest import ROOT, Person, Site, log_in
from tests.browser.test_player import READ
from tests.browser.workbench import Workbench

pytestmark = pytest.mark.browser

Picture = npt.NDArray[np.float32]

TRUTH = ROOT / "benchmarks" / "truth"
# The clip as the canvas shows it, small: a PNG.
PICTURE = """([width, height]) => {
  const stage = document.querySelector('#stage'), canvas = document.querySelector('#picture');
  const { scale, x, y } = stage.dataset, ratio = canvas.width / stage.getBoundingClientRect().width;
  const [w, h] = stage.clipSize.map((side) => side * scale * ratio);
  const small = Object.assign(document.createElement('canvas'), { width, height });
  small.getContext('2d').drawImage(canvas, x * ratio, y * ratio, w, h, 0, 0, width, height);
  return small.toDataURL('image/png').split(',')[1];
}"""
SMALL = (320, 180)  # width and height, px
# Outlines of benchmarks/truth/*.masks.json that are taken over: frame and name.
OUTLINED = {
    "blocks": [(60, "hand"), (60, "block W"), (60, "block O"), (240, "hand, left")],
    "coffee": [(60, "hand"), (60, "kettle")],
}
ACTING = {"right": "hand", "left": "hand, left"}
OUTCOMES = ("success", "recovery", "failure")


@dataclass
class Typed:
    """A segment as a person is going to say it; without instructions the suggestions are taken."""

    start: int
    end: int
    action: str
    phase: str
    instructions: list[str] | None = None
    level: str = "primitive"
    object_name: str = ""
    object: str = ""  # as the list of masks names it, such as "2 · target_object"
    hand_side: str = ""
    hand: str = ""
    outcome: str = ""
    confidence: int | None = None  # %


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
        """Far away by number, near by tens and ones; and wait until the picture is that frame's."""
        tens, ones = divmod(abs(frame - self.at), 10)
        on = frame > self.at
        if tens > 1:
            self.page.keyboard.press("Control+g")
            self._until_focused("#frame-number")
            self.page.keyboard.type(str(frame))
            self.page.keyboard.press("Enter")
            self._until_focused("#ornaments")
            tens = ones = 0
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

    def annotate_all(self, one: Typed, look: Any) -> tuple[Any, Any]:
        """Everything that a segment can say: through the panel from its top, Tab by Tab."""
        self.go(one.start)
        first = look(one.start)
        self.page.keyboard.press("i")
        self.go(one.end - 1)
        last = look(one.end - 1)
        self.page.keyboard.press("o")
        self.page.keyboard.press("Enter")
        self.choose("Action", one.action)
        self.tab_to("Phase")
        self.choose("Phase", one.phase)
        self.tab_to("Object")
        self._say(one.object_name)
        if one.object:
            self.tab_to("Mask of the object")
            self.choose("Mask of the object", one.object, by_text=True)
        for n, text in enumerate(one.instructions or (), 1):
            self.tab_to(f"Instruction {n}")
            self._say(text)
        self.tab_to("Hand")
        self.choose("Hand", one.hand_side)
        if one.hand:
            self.tab_to("Mask of the hand")
            self.choose("Mask of the hand", one.hand, by_text=True)
        self.tab_to("Outcome")
        self.choose("Outcome", one.outcome)
        self.tab_to("Confidence, %")
        self._say(str(one.confidence))
        self.page.keyboard.press("Escape")
        self._until_focused("#ornaments")
        self.page.keyboard.press("Escape")
        self.page.wait_for_selector("#segment-panel", state="hidden")
        return first, last

    def take_proposed_masks(self, frames: list[int]) -> None:
        """One a frame named, in the order of the proposals."""
        for n, frame in enumerate(frames):
            self.go(frame)
            self.page.wait_for_selector("#stage[data-proposals=drawn]")
            self.page.keyboard.press("Tab")
            self.page.keyboard.press("a")
            expect(self.page.locator("#objects .row")).to_have_count(n + 1)
        self.page.keyboard.press("Escape")

    def change_row(self) -> None:
        self.page.keyboard.press("Alt+w")

    def tab_to(self, name: str) -> None:
        """On with Tab until a field has the focus; a word that no dictionary has brings two buttons with it."""
        for _ in range(8):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("document.activeElement.ariaLabel") == name:
                return
        raise AssertionError(f"{name} is not reached.")

    def _say(self, text: str) -> None:
        self.page.keyboard.insert_text(text)  # as an input method does, without a key for each letter

    def choose(self, name: str, key: str, *, by_text: bool = False) -> None:
        """Home and the arrows, as in any list."""
        select = f'#segment select[aria-label="{name}"]'
        self._until_focused(select)
        read = "(s, key) => [...s.options].findIndex((o) => (key[1] && key[0] ? o.text : o.value) === key[0])"
        place = self.page.eval_on_selector(select, read, [key, by_text])
        assert place >= 0, f"There is no {key} in {name}."
        self.page.keyboard.press("Home")
        for _ in range(place):
            self.page.keyboard.press("ArrowDown")
        said = self.page.eval_on_selector(select, "(s) => [s.value, s.selectedOptions[0].text]")
        assert key in said, f"{name} says {said} and not {key}."

    def submit(self) -> None:
        """Twice where something is remarked that may stay."""
        # Hands are quicker than a busy server, and each change is a revision of its own.
        expect(self.page.locator("#save-text")).to_have_text("Saved", timeout=120_000)
        self.page.keyboard.press("Control+Enter")
        told = self.page.locator("#submit-panel:visible, #readonly-text:visible")
        expect(told.first).to_be_visible(timeout=20_000)
        if "Submitted" not in told.first.inner_text():
            self.page.keyboard.press("Control+Enter")
        expect(self.page.locator("#readonly-text")).to_contain_text("Submitted", timeout=20_000)

    def number(self, frame: int) -> int:
        """What is burnt into the picture that is on screen."""
        return int(self.page.evaluate("globalThis.numberOnCanvas()"))

    def picture(self, frame: int) -> Picture:
        """(180, 320) of what is on screen: green, as it says most."""
        png = base64.b64decode(self.page.evaluate(PICTURE, list(SMALL)))
        return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=np.float32)[..., 1]

    def _until_focused(self, selector: str) -> None:
        self.page.wait_for_function("selector => document.activeElement?.matches(selector)", arg=selector)


def stored(site: Site, task: int) -> list[tuple[Any, ...]]:
    """Start, end, class, phase, instructions; then level, object and its mask, hand and its, outcome, confidence."""
    found = site.rows(
        """
        SELECT revision.start, revision.end, action.key, phase.key, revision.instructions, revision.level,
          revision.object_name, object.number, object_label.key, revision.hand_side, hand.number, hand_label.key,
          revision.outcome, revision.confidence
        FROM annotation_segment segment
        JOIN annotation_segmentrevision revision ON revision.id = segment.head_id
        LEFT JOIN annotation_actionclass action ON action.id = revision.action_id
        LEFT JOIN annotation_phase phase ON phase.id = revision.phase_id
        LEFT JOIN annotation_track object ON object.id = revision.object_id
        LEFT JOIN annotation_trackrevision object_head ON object_head.id = object.head_id
        LEFT JOIN annotation_label object_label ON object_label.id = object_head.label_id
        LEFT JOIN annotation_track hand ON hand.id = revision.hand_id
        LEFT JOIN annotation_trackrevision hand_head ON hand_head.id = hand.head_id
        LEFT JOIN annotation_label hand_label ON hand_label.id = hand_head.label_id
        WHERE segment.task_id = ? AND NOT revision.deleted ORDER BY revision.start, revision.level DESC
        """,
        task,
    )
    return [
        (
            *row[:3],
            row[3] or "",
            json.loads(row[4]),
            *row[5:7],
            f"{row[7]} · {row[8]}" if row[7] else "",
            row[9],
            f"{row[10]} · {row[11]}" if row[10] else "",
            row[12],
            None if row[13] is None else round(100 * row[13]),
        )
        for row in found
    ]


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
    """The segments of benchmarks/truth on both rows, each with all that a segment can say.

    The pictures have no numbers: each is compared with the file's own frames, decoded here.
    """
    folder = os.environ.get("LOUPE_SAMPLES")
    if not folder or not (Path(folder) / f"{name}.mp4").is_file():
        pytest.skip(f"LOUPE_SAMPLES names no folder with {name}.mp4")
    path = Path(folder) / f"{name}.mp4"
    clip, task = taken_in(site, path, TRUTH / f"{name}.masks.json", OUTLINED[name])
    assert bob.call("POST", f"tasks/{task}/claim/").status == 200
    hands = Hands(bob, task, clip)
    hands.take_proposed_masks([frame for frame, _ in OUTLINED[name]])
    plan = planned(name)
    looks = {}
    for level in ("task", "primitive"):
        hands.change_row()
        for one in (each for each in plan if each.level == level):
            looks[one.start], looks[one.end - 1] = hands.annotate_all(one, hands.picture)
    assert hands.bench.complaints == []
    hands.submit()
    frames = decoded(path)
    for frame, look in looks.items():
        near = range(max(0, frame - 2), min(len(frames), frame + 3))
        away = {n: float(np.abs(frames[n] - look).mean()) for n in near}
        assert away[frame] <= min(away.values()) + 0.02, f"Frame {frame} is named, the picture is {away}."
    kept = stored(site, task)
    assert [row[:5] for row in kept] == [(o.start, o.end, o.action, o.phase, o.instructions) for o in plan]
    assert [row[5:] for row in kept] == [
        (o.level, o.object_name, o.object, o.hand_side, o.hand, o.outcome, o.confidence) for o in plan
    ]


def planned(name: str) -> list[Typed]:
    """The truth's segments by start, the task's first, linked with the masks that were taken over.

    Every one has a hand and its mask; the object's mask where the truth outlines it.
    """
    names = [each for _, each in OUTLINED[name]]
    places = {each: f"{n} · {'human_hand' if 'hand' in each else 'target_object'}" for n, each in enumerate(names, 1)}
    truth = json.loads((TRUTH / f"{name}.segments.json").read_text(encoding="utf-8"))["segments"]
    found = [
        Typed(
            one["start_frame"],
            one["end_frame"],
            one["action"],
            one["phase"],
            one["instructions"],
            level=one["level"],
            object_name=one["object"],
            object=places.get(one["object"], ""),
            hand_side=one["hand"],
            hand=places[ACTING[one["hand"]]],
            outcome=OUTCOMES[n % 3],
            confidence=100 - 5 * (n % 4),
        )
        for n, one in enumerate(truth)
    ]
    assert all(len(set(one.instructions or ())) >= 3 for one in found)
    return sorted(found, key=lambda one: (one.start, one.level != "task"))


def decoded(path: Path) -> list[Picture]:
    """Each frame of a file, small, by a decoder that the app has no part in."""
    width, height = SMALL
    with av.open(str(path)) as opened:
        return [
            frame.to_ndarray(format="rgb24", width=width, height=height, interpolation="AREA")[..., 1].astype("f4")
            for frame in opened.decode(video=0)
        ]


def taken_in(site: Site, path: Path, outlines: Path, wanted: list[tuple[int, str]]) -> tuple[int, int]:
    """Clip and task of a file, in the home of the running server."""
    environment = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
    environment |= {"LOUPE_HOME": str(site.home), "DEBUG": "1"}
    command = [sys.executable, "-m", "tests.browser.real_stage", str(path), str(outlines)]
    command += [f"{frame}:{name}" for frame, name in wanted]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    clip, task = done.stdout.split()[-2:]
    return int(clip), int(task)


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
