"""The workbench in Chromium, against a real server: what the hand does is what stands in the database."""

from __future__ import annotations

import uuid

import numpy as np
import pytest
from playwright.sync_api import expect

from annotation.geometry import polygon, rle
from tests.browser.conftest import Person, Site, mask_in_database
from tests.browser.workbench import Workbench, swept

pytestmark = pytest.mark.browser

STROKE = [(50.3, 40.2), (80.4, 44.3), (120.2, 90.4), (90.3, 120.3), (200.3, 150.2)]
BRUSH = 12


def revisions(site: Site, task: int) -> list[int]:
    query = """
        SELECT revision.number FROM annotation_maskrevision revision
        JOIN annotation_mask mask ON mask.id = revision.of_id
        WHERE mask.task_id = ? ORDER BY revision.id
    """
    return [number for (number,) in site.rows(query, task)]


def segments(person: Person, task: int) -> list[dict[str, object]]:
    return list(person.call("GET", f"tasks/{task}/work/").json()["segments"])


def test_a_stroke_gives_exactly_its_pixels_in_the_database(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("b")
    bench.drag(STROKE)
    bench.wait_until_saved()
    np.testing.assert_array_equal(mask_in_database(site, task, 0), swept(STROKE, BRUSH))
    assert bench.complaints == []


def test_erasing_undo_and_redo_are_revisions_of_the_same_mask(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("b", "]", "]")  # 16 px
    bench.drag(STROKE)
    bench.press("e")
    bench.drag(STROKE[1:3])
    bench.wait_until_saved()
    whole, bite = swept(STROKE, 16), swept(STROKE[1:3], 16)
    np.testing.assert_array_equal(mask_in_database(site, task, 0), whole & ~bite)
    bench.press("Control+z")
    bench.wait_until_saved()
    np.testing.assert_array_equal(mask_in_database(site, task, 0), whole)
    bench.press("Control+Shift+z")
    bench.wait_until_saved()
    np.testing.assert_array_equal(mask_in_database(site, task, 0), whole & ~bite)
    assert revisions(site, task) == [1, 2, 3, 4]


def test_a_polygon_fills_what_the_server_would_fill(site: Site, bob: Person, task: int) -> None:
    corners = [(60.3, 30.4), (150.2, 50.3), (140.4, 130.2), (70.3, 100.4)]
    bench = Workbench(bob, task)
    bench.press("p")
    for corner in corners:
        bench.click(corner)
    bench.press("Enter")
    bench.wait_until_saved()
    found = mask_in_database(site, task, 0)
    expected = polygon.rasterize([corners], 180, 320).astype(bool)
    # The screen's pixels are coarser than a polygon's corners, so only pixels that an edge runs through may differ.
    assert np.count_nonzero(found ^ expected) < 0.02 * np.count_nonzero(expected)


def test_a_proposal_is_accepted_and_another_rejected(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("v")
    bench.click((60, 80))
    bench.press("a")
    expect(bench.page.locator("#objects .row")).to_have_count(1)
    bench.page.locator("#threshold").fill("0.4")
    bench.page.get_by_role("button", name="Reject container").click()
    bench.wait_until_saved()
    verdicts = site.rows("SELECT verdict FROM annotation_decision WHERE task_id = ? ORDER BY proposal_id", task)
    assert verdicts == [("accepted",), ("rejected",)]
    work = bob.call("GET", f"tasks/{task}/work/").json()
    end = bob.call("GET", f"tasks/{task}/").json()["end"]
    assert [mask["frame"] for mask in work["masks"]] == list(range(end))
    bench.press("Control+z")  # the reject
    bench.press("Control+z")  # the accept
    bench.wait_until_saved()
    assert bob.call("GET", f"tasks/{task}/work/").json()["tracks"] == []


def test_painting_on_a_proposal_makes_an_assisted_mask_that_knows_it(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("v")
    bench.click((60, 80))
    bench.press("b")
    bench.drag([(100.3, 80.2), (130.3, 80.2)])
    bench.wait_until_saved()
    proposed = np.zeros((180, 320), bool)
    proposed[60:100, 40:90] = True
    expected = proposed | swept([(100.3, 80.2), (130.3, 80.2)], BRUSH)
    np.testing.assert_array_equal(mask_in_database(site, task, 0), expected)
    (row,) = site.rows(
        "SELECT r.method, r.engine, r.proposal_id IS NOT NULL FROM annotation_maskrevision r "
        "JOIN annotation_mask m ON m.head_id = r.id WHERE m.task_id = ?",
        task,
    )
    assert row == ("assisted", "blocks 1", 1)
    assert site.rows("SELECT verdict FROM annotation_decision WHERE task_id = ?", task) == [("adjusted",)]


def test_a_box_becomes_a_mask_and_a_click_refines_it(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("s")
    bench.drag([(40.2, 30.3), (160.2, 130.3)])
    expect(bench.page.locator("#objects .row")).to_have_count(1, timeout=20_000)
    bench.click((60.3, 50.2), button="right")
    bench.page.wait_for_timeout(300)
    expect(bench.page.locator("#busy")).to_be_hidden(timeout=20_000)
    bench.wait_until_saved()
    kept = site.rows(
        "SELECT r.method, r.prompts FROM annotation_maskrevision r JOIN annotation_mask m ON m.id = r.of_id "
        "WHERE m.task_id = ? ORDER BY r.id",
        task,
    )
    assert [method for method, _ in kept] == ["assisted"] * len(kept)
    assert '"box": [40, 30, 121, 101]' in kept[0][1]
    if len(kept) > 1:  # the engine may find that the click changes nothing
        assert "[60, 50, 0]" in kept[1][1]


def test_what_was_drawn_offline_survives_closing_the_page(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bob.context.set_offline(True)
    bench.press("b")
    bench.drag(STROKE)
    expect(bench.page.locator("#save-text")).to_have_text("2 unsaved · offline")  # the object and its mask
    bench.page.close(run_before_unload=False)
    bob.context.set_offline(False)
    assert site.rows("SELECT count(*) FROM annotation_mask WHERE task_id = ?", task) == [(0,)]
    again = Workbench(bob, task)
    again.wait_until_saved()
    np.testing.assert_array_equal(mask_in_database(site, task, 0), swept(STROKE, BRUSH))
    assert revisions(site, task) == [1]


@pytest.mark.parametrize("choice", ["Keep mine", "Take theirs", "Both"])
def test_a_stale_stroke_asks_and_overwrites_nothing(site: Site, bob: Person, task: int, choice: str) -> None:
    bench = Workbench(bob, task)
    bench.press("b")
    bench.drag(STROKE[:2])
    bench.wait_until_saved()
    mask = bob.call("GET", f"tasks/{task}/work/").json()["masks"][0]
    bench.page.route("**/api/tasks/*/masks/**", lambda route: route.abort())
    bench.drag(STROKE[2:])
    expect(bench.page.locator("#save-text")).to_have_text("1 unsaved · offline")
    theirs = np.zeros((180, 320), bool)
    theirs[100:140, 20:60] = True
    body = {"track": mask["track"], "frame": 0, "counts": rle.encode(theirs)["counts"]}
    headers = {"If-Match": '"1"', "Idempotency-Key": str(uuid.uuid4())}
    other = bob.call("PUT", f"tasks/{task}/masks/{mask['id']}/", body, **headers)
    assert other.status == 200, other.text()
    bench.page.unroute("**/api/tasks/*/masks/**")
    bench.page.locator("#save-state").click()
    expect(bench.page.locator("#merge")).to_contain_text("saved first", timeout=20_000)
    np.testing.assert_array_equal(mask_in_database(site, task, 0), theirs)
    bench.page.get_by_role("button", name=choice, exact=True).click()
    bench.wait_until_saved()
    mine = swept(STROKE[:2], BRUSH) | swept(STROKE[2:], BRUSH)
    expected = {"Keep mine": mine, "Take theirs": theirs, "Both": mine | theirs}[choice]
    np.testing.assert_array_equal(mask_in_database(site, task, 0), expected)


def test_a_segment_is_begun_ended_described_dragged_and_split(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.go(20)
    bench.press("i")
    bench.go(31)
    bench.press("o")
    bench.page.get_by_label("Action", exact=True).select_option("pick")
    bench.page.get_by_label("Phase").select_option("lift")
    for n, text in enumerate(["Lift it", "Pick it up", "Raise it"], 1):
        bench.page.get_by_label(f"Instruction {n}").fill(text)
    bench.page.get_by_label("Instruction 3").blur()
    bench.wait_until_saved()
    (made,) = segments(bob, task)
    assert (made["start"], made["end"], made["action"], made["phase"]) == (20, 32, "pick", "lift")
    assert made["instructions"] == ["Lift it", "Pick it up", "Raise it"]
    bar = bench.page.locator(".lane.segments .bar").bounding_box()
    assert bar is not None
    per_frame = (bar["width"] + 1) / 12
    right, middle = bar["x"] + bar["width"] - 2, bar["y"] + bar["height"] / 2
    bench.page.mouse.move(right, middle)
    bench.page.mouse.down()
    bench.page.mouse.move(right + 2 * per_frame, middle)
    bench.page.mouse.move(right + 5 * per_frame, middle)
    bench.page.mouse.up()
    bench.wait_until_saved()
    assert [(s["start"], s["end"]) for s in segments(bob, task)] == [(20, 37)]
    bench.go(25)
    bench.press("Shift+s")
    bench.wait_until_saved()
    assert [(s["start"], s["end"], s["action"]) for s in segments(bob, task)] == [(20, 25, "pick"), (25, 37, "pick")]


def test_a_proposed_segment_is_accepted_with_its_words(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.page.locator(".bar.proposed").click()
    bench.press("a")
    expect(bench.page.locator(".lane.segments .bar")).to_have_count(1)
    bench.wait_until_saved()
    (made,) = segments(bob, task)
    assert (made["start"], made["end"], made["action"], made["phase"]) == (4, 16, "pick", "grasp")
    assert made["instructions"] == ["Take it", "Grasp it", "Hold it"]


def test_what_a_model_says_of_a_proposal_is_suggested_for_a_segment_drawn_by_hand(
    site: Site, bob: Person, task: int
) -> None:
    bench = Workbench(bob, task)
    bench.page.locator(".bar.proposed").click()
    expect(bench.page.locator(".told")).to_contain_text("Sentences by gemini, gemini-2.5-flash, segment-1")
    bench.press("Escape")
    bench.go(6)
    bench.press("i")
    bench.go(14)
    bench.press("o", "Enter")
    panel = bench.page.locator("#segment-panel")
    by = panel.locator(".instruction-by:visible")
    by_gemini = "Suggested by gemini, gemini-2.5-flash, segment-1"
    expect(by).to_have_text([by_gemini])  # once for all three, and to those who hear it with each
    expect(bench.page.get_by_label("Instruction 3")).to_have_accessible_description(by_gemini)
    bench.page.get_by_label("Action", exact=True).select_option("pick")
    bench.page.get_by_label("Instruction 1").press("Enter")
    bench.page.get_by_label("Instruction 2").press("ArrowDown")
    bench.page.get_by_label("Instruction 2").press("Enter")
    bench.wait_until_saved()
    (made,) = segments(bob, task)
    assert made["instructions"] == ["Take it", "Hold it"]
    expect(by).to_have_count(0)  # the third comes from the project's templates
    bench.page.get_by_label("Instruction 3").press("ArrowUp")
    expect(by).to_have_text([by_gemini])


def test_the_frame_named_is_the_frame_shown(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task, "?frame=5")
    bench.press("f", "f", "Shift+ArrowRight", "d")
    expect(bench.page.locator("#frame-number")).to_have_value("16")
    bench.page.wait_for_selector("#stage[data-frame='16'][data-exact=true]")
    difference = bench.page.evaluate(
        """async (url) => {
          const shown = document.querySelector('#picture');
          const { scale, x, y } = document.querySelector('#stage').dataset;
          const still = await createImageBitmap(await (await fetch(url)).blob());
          const other = new OffscreenCanvas(shown.width, shown.height).getContext('2d');
          other.imageSmoothingEnabled = Number(scale) < 2;
          other.setTransform(scale, 0, 0, scale, x, y);
          other.drawImage(still, 0, 0);
          const box = [Math.ceil(x), Math.ceil(y) + 1, Math.floor(200 * scale), Math.floor(50 * scale)];
          const a = shown.getContext('2d').getImageData(...box).data, b = other.getImageData(...box).data;
          let most = 0;
          for (let i = 0; i < a.length; i += 1) most = Math.max(most, Math.abs(a[i] - b[i]));
          return most;
        }""",
        f"/api/clips/{site.clip}/frames/16.png",
    )
    assert difference == 0


def test_the_help_sheet_names_every_tool_and_key(bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("?")
    sheet = bench.page.locator("#help")
    for words in ("Brush", "Eraser", "Polygon", "Prompt", "Accept the proposal", "Segment starts here", "Submit"):
        expect(sheet).to_contain_text(words)
    bench.press("F1")
    expect(sheet).to_be_hidden()


def test_somebody_elses_task_can_be_looked_at_but_not_changed(site: Site, dana: Person, task: int) -> None:
    bench = Workbench(dana, task)
    expect(bench.page.locator("#readonly")).to_contain_text("This task is with bob")
    bench.press("b")
    bench.drag(STROKE)
    assert site.rows("SELECT count(*) FROM annotation_mask WHERE task_id = ?", task) == [(0,)]


def test_a_flag_opens_its_frame_with_reason_and_evidence(dana: Person, task: int) -> None:
    flag = dana.call("GET", "projects/table-top/flags/").json()["results"][0]["id"]
    bench = Workbench(dana, task, f"?frame=20&flag={flag}")
    expect(bench.page.locator("#flag-reason")).to_have_text("Mask moved 2 px, flow says 31 px.")
    expect(bench.page.locator("#frame-number")).to_have_value("20")
    expect(bench.page.locator("#flags .row")).to_have_count(1)
    bench.page.wait_for_load_state("networkidle")
    with_evidence = bench.page.locator("#stage").screenshot()
    bench.page.get_by_role("button", name="Evidence").click()
    assert bench.page.locator("#stage").screenshot() != with_evidence


def test_a_task_taken_away_stops_the_page_and_keeps_the_stroke(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    assert bob.call("POST", f"tasks/{task}/release/").status == 200
    bench.press("b")
    bench.drag(STROKE)
    expect(bench.page.locator("#readonly")).to_be_visible(timeout=15_000)
    expect(bench.page.locator("#save-text")).to_contain_text("unsaved · not sending")
    assert bob.call("POST", f"tasks/{task}/claim/").status == 200
    again = Workbench(bob, task)
    again.wait_until_saved()
    np.testing.assert_array_equal(mask_in_database(site, task, 0), swept(STROKE, BRUSH))


def test_submitting_saves_first_and_sends_to_review(site: Site, bob: Person, task: int) -> None:
    bench = Workbench(bob, task)
    bench.press("b")
    bench.drag(STROKE)
    bench.press("Control+Enter")
    expect(bench.page.locator("#readonly")).to_contain_text("Submitted", timeout=15_000)
    assert bob.call("GET", f"tasks/{task}/").json()["state"] == "submitted"
    np.testing.assert_array_equal(mask_in_database(site, task, 0), swept(STROKE, BRUSH))
