"""A person at the keyboard of the workbench, what they are going to say, and what the database kept of it."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import Person, Site
from tests.browser.test_player import READ
from tests.browser.workbench import Workbench

Picture = npt.NDArray[np.float32]

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
