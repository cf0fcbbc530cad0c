"""Polygon and centreline in Chromium, with a real pointer: exactly the expected pixels stand in the database."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from playwright.sync_api import expect

from annotation.geometry import polygon
from tests.browser.conftest import Person, Site, mask_in_database
from tests.browser.test_tools import LEFT, Mask, drawn, masks, same
from tests.browser.workbench import Point, Workbench

pytestmark = pytest.mark.browser


def on_screen(bench: Workbench, points: list[Point]) -> list[Point]:
    """Where the pointer really goes: the picture's points of whole pixels on the screen."""
    (left, top), (right, _) = bench.at((0, 0)), bench.at((1, 0))
    scale = right - left
    return [((round(left + x * scale) - left) / scale, (round(top + y * scale) - top) / scale) for x, y in points]


def filled(*rings: list[Point]) -> Mask:
    return polygon.rasterize(rings, 180, 320).astype(bool)


def test_a_polygons_corners_stay_in_hand_and_each_edit_is_a_step(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("p")
    ring = on_screen(bench, [(60, 40), (150, 50), (140, 130), (70, 110)])
    target, middle = on_screen(bench, [(190, 30), (100, 150)])
    for corner in ring:
        bench.click(corner)
    bench.press("Enter")
    bench.wait_until_saved()
    steps = [filled(ring)]
    same(mask_in_database(site, task, 0), steps[0])
    bench.drag([ring[1], (170, 40), target])  # a corner
    ring[1] = target
    steps.append(filled(ring))
    edge = on_screen(bench, [((ring[2][0] + ring[3][0]) / 2, (ring[2][1] + ring[3][1]) / 2)])[0]
    bench.drag([edge, (103, 135), middle])  # an edge, which gets a corner
    ring.insert(3, middle)
    steps.append(filled(ring))
    bench.page.mouse.move(*bench.at(ring[0]))
    bench.press("Delete")
    del ring[0]
    steps.append(filled(ring))
    bench.wait_until_saved()
    same(mask_in_database(site, task, 0), steps[3])
    for expected in (steps[2], steps[1]):
        bench.press("Control+z")
        bench.wait_until_saved()
        same(mask_in_database(site, task, 0), expected)
    # The corners went back with the mask: the one that was moved is where it was moved to.
    home = on_screen(bench, [(150, 50)])[0]
    bench.drag([target, (160, 45), home])
    bench.wait_until_saved()
    same(mask_in_database(site, task, 0), steps[0])
    assert bench.complaints == []


def test_a_polygon_takes_away_and_gives_back_what_its_first_shape_took(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("b")
    first = drawn(bench, LEFT)
    bench.press("n", "p")
    ring = on_screen(bench, [(58, 20), (101, 22), (97, 99), (63, 101)])
    for corner in ring:
        bench.click(corner)
    bench.press("Enter")
    bench.wait_until_saved()
    same(masks(site, task)[1], first & ~filled(ring))
    up = on_screen(bench, [(99, 41), (61, 39)])
    bench.drag([ring[2], (100, 60), up[0]])
    bench.drag([ring[3], (60, 60), up[1]])
    bench.wait_until_saved()
    same(masks(site, task)[1], first)
    bench.press("Escape")
    hole = on_screen(bench, [(70, 25), (91, 27), (79, 36)])
    bench.click(hole[0], button="right")
    for corner in hole[1:]:
        bench.click(corner)
    bench.press("Enter")
    bench.wait_until_saved()
    same(masks(site, task)[2], filled([ring[0], ring[1], *up]) & ~filled(hole))


def test_a_mask_is_opened_as_corners_and_keeps_its_hole_and_what_is_not_touched(
    site: Site, bob: Person, task: int
) -> None:
    bench = Workbench(bob, task)
    bench.press("b")
    whole = drawn(bench, [(100.3, 100.2), (160.3, 100.2), (160.3, 60.2), (100.3, 60.2), (100.3, 100.2)])
    bench.press("p", "Enter")
    expect(bench.page.locator("#notice")).to_contain_text("corners")
    bench.wait_until_saved()
    same(mask_in_database(site, task, 0), whole)
    columns, rows = np.nonzero(whole.T)
    corner = (float(columns[0]), float(rows[columns == columns[0]].min()))
    bench.drag([corner, (80, 60), (60, 40)])
    bench.wait_until_saved()
    found = mask_in_database(site, task, 0)
    assert np.count_nonzero(found ^ whole) > 50
    same(found[:, 125:], whole[:, 125:])
    assert not found[80, 130], "the hole is filled"
    bench.press("Control+z")
    bench.wait_until_saved()
    same(mask_in_database(site, task, 0), whole)


def near(points: list[Point], size: float) -> Mask:
    """(180, 320) bool: pixels whose centre is within half the size of the line."""
    rows, columns = np.mgrid[:180, :320] + 0.5
    centres = np.stack([columns, rows], axis=-1)
    nearest = np.full((180, 320), np.inf)
    for start, end in pairwise(np.array(points)):
        along = end - start
        share = np.clip((centres - start) @ along / (along @ along), 0, 1)
        nearest = np.minimum(nearest, np.linalg.norm(centres - (start + share[..., None] * along), axis=-1))
    return np.asarray(nearest <= size / 2)


def test_a_centreline_is_as_thick_as_it_says(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("q", "]", "]", "]")  # 7 px
    expect(bench.page.locator("#brush-size")).to_have_text("7 px")
    line = on_screen(bench, [(30, 40), (100, 60), (180, 30), (250, 120)])
    elsewhere = on_screen(bench, [(190, 80)])[0]
    for point in line:
        bench.click(point)
    bench.drag([line[2], (185, 50), elsewhere])
    line[2] = elsewhere
    bench.press("Enter")
    bench.wait_until_saved()
    same(mask_in_database(site, task, 0), near(line, 7))
    bench.press("n")
    freehand = on_screen(bench, [(30, 150), (60, 156), (100, 145), (150, 150)])
    bench.drag(freehand)
    bench.press("Enter")
    bench.wait_until_saved()
    same(masks(site, task)[2], near(freehand, 7))
    assert bench.complaints == []
