"""No stroke is lost and none is overwritten in silence: killed browsers, no network, two people at one mask.

The numbers here keep the suite quick. LOUPE_LONG=1 runs what reliability is promised by: 50 kills, 60 s offline with
200 edits, 500 rounds of two editors.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import Browser, Error, expect

from annotation.geometry import rle
from tests.browser.conftest import CHROMIUM, Person, Site, log_in, mask_in_database
from tests.browser.workbench import Workbench, swept

pytestmark = pytest.mark.browser

LONG = bool(os.environ.get("LOUPE_LONG"))
KILLS = 50 if LONG else 4
OFFLINE = (60.0, 200) if LONG else (4.0, 25)  # seconds, edits
ROUNDS = 500 if LONG else 30
OLD = 1.0  # s after which a stroke must outlive everything
BRUSH = 12
SIZE = (180, 320)


def stroke(n: int) -> list[tuple[float, float]]:
    """A short stroke that no other one touches."""
    column, row = n % 12, n // 12
    x, y = 16.3 + 24 * column, 14.2 + 17 * (row % 10)
    return [(x, y), (x + 6, y + 1)]


def revisions(site: Site, task: int, frame: int = 0) -> list[npt.NDArray[np.bool_]]:
    """Every mask that was ever saved on the frame, in the order of saving."""
    query = """
        SELECT revision.counts FROM annotation_maskrevision revision
        JOIN annotation_mask mask ON mask.id = revision.of_id
        WHERE mask.task_id = ? AND mask.frame = ? ORDER BY revision.id
    """
    found = site.rows(query, task, frame)
    return [rle.decode({"size": list(SIZE), "counts": counts}).astype(bool) for (counts,) in found]


@contextmanager
def own_browser(chromium: Browser, person: Person, profile: Path) -> Iterator[Person]:
    """A browser process that may be killed, with a profile that outlives it."""
    context = chromium.browser_type.launch_persistent_context(
        str(profile),
        executable_path=CHROMIUM,
        args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        viewport={"width": 1280, "height": 800},
    )
    context.add_cookies(person.context.cookies())  # type: ignore[arg-type]
    try:
        yield Person(person.site, context)
    finally:
        with suppress(Error):
            context.close()


def processes(profile: Path, kind: str) -> list[int]:
    """Ids of the browser's processes; "" is the one that started the others."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = entry.read_bytes().decode(errors="replace")
            is_kind = f"--type={kind}" in words if kind else "--type=" not in words
            if str(profile) in words and is_kind:
                found.append(int(entry.parent.name))
    return found


def kill(profile: Path, kind: str) -> None:
    for pid in processes(profile, kind):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while kind == "" and processes(profile, "") and time.monotonic() < until:
        time.sleep(0.05)


def test_a_killed_browser_loses_no_stroke_older_than_a_second(
    site: Site, bob: Person, task: int, chromium: Browser, tmp_path: Path
) -> None:
    chance = random.Random(5)
    profile = tmp_path / "profile"
    kept = np.zeros(SIZE, bool)
    lost = 0
    for n in range(KILLS):
        # Half of the time nothing reaches the server, so that this browser's disk alone has the stroke.
        offline, kind = n % 2 == 0, "renderer" if n % 4 == 3 else ""
        with own_browser(chromium, bob, profile) as person:
            bench = Workbench(person, task)
            bench.wait_until_saved()
            if n:
                bench.page.locator("#objects .row-name").first.click()
            bench.press("b")
            person.context.set_offline(offline)
            bench.drag(stroke(n))
            time.sleep(OLD)
            # The hand goes on; the kill comes anywhere in what follows.
            bench.page.mouse.move(*bench.at((300, 170)))
            time.sleep(chance.random() * 0.2)
            kill(profile, kind)
        kept |= swept(stroke(n), BRUSH)
        with own_browser(chromium, bob, profile) as person:
            Workbench(person, task).wait_until_saved()
        found = mask_in_database(site, task, 0)
        lost += int((kept & ~found).any())
        kept = found
    assert lost == 0
    assert len(revisions(site, task)) == KILLS


