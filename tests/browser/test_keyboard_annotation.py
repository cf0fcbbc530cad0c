"""A clip annotated completely with the keyboard: nothing here moves a mouse or fills a field by its address."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import ROOT, Person, Site, log_in
from tests.browser.hands import SMALL, Hands, Picture, Typed, stored
from tests.browser.workbench import Workbench

pytestmark = pytest.mark.browser

TRUTH = ROOT / "benchmarks" / "truth"
# Outlines of benchmarks/truth/*.masks.json that are taken over: frame and name.
OUTLINED = {
    "blocks": [(60, "hand"), (60, "block W"), (60, "block O"), (240, "hand, left")],
    "coffee": [(60, "hand"), (60, "kettle")],
}
ACTING = {"right": "hand", "left": "hand, left"}
OUTCOMES = ("success", "recovery", "failure")


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
