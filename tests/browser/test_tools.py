"""Every tool in Chromium, with a real pointer: exactly the expected pixels stand in the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import expect
from scipy import ndimage

from annotation.geometry import rle
from tests.browser.conftest import Person, Site, mask_in_database
from tests.browser.workbench import Point, Workbench, swept

pytestmark = pytest.mark.browser

STROKE = [(50.3, 40.2), (80.4, 44.3), (120.2, 90.4), (90.3, 120.3), (200.3, 150.2)]
LEFT = [(40.2, 60.3), (110.2, 60.3)]
ACROSS = [(75.3, 30.2), (75.3, 90.2)]
BRUSH = 12

Mask = npt.NDArray[np.bool_]


def masks(site: Site, task: int, frame: int = 0) -> dict[int, Mask]:
    """The masks that stand on a frame, by the number of their object."""
    query = """
        SELECT track.number, revision.counts FROM annotation_mask mask
        JOIN annotation_maskrevision revision ON revision.id = mask.head_id
        JOIN annotation_track track ON track.id = mask.track_id
        JOIN annotation_trackrevision at ON at.id = track.head_id
        WHERE mask.task_id = ? AND mask.frame = ? AND NOT revision.deleted AND NOT at.deleted
    """
    found = site.rows(query, task, frame)
    return {number: rle.decode({"size": [180, 320], "counts": counts}).astype(bool) for number, counts in found}


def heads(bob: Person, task: int) -> list[dict[str, Any]]:
    return list(bob.call("GET", f"tasks/{task}/work/").json()["masks"])


def same(found: Mask, expected: Mask) -> None:
    np.testing.assert_array_equal(found, expected)


def drawn(bench: Workbench, points: list[Point]) -> Mask:
    bench.drag(points)
    return swept(points, BRUSH)


def test_a_square_tip_sweeps_its_square(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("b", "Shift+b", "]")  # 14 px
    bench.drag(STROKE)
    bench.wait_until_saved()
    same(mask_in_database(site, task, 0), swept(STROKE, 14, tip="square"))
    bench.press("e", "[", "[", "[")  # 9 px: odd tips sit on a pixel's centre
    bench.drag(STROKE[1:4])
    bench.wait_until_saved()
    same(mask_in_database(site, task, 0), swept(STROKE, 14, tip="square") & ~swept(STROKE[1:4], 9, tip="square"))
    assert bench.complaints == []


def test_the_tip_is_remembered_by_this_persons_browser(bob: Person, task: int) -> None:
    Workbench(bob, task).press("b", "Shift+b", "Shift+x")
    again = Workbench(bob, task).page
    expect(again.get_by_role("button", name="Square tip")).to_have_attribute("aria-pressed", "true")
    expect(again.get_by_role("button", name="Foreground takes pixels")).to_have_attribute("aria-pressed", "false")


def test_a_pen_paints_as_wide_as_it_presses_unless_told_not_to(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("b", *"]" * 6)
    size = int(bench.page.locator("#brush-size").inner_text().split()[0])
    strokes = [((60.25, 50.25), 0.25), ((130.5, 60.75), 1.0), ((160.25, 110.5), 0.5)]
    really = bench.pen(strokes)
    bench.wait_until_saved()
    path = [(point, max(1.0, size * force)) for point, (_, force) in zip(really, strokes, strict=True)]
    # A pen sits where it is and not on the pixels' grid: a centre that lies on its very rim may fall either way.
    assert np.count_nonzero(mask_in_database(site, task, 0) ^ swept_by_pen(path)) <= 2
    bench.press("n", "Shift+e")
    bench.go(1)
    really = bench.pen(strokes)
    bench.wait_until_saved()
    same(mask_in_database(site, task, 1), swept(really, size))


def swept_by_pen(path: list[tuple[Point, float]]) -> Mask:
    """(180, 320) bool: every pixel that some place of the pen covers, its size changing evenly on the way."""
    rows, columns = np.mgrid[:180, :320] + 0.5
    covered = np.zeros((180, 320), bool)
    for ((x0, y0), s0), ((x1, y1), s1) in pairwise(path):
        dx, dy, dr = x1 - x0, y1 - y0, (s1 - s0) / 2
        a, start = dx * dx + dy * dy - dr * dr, (columns - x0) ** 2 + (rows - y0) ** 2 - (s0 / 2) ** 2
        half = (columns - x0) * dx + (rows - y0) * dy + s0 / 2 * dr
        inner = (half > 0) & (half < a) & (start - half * half / a <= 0)
        covered |= (start <= 0) | (a - 2 * half + start <= 0) | inner
    return covered


def test_holes_specks_growing_and_shrinking_are_steps_of_their_own(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("b")
    ring = [(60.3, 40.2), (120.3, 40.2), (120.3, 100.2), (60.3, 100.2), (60.3, 40.2)]
    bench.drag(ring)
    bench.press("[", "[", "[", "[", "[", "[", "[", "[", "[", "[")  # 1 px
    bench.drag([(200.3, 100.2), (200.3, 100.2)])
    bench.wait_until_saved()
    steps = [mask_in_database(site, task, 0)]
    steps.append(ndimage.binary_fill_holes(steps[-1]))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(steps[-1].astype(np.uint8))
    steps.append(labels == 1 + stats[1:, cv2.CC_STAT_AREA].argmax())
    steps += [grown(steps[2], by) for by in (1, 2, 3)]
    steps.append(ndimage.binary_erosion(steps[-1], disc(1), border_value=1))
    for key, expected in zip(["Shift+g", "Shift+r", "}", "}", "}", "{"], steps[1:], strict=True):
        bench.press(key)
        bench.wait_until_saved()
        same(mask_in_database(site, task, 0), expected)
    for expected in reversed(steps[:-1]):
        bench.press("Control+z")
        bench.wait_until_saved()
        same(mask_in_database(site, task, 0), expected)
    assert bench.complaints == []


def disc(radius: int) -> Mask:
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return np.asarray(rows**2 + columns**2 <= radius**2)


def grown(mask: Mask, by: int) -> Mask:
    return np.asarray(ndimage.binary_dilation(mask, disc(by)))


def test_the_foreground_takes_the_pixels_and_marks_the_occlusion(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("b")
    first = drawn(bench, LEFT)
    bench.press("n")
    second = drawn(bench, ACROSS)
    bench.wait_until_saved()
    found = masks(site, task)
    same(found[1], first & ~second)
    same(found[2], second)
    assert {mask["occluded"] for mask in heads(bob, task)} == {True, False}
    bench.press("Control+z")
    bench.wait_until_saved()
    found = masks(site, task)
    assert list(found) == [1]
    same(found[1], first)
    assert [mask["occluded"] for mask in heads(bob, task)] == [False]


def test_with_the_switch_off_masks_overlap(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.page.get_by_role("button", name="Foreground takes pixels").click()
    bench.page.focus("#ornaments")
    bench.press("b")
    first = drawn(bench, LEFT)
    bench.press("n")
    second = drawn(bench, ACROSS)
    bench.wait_until_saved()
    found = masks(site, task)
    same(found[1], first)
    same(found[2], second)


def test_what_lies_behind_takes_nothing_from_the_front(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("b")
    front = drawn(bench, LEFT)
    bench.wait_until_saved()
    (track,) = bob.call("GET", f"tasks/{task}/work/").json()["tracks"]
    headers = {"If-Match": '"1"', "Idempotency-Key": "5f0c8a52-5f57-4a0c-8d0a-6a6a5f2f0001"}
    body = {"label": track["label"], "z_order": 5}
    assert bob.call("PUT", f"tasks/{task}/tracks/{track['id']}/", body, **headers).status == 200
    bench = Workbench(bob, task)
    bench.press("b")
    behind = drawn(bench, ACROSS)
    bench.wait_until_saved()
    found = masks(site, task)
    same(found[1], front)
    same(found[2], behind & ~front)
    assert [mask["occluded"] for mask in heads(bob, task)] == [False, True]


def test_a_cut_makes_two_objects_and_a_merge_one(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("b")
    whole = drawn(bench, LEFT)
    bench.press("Shift+c")
    bench.drag([(85.3, 40.2), (85.3, 80.2)])
    bench.wait_until_saved()
    found = masks(site, task)
    assert sorted(found) == [1, 2]
    same(found[1] | found[2], whole)
    assert not np.any(found[1] & found[2])
    assert found[1][60, 50]
    assert found[2][60, 105]
    bench.press("v")
    bench.click((50, 60))
    bench.page.keyboard.down("Shift")
    bench.click((105, 60))
    bench.page.keyboard.up("Shift")
    bench.press("Shift+n")
    bench.page.get_by_role("button", name="From this frame on").click()
    bench.wait_until_saved()
    found = masks(site, task)
    assert list(found) == [1]
    same(found[1], whole)
    bench.press("Control+z")
    bench.wait_until_saved()
    assert sorted(masks(site, task)) == [1, 2]
    bench.press("Control+z")
    bench.wait_until_saved()
    same(masks(site, task)[1], whole)


@pytest.mark.parametrize(
    ("choice", "left"), [("This frame only", [0, 2]), ("From this frame on", [0]), ("All frames", [])]
)
def test_a_merge_is_for_the_frames_that_were_chosen(
    site: Site, bob: Person, task: int, choice: str, left: list[int]
) -> None:
    bench = Workbench(bob, task)
    bench.page.get_by_label("Paste ahead on").fill("3")
    bench.page.get_by_label("Paste ahead on").press("Enter")
    bench.page.focus("#ornaments")
    bench.press("b")
    first = drawn(bench, LEFT)
    bench.press("Control+c", "Control+Shift+v", "n")
    other = drawn(bench, [(40.2, 120.3), (110.2, 120.3)])
    bench.press("Control+c", "Control+Shift+v")
    bench.wait_until_saved()
    assert sorted(masks(site, task, 3)) == [1, 2]
    bench.go(1)
    bench.press("v")
    bench.click((60, 60))
    bench.page.keyboard.down("Shift")
    bench.click((60, 120))
    bench.page.keyboard.up("Shift")
    bench.press("Shift+n")
    bench.page.get_by_role("button", name=choice, exact=True).click()
    bench.wait_until_saved()
    for frame in (0, 1, 2):
        found = masks(site, task, frame)
        assert (2 in found) == (frame in left), frame
        same(found[1], first if frame in left else first | other)
    bench.press("Control+z")
    bench.wait_until_saved()
    assert all(sorted(masks(site, task, frame)) == [1, 2] for frame in range(4))


def test_parts_become_objects(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("b")
    large, small = drawn(bench, LEFT), drawn(bench, [(200.3, 60.2), (210.3, 60.2)])
    bench.press("Shift+a")
    bench.wait_until_saved()
    found = masks(site, task)
    same(found[1], large)
    same(found[2], small)


def test_masks_are_copied_from_the_frame_before_and_pasted_ahead_but_not_over_a_hand(
    site: Site, bob: Person, task: int
) -> None:
    bench = Workbench(bob, task)
    bench.page.get_by_label("Paste ahead on").fill("4")
    bench.page.get_by_label("Paste ahead on").press("Enter")
    bench.page.focus("#ornaments")
    bench.press("b")
    first = drawn(bench, LEFT)
    bench.go(1)
    bench.press("Shift+v")
    bench.wait_until_saved()
    same(mask_in_database(site, task, 1), first)
    bench.go(3)
    own = drawn(bench, ACROSS)
    bench.go(1)
    bench.press("Control+c", "Control+Shift+v")
    bench.wait_until_saved()
    for frame in range(2, 6):
        same(mask_in_database(site, task, frame), own if frame == 3 else first)
    assert masks(site, task, 6) == {}
    bench.go(20)
    bench.press("Control+v")
    bench.wait_until_saved()
    same(mask_in_database(site, task, 20), first)
    bench.go(1)
    bench.press("Control+z", "Control+z")
    bench.wait_until_saved()
    assert masks(site, task, 2) == {}
    assert masks(site, task, 20) == {}


@pytest.mark.parametrize("key", ["b", "p", "q"])
def test_n_begins_the_next_object_and_the_tool_stays(bob: Person, task: int, key: str) -> None:
    bench = Workbench(bob, task)
    bench.press(key)
    for offset in (0, 100):
        corners = [(40.3 + offset, 40.2), (80.3 + offset, 40.2), (60.3 + offset, 80.2)]
        if key == "b":
            bench.drag(corners)
        else:
            for corner in corners:
                bench.click(corner)
            bench.press("Enter")
        expect(bench.page.locator("#objects .row")).to_have_count(1 + offset // 100)
        bench.press("n")
    expect(bench.page.locator("#objects .row")).to_have_count(2)


@pytest.fixture
def whole_objects(site: Site) -> Iterator[None]:
    """The project asks for whole objects while the test runs."""
    with sqlite3.connect(site.home / "loupe.sqlite3") as database:
        database.execute("UPDATE annotation_project SET amodal = 1")
    yield
    with sqlite3.connect(site.home / "loupe.sqlite3") as database:
        database.execute("UPDATE annotation_project SET amodal = 0")


@pytest.mark.usefixtures("whole_objects")
def test_a_whole_object_is_drawn_beside_what_is_seen_of_it(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("b")
    bench.drag([(60.5, 60.5), (90.5, 60.5)])
    bench.wait_until_saved()
    seen = mask_in_database(site, task, 0)
    bench.press("w")
    bench.drag([(90.5, 60.5), (130.5, 60.5)])
    bench.wait_until_saved()
    np.testing.assert_array_equal(mask_in_database(site, task, 0), seen)
    [mask] = bob.call("GET", f"tasks/{task}/work/").json()["masks"]
    whole = rle.decode({"size": [180, 320], "counts": mask["amodal"]}).astype(bool)
    assert (whole & seen).sum() == seen.sum()
    assert whole[60, 125]
    assert not seen[60, 125]
    assert bench.complaints == []