def test_every_edit_made_offline_arrives_once_and_in_order(site: Site, bob: Person, task: int) -> None:
    seconds, edits = OFFLINE
    bench = Workbench(bob, task)
    bench.press("b", "[", "[", "[")
    size = int(re.sub(r"\D", "", bench.page.locator("#brush-size").inner_text()))
    bob.context.set_offline(True)
    began = time.monotonic()
    # Each where none was before: a stroke that changes no pixel is no edit.
    places = [(16.3 + 14 * (n % 20), 14.2 + 15 * (n // 20)) for n in range(edits)]
    path = [[(x, y), (x + 5, y + 1)] for x, y in places]
    for n in range(edits):
        bench.drag(path[n])
        expect(bench.page.locator("#save-text")).to_have_text(f"{n + 2} unsaved · offline")  # the object too
        time.sleep(max(0.0, began + seconds * (n + 1) / edits - time.monotonic()))
    assert revisions(site, task) == []
    bob.context.set_offline(False)
    expect(bench.page.locator("#save-text")).to_have_text("Saved", timeout=120_000)
    found = revisions(site, task)
    assert len(found) == edits
    drawn = np.zeros(SIZE, bool)
    for n, mask in enumerate(found):
        drawn |= swept(path[n], size)
        np.testing.assert_array_equal(mask, drawn, err_msg=f"edit {n}")
    numbers = site.rows(
        "SELECT r.number FROM annotation_maskrevision r JOIN annotation_mask m ON m.id = r.of_id "
        "WHERE m.task_id = ? ORDER BY r.id",
        task,
    )
    assert [number for (number,) in numbers] == list(range(1, edits + 1))


def test_every_page_tells_of_strokes_that_wait_in_this_browser(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bob.context.set_offline(True)
    bench.press("b")
    bench.drag(stroke(3))
    expect(bench.page.locator("#save-text")).to_have_text("2 unsaved · offline")
    bench.page.close(run_before_unload=False)
    bob.context.set_offline(False)
    home = bob.open("/")
    expect(home.locator("#notices")).to_contain_text(f"2 changes of yours in task {task} are kept in this browser")
    home.get_by_role("link", name=f"Open task {task}").click()
    expect(home.locator("#save-text")).to_have_text("Saved", timeout=20_000)
    np.testing.assert_array_equal(mask_in_database(site, task, 0), swept(stroke(3), BRUSH))
    again = bob.open("/")
    again.wait_for_timeout(4000)
    expect(again.locator("#notices")).not_to_contain_text("kept in this browser")


def test_a_stroke_sends_its_mask_and_nothing_else(bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("b")
    for n in range(20):
        bench.press("n")
        bench.drag(stroke(n))
    bench.wait_until_saved()
    sent: list[tuple[str, str, int]] = []
    bench.page.on(
        "request",
        lambda request: (
            sent.append((request.method, request.url, len(request.post_data or "")))
            if request.method in {"PUT", "POST"} and "/lease/" not in request.url
            else None
        ),
    )
    bench.drag([(20.3, 165.2), (150.3, 120.2), (300.3, 165.2)])
    bench.wait_until_saved()
    assert [method for method, _, _ in sent] == ["PUT"]
    assert "/masks/" in sent[0][1]
    assert sent[0][2] < 5000


def test_two_people_at_one_mask_overwrite_nothing_in_silence(
    site: Site, bob: Person, dana: Person, task: int, chromium: Browser
) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node on this machine; it runs the browser's outbox for two people here")
    bench = Workbench(bob, task)
    bench.press("b")
    bench.drag(stroke(30))
    bench.wait_until_saved()
    assert bob.call("POST", f"tasks/{task}/submit/").status == 200
    alice = log_in(site, chromium, "alice")
    mask = alice.call("GET", f"tasks/{task}/work/").json()["masks"][0]
    tokens = [person.call("POST", "token/").json()["token"] for person in (alice, dana)]
    facts = {"url": site.url, "task": task, "mask": mask["id"], "track": mask["track"], "frame": 0, "rounds": ROUNDS}
    facts |= {"width": SIZE[1], "height": SIZE[0], "tokens": tokens}
    script = Path(__file__).with_name("two_editors.mjs")
    done = subprocess.run([node, script, json.dumps(facts)], capture_output=True, text=True, check=False, timeout=1500)
    assert done.returncode == 0, done.stderr[-3000:]
    editors: list[dict[str, Any]] = json.loads(done.stdout)
    rows = site.rows(
        "SELECT number, counts, stale FROM annotation_maskrevision WHERE of_id = ? ORDER BY id",
        mask["id"].replace("-", ""),
    )
    standing = {number: counts for number, counts, stale in rows if not stale}
    assert sorted(standing) == list(range(1, len(standing) + 1))
    acknowledged = [write for editor in editors for write in editor["acknowledged"]]
    # Each write that stands was made over what really stood before it, by somebody who had seen it.
    blind = [
        w for w in acknowledged if w["over"] != standing[w["version"] - 1] or w["counts"] != standing[w["version"]]
    ]
    assert blind == []
    assert len(acknowledged) == len(standing) - 1
    # And what came too late is kept, and was asked about.
    late = sum(1 for *_, stale in rows if stale)
    assert late >= sum(editor["asked"] for editor in editors) > 0
    assert [editor["unsaved"] for editor in editors] == [0, 0]
    alice.context.close()
