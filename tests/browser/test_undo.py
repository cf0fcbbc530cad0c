"""Undo and redo across saving, reloading, and other people's changes, in Chromium against a real server."""

from __future__ import annotations

import uuid

import numpy as np
import pytest
from playwright.sync_api import expect

from annotation.geometry import rle
from tests.browser.conftest import Person, Site, mask_in_database
from tests.browser.workbench import Workbench, swept

pytestmark = pytest.mark.browser

SLOW = 30_000  # ms

FIRST = [(50.3, 40.2), (120.2, 90.4)]
SECOND = [(90.3, 120.3), (200.3, 150.2)]
BRUSH = 12


def verdicts(site: Site, task: int) -> list[str]:
    rows = site.rows("SELECT verdict FROM annotation_decision WHERE task_id = ? ORDER BY proposal_id", task)
    return [verdict for (verdict,) in rows]


def tracks(person: Person, task: int) -> list[str]:
    return [track["id"] for track in person.call("GET", f"tasks/{task}/work/").json()["tracks"]]


def test_strokes_are_undone_one_by_one_after_a_reload_and_done_again(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("b")
    bench.drag(FIRST)
    bench.drag(SECOND)
    bench.wait_until_saved()
    bench.reload()
    bench.press("Control+z")
    bench.wait_until_saved()
    np.testing.assert_array_equal(mask_in_database(site, task, 0), swept(FIRST, BRUSH))
    bench.reload()
    bench.press("Control+z")
    bench.wait_until_saved()
    assert tracks(bob, task) == []
    bench.reload()
    expect(bench.page.locator("#undo")).to_be_disabled()
    bench.press("Control+Shift+z", "Control+Shift+z")
    bench.wait_until_saved()
    np.testing.assert_array_equal(mask_in_database(site, task, 0), swept(FIRST, BRUSH) | swept(SECOND, BRUSH))
    assert bench.complaints == []


def test_an_erased_object_comes_back_with_its_masks_after_a_reload(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("b")
    bench.drag(FIRST)
    bench.press("Shift+Delete")
    bench.wait_until_saved()
    assert tracks(bob, task) == []
    bench.reload()
    bench.press("Control+z")
    expect(bench.page.locator("#objects .row")).to_have_count(1)
    bench.wait_until_saved()
    np.testing.assert_array_equal(mask_in_database(site, task, 0), swept(FIRST, BRUSH))
    # Its mask is on the screen again, and goes on from the version that stands.
    bench.page.wait_for_timeout(800)
    bench.page.locator("#objects .row-name").click()
    bench.press("b")
    bench.drag(SECOND)
    bench.wait_until_saved()
    np.testing.assert_array_equal(mask_in_database(site, task, 0), swept(FIRST, BRUSH) | swept(SECOND, BRUSH))
    expect(bench.page.locator("#merge-panel")).to_be_hidden()


@pytest.mark.parametrize("open_meanwhile", [True, False])
def test_a_step_that_somebody_overtook_is_dropped_with_a_sentence(
    site: Site, bob: Person, task: int, open_meanwhile: bool
) -> None:
    bench = Workbench(bob, task)
    bench.press("b")
    bench.drag(FIRST)
    bench.press("n")
    bench.go(3)
    bench.drag(SECOND)
    bench.wait_until_saved()
    mask = next(mask for mask in bob.call("GET", f"tasks/{task}/work/").json()["masks"] if mask["frame"] == 0)
    theirs = np.zeros((180, 320), bool)
    theirs[100:140, 20:60] = True
    if not open_meanwhile:
        bench.page.close()
    body = {"track": mask["track"], "frame": 0, "counts": rle.encode(theirs)["counts"]}
    headers = {"If-Match": f'"{mask["version"]}"', "Idempotency-Key": str(uuid.uuid4())}
    assert bob.call("PUT", f"tasks/{task}/masks/{mask['id']}/", body, **headers).status == 200
    if not open_meanwhile:
        bench = Workbench(bob, task)
    expect(bench.page.locator("#notice")).to_contain_text("1 step can no longer be undone: object 1", timeout=10_000)
    bench.press("Control+z")
    bench.wait_until_saved()
    expect(bench.page.locator("#undo")).to_be_disabled()
    np.testing.assert_array_equal(mask_in_database(site, task, 0), theirs)
    assert len(tracks(bob, task)) == 1


def test_an_undone_acceptance_leaves_its_proposal_undecided_also_after_a_reload(
    site: Site, bob: Person, task: int
) -> None:
    bench = Workbench(bob, task)
    bench.press("v")
    bench.click((60, 80))
    bench.press("a")
    expect(bench.page.locator("#objects .row")).to_have_count(1)
    bench.wait_until_saved()
    made = tracks(bob, task)
    bench.reload()
    bench.press("Control+z")
    expect(bench.page.locator("#objects .row")).to_have_count(0)
    expect(bench.page.locator("#proposals .row")).to_have_count(2)
    bench.wait_until_saved()
    assert (verdicts(site, task), tracks(bob, task)) == (["undecided"], [])
    bench.reload()
    expect(bench.page.locator("#proposals .row")).to_have_count(2)
    bench.press("Control+Shift+z")
    expect(bench.page.locator("#objects .row")).to_have_count(1)
    bench.wait_until_saved()
    assert (verdicts(site, task), tracks(bob, task)) == (["accepted"], made)


def test_undoing_at_once_what_was_just_accepted_takes_back_the_acceptance(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("b")
    bench.drag(SECOND)
    bench.press("v")
    bench.click((60, 80))
    bench.press("a", "Control+z")
    bench.wait_until_saved()
    assert verdicts(site, task) == ["undecided"]
    assert len(tracks(bob, task)) == 1
    expect(bench.page.locator("#objects .row")).to_have_count(1)


def test_undoing_the_stroke_on_a_proposal_leaves_it_undecided(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("v")
    bench.click((60, 80))
    bench.press("b")
    bench.drag([(100.3, 80.2), (130.3, 80.2)])
    bench.wait_until_saved()
    assert verdicts(site, task) == ["adjusted"]
    bench.press("Control+z")
    bench.wait_until_saved()
    assert verdicts(site, task) == ["undecided"]
    bench.press("Control+Shift+z")
    bench.wait_until_saved()
    assert verdicts(site, task) == ["adjusted"]


def test_accepting_several_labels_at_once_is_one_step(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.page.locator("#threshold").fill("0.4")
    bench.page.locator("#accept-all").click()
    rows = bench.page.locator("#objects .row")
    expect(rows).to_have_count(2, timeout=SLOW)
    bench.wait_until_saved()
    bench.page.focus("#ornaments")
    bench.press("Control+z")
    expect(rows).to_have_count(0, timeout=SLOW)
    bench.wait_until_saved()
    assert tracks(bob, task) == []
    bench.press("Control+Shift+z")
    bench.wait_until_saved()
    expect(rows).to_have_count(2, timeout=SLOW)
    labels = [track["label"] for track in bob.call("GET", f"tasks/{task}/work/").json()["tracks"]]
    assert sorted(labels) == ["container", "target_object"]
