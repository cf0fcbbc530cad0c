"""Boxes and clicks at 720p, answered by the engine without weights: from the hand to the painted mask.

A few prompts keep the suite quick; LOUPE_LONG=1 makes forty. LOUPE_FIGURES names a file that the times are written to.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from annotation.geometry import rle
from tests.browser.conftest import ROOT, Person, Site
from tests.browser.workbench import Workbench

pytestmark = pytest.mark.browser

PROMPTS = 40 if os.environ.get("LOUPE_LONG") else 6
SIZE = [720, 1280]
PATIENCE = 30_000  # ms


@pytest.fixture(scope="module")
def table(site: Site) -> dict[str, Any]:
    environment = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
    environment |= {"LOUPE_HOME": str(site.home), "DEBUG": "1"}
    command = [sys.executable, "-m", "tests.browser.prompt_stage"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    made: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return made


def painted(bench: Workbench) -> list[float]:
    """Milliseconds from letting go to the painted mask, of every prompt so far."""
    script = "() => performance.getEntriesByName('prompt to mask').map(each => each.duration)"
    times: list[float] = bench.page.evaluate(script)
    return times


def test_boxes_and_clicks_become_masks_of_what_they_point_at(site: Site, bob: Person, table: dict[str, Any]) -> None:
    assert bob.call("POST", f"tasks/{table['task']}/claim/").status == 200
    bench = Workbench(bob, table["task"])
    bench.press("s")
    pointed = [(frame, box) for frame, boxes in enumerate(table["things"]) for box in boxes]
    asked: dict[str, list[float]] = {"box": [], "click": []}
    at = -1
    for count, (frame, (x, y, width, height)) in enumerate(islice(pointed, PROMPTS)):
        if frame != at:
            bench.go(frame)
            at = frame
        bench.press("n")
        way = "click" if count % 2 else "box"
        middle = (x + width / 2, y + height / 2)
        before = len(painted(bench))
        if way == "box":
            bench.drag([(x, y), middle, (x + width, y + height)])
        else:
            bench.click(middle)
        bench.page.wait_for_function(
            "count => performance.getEntriesByName('prompt to mask').length > count", arg=before, timeout=PATIENCE
        )
        asked[way] += painted(bench)[before:]
    bench.wait_until_saved()
    assert bench.complaints == []
    kept = site.rows(
        "SELECT r.counts, r.engine, r.method, m.frame FROM annotation_mask m "
        "JOIN annotation_maskrevision r ON r.id = m.head_id WHERE m.task_id = ? ORDER BY r.id",
        table["task"],
    )
    assert len(kept) == PROMPTS
    for (counts, engine, method, frame), (asked_frame, (x, y, width, height)) in zip(kept, pointed, strict=False):
        assert (frame, method, engine.split()[0]) == (asked_frame, "assisted", "grabcut")
        mask = rle.decode({"size": SIZE, "counts": counts})
        assert mask[round(y + height / 2), round(x + width / 2)]
    if os.environ.get("LOUPE_FIGURES"):
        Path(os.environ["LOUPE_FIGURES"]).write_text(json.dumps(asked))


def test_z_goes_through_what_a_click_may_mean(site: Site, bob: Person, table: dict[str, Any]) -> None:
    bob.call("POST", f"tasks/{table['task']}/claim/")
    bench = Workbench(bob, table["task"])
    bench.go(len(table["things"]) - 1)
    bench.press("s")
    x, y, width, height = table["things"][-1][0]
    bench.click((x + width / 2, y + height / 2))
    bench.page.wait_for_function("() => performance.getEntriesByName('prompt to mask').length", timeout=PATIENCE)
    bench.press("z")
    expect(bench.page.get_by_text("Candidate 2 of")).to_be_visible()
    bench.wait_until_saved()
    (count,) = site.rows(
        "SELECT count(DISTINCT r.counts) FROM annotation_maskrevision r JOIN annotation_mask m ON m.id = r.of_id "
        "WHERE m.task_id = ? AND m.frame = ?",
        table["task"],
        len(table["things"]) - 1,
    )
    assert count == (2,)


def test_boxes_drawn_with_ctrl_are_examples_where_the_engine_takes_them(bob: Person, table: dict[str, Any]) -> None:
    bob.call("POST", f"tasks/{table['task']}/claim/")
    bench = Workbench(bob, table["task"])
    bench.press("s")
    # As the page says it where SAM 3 is chosen; the engine without weights refuses them, which matters to nobody here.
    bench.page.evaluate("() => { document.body.dataset.examples = 'true'; }")
    with bench.page.expect_request("**/prompt/", timeout=PATIENCE) as first:
        bench.drag([(100, 100), (150, 140), (200, 180)])
    said = first.value.post_data_json
    assert "examples" not in said
    bench.page.wait_for_function("() => performance.getEntriesByName('prompt to mask').length", timeout=PATIENCE)
    with bench.page.expect_request("**/prompt/", timeout=PATIENCE) as second:
        bench.page.keyboard.down("Control")
        bench.drag([(300, 100), (340, 130), (380, 160)])
        bench.drag([(300, 300), (340, 330), (380, 360)], button="right")
        bench.page.keyboard.up("Control")
    asked = second.value.post_data_json
    assert asked["box"] == said["box"]
    like, unlike = asked["examples"]
    assert (like[4], unlike[4]) == (1, 0)
    assert abs(like[0] - 300) < 8 > abs(unlike[1] - 300)
