"""Two people at one task: who is here, two versions of one mask, and a page that outlived its log-in, in Chromium."""

from __future__ import annotations

import uuid

import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import Browser, expect

from annotation.geometry import rle
from tests.browser.conftest import Person, Site, log_in, mask_in_database
from tests.browser.workbench import Workbench, swept

pytestmark = pytest.mark.browser

STROKE = [(50.3, 40.2), (120.2, 90.4)]
SECOND = [(90.3, 120.3), (200.3, 150.2)]
BRUSH = 12


def their_mask() -> npt.NDArray[np.bool_]:
    theirs = np.zeros((180, 320), bool)
    theirs[100:140, 20:60] = True
    return theirs


def overtake(person: Person, task: int, bench: Workbench) -> None:
    """Somebody saves another shape of the mask while the page can't reach the server with its second stroke."""
    mask = person.call("GET", f"tasks/{task}/work/").json()["masks"][0]
    bench.page.route("**/api/tasks/*/masks/**", lambda route: route.abort())
    bench.drag(SECOND)
    expect(bench.page.locator("#save-text")).to_have_text("1 unsaved · offline")
    body = {"track": mask["track"], "frame": 0, "counts": rle.encode(their_mask())["counts"]}
    headers = {"If-Match": '"1"', "Idempotency-Key": str(uuid.uuid4())}
    assert person.call("PUT", f"tasks/{task}/masks/{mask['id']}/", body, **headers).status == 200
    bench.page.unroute("**/api/tasks/*/masks/**")
    bench.press("Control+s")
    expect(bench.page.locator("#merge")).to_contain_text("saved first", timeout=20_000)


def test_those_who_have_the_task_open_see_each_other(bob: Person, dana: Person, task: int) -> None:
    bench = Workbench(bob, task)
    people = bench.page.locator("#people")
    expect(people).to_be_hidden()
    other = Workbench(dana, task)
    expect(people.get_by_label("dana has this task open")).to_be_visible()
    expect(other.page.locator("#people").get_by_label("bob has this task open")).to_be_visible()
    expect(bench.page.locator("#notice")).to_contain_text("dana has this task open too")
    # What one saves appears with the other.
    bench.press("b")
    bench.drag(STROKE)
    expect(other.page.locator("#objects .row")).to_have_count(1)
    other.page.close()
    expect(people).to_be_hidden()
    tab = Workbench(bob, task)
    expect(people.get_by_label("You, in another tab")).to_be_visible()
    expect(tab.page.locator("#notice")).to_contain_text("in another tab")


def test_two_tabs_of_one_person_draw_on_one_mask_in_turn(site: Site, bob: Person, task: int) -> None:
    first, second = Workbench(bob, task), Workbench(bob, task)
    first.press("b")
    first.drag(STROKE)
    first.wait_until_saved()
    second.page.bring_to_front()
    second.page.locator("#objects .row-name").click()
    second.press("b")
    second.drag(SECOND)
    second.wait_until_saved()
    np.testing.assert_array_equal(mask_in_database(site, task, 0), swept(STROKE, BRUSH) | swept(SECOND, BRUSH))
    first.page.bring_to_front()
    # The first tab has taken it up, and undoes nothing that the second one made.
    expect(first.page.locator("#notice")).to_contain_text("can no longer be undone")
    first.press("Control+z")
    first.page.wait_for_timeout(300)
    np.testing.assert_array_equal(mask_in_database(site, task, 0), swept(STROKE, BRUSH) | swept(SECOND, BRUSH))


@pytest.mark.parametrize(("key", "choice"), [("Alt+1", "mine"), ("Alt+2", "theirs"), ("Alt+3", "both")])
def test_two_versions_are_seen_and_chosen_by_key_and_the_choice_is_undone(
    site: Site, bob: Person, task: int, key: str, choice: str
) -> None:
    bench = Workbench(bob, task)
    bench.press("b")
    bench.drag(STROKE)
    bench.wait_until_saved()
    overtake(bob, task, bench)
    shown = [bench.page.locator("#stage").screenshot()]
    for name in ("Mine", "bob"):
        bench.press("Alt+0")
        expect(bench.page.get_by_role("radio", name=name)).to_be_checked()
        bench.page.wait_for_timeout(150)
        shown.append(bench.page.locator("#stage").screenshot())
    assert len(set(shown)) == 3
    bench.press(key)
    expect(bench.page.locator("#merge-panel")).to_be_hidden()
    bench.wait_until_saved()
    mine, theirs = swept(STROKE, BRUSH) | swept(SECOND, BRUSH), their_mask()
    expected = {"mine": mine, "theirs": theirs, "both": mine | theirs}[choice]
    np.testing.assert_array_equal(mask_in_database(site, task, 0), expected)
    bench.press("Control+z")
    bench.wait_until_saved()
    np.testing.assert_array_equal(mask_in_database(site, task, 0), theirs)


def test_a_page_left_open_writes_nothing_in_the_name_of_whoever_logs_in_next(
    site: Site, bob: Person, task: int, chromium: Browser
) -> None:
    bench = Workbench(bob, task)
    bench.press("b")
    dana = log_in(site, chromium, "dana")
    mine = bob.context.cookies()
    bob.context.add_cookies(dana.context.cookies())  # type: ignore[arg-type]
    bench.drag(STROKE)
    expect(bench.page.locator("#notice")).to_contain_text("dana is logged in in this browser now")
    expect(bench.page.locator("#save-text")).to_contain_text("unsaved · not sending")
    assert site.rows("SELECT count(*) FROM annotation_track WHERE task_id = ?", task) == [(0,)]
    bob.context.add_cookies(mine)  # type: ignore[arg-type]
    bench.page.locator("#save-state").click()
    bench.wait_until_saved()
    np.testing.assert_array_equal(mask_in_database(site, task, 0), swept(STROKE, BRUSH))
    dana.context.close()
