"""What is said of work the moment it is saved."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.db import connection

from annotation import edit_size, masks, tasks, tier1
from annotation.geometry import rle, shape
from annotation.models import Clip, Label, Mask, Task, Track
from annotation.work import load, load_frame
from tests.annotation.drawing import disc, draw


@pytest.fixture
def task(clip: Clip, bob: User) -> Task:
    return tasks.claim(task=Task.objects.get(clip=clip), user=bob)


def said(task: Task, *words: str) -> list[tier1.Remark]:
    return [remark for remark in tier1.check_task(task) if all(word in remark.message for word in words)]


def save(task: Task, track: Track, by: User, frame: int, mask: np.ndarray | None, **more: object) -> Mask:
    counts = None if mask is None else rle.encode(mask)["counts"]
    saved = masks.save(
        task=task, id=uuid.uuid4(), track_id=track.pk, frame=frame, counts=counts, base_version=0, by=by, **more
    )  # type: ignore[arg-type]
    return saved.mine.of


def test_masks_that_lie_over_each_other_are_named_with_the_place(task: Task, clip: Clip, bob: User) -> None:
    draw(task, bob, disc(clip, x=20, radius=10), frame=0)
    draw(task, bob, disc(clip, x=30, radius=10), frame=0)
    draw(task, bob, disc(clip, x=70, radius=10), frame=0)
    [remark] = said(task, "overlap")
    assert remark.message.startswith("Masks 1 and 2 overlap by ")
    assert remark.at is not None
    assert disc(clip, x=20, radius=10)[remark.at[1], remark.at[0]]
    assert disc(clip, x=30, radius=10)[remark.at[1], remark.at[0]]


def test_outlines_that_cross_by_a_pixel_are_no_overlap(task: Task, clip: Clip, bob: User) -> None:
    square = np.zeros((clip.height, clip.width), bool)
    square[10:30, 10:30] = True
    draw(task, bob, square, frame=0)
    draw(task, bob, np.roll(square, 20, axis=1) | np.roll(square, 20, axis=0), frame=0)
    assert said(task, "overlap") == []


def test_what_is_said_of_one_mask_is_what_is_said_of_the_whole_task(task: Task, clip: Clip, bob: User) -> None:
    for x in (20, 30, 70):
        draw(task, bob, disc(clip, x=x, radius=10), frame=0)
    others, tracks = load_frame(task, 0)
    mask = next(each for each in others if tracks[each.track_id].number == 2)
    found = tier1.check_overlaps_of(mask, [other for other in others if other.id != mask.id], tracks)
    assert [remark.message for remark in found] == [remark.message for remark in said(task, "overlap")]


def test_an_object_that_is_missing_between_two_frames_is_asked_for(task: Task, clip: Clip, bob: User) -> None:
    Task.objects.filter(pk=task.pk).update(frames=[0, 5, 10])
    task.refresh_from_db()
    track, _ = draw(task, bob, disc(clip), frame=0)
    save(task, track, bob, 10, disc(clip))
    [remark] = said(task, "but none on 5")
    assert (remark.frame, remark.track) == (5, str(track.pk))
    save(task, track, bob, 5, None, outside=True)
    assert said(task, "but none on") == []


def test_a_hole_and_a_speck_are_pointed_at() -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[5:30, 20:50] = 1
    mask[10:14, 30:36] = 0
    mask[35, 55] = 1
    found = shape.measure(mask)
    assert found.hole_at is not None
    assert found.speck_at == (55, 35)
    assert 30 <= found.hole_at[0] < 36
    assert 10 <= found.hole_at[1] < 14


def test_parts_that_are_narrower_than_they_should_be_are_pointed_at(task: Task, clip: Clip, bob: User) -> None:
    dumbbell = np.zeros((clip.height, clip.width), bool)
    dumbbell[10:30, 10:30] = dumbbell[10:30, 60:80] = True
    dumbbell[19:21, 30:60] = True
    Label.objects.filter(project=task.project, key="target_object").update(min_width=6)
    draw(task, bob, dumbbell, frame=0)
    [remark] = said(task, "narrower than 6 px in one place")
    assert remark.severity == "warning"
    assert remark.at is not None
    assert 30 <= remark.at[0] < 60
    assert 19 <= remark.at[1] < 21
    Label.objects.filter(project=task.project, key="target_object").update(min_width=2)
    assert said(task, "narrower") == []


def test_a_square_has_no_narrow_parts_but_a_cross_of_threads_has() -> None:
    square = np.zeros((60, 60), np.uint8)
    square[10:50, 10:50] = 1
    assert shape.narrow_places(square, 5, least=16) == (0, [])
    square[29:31, 50:60] = square[0:10, 29:31] = 1
    area, places = shape.narrow_places(square, 5, least=16)
    assert area >= 32
    assert [min(x >= 48 or y < 12 for x, y in places), len(places)] == [True, 2]


def test_a_save_looks_only_at_the_masks_near_it(task: Task, clip: Clip, bob: User) -> None:
    for x in (20, 30, 70):
        draw(task, bob, disc(clip, x=x, radius=10), frame=0)
    near, tracks = load_frame(task, 0, near=(10, 0, 10, clip.height))
    assert sorted(tracks[mask.track_id].number for mask in near) == [1]
    near, tracks = load_frame(task, 0, near=(10, 0, 11, clip.height))
    assert sorted(tracks[mask.track_id].number for mask in near) == [1, 2]


def test_an_edit_is_measured_by_overlap_and_by_how_far_the_outline_moved() -> None:
    before = np.zeros((80, 120), np.uint8)
    before[20:60, 20:80] = 1
    grown = np.zeros_like(before)
    grown[20:60, 20:90] = 1
    same, distance = edit_size.measure(rle.encode(grown), rle.encode(before))
    assert same == pytest.approx(6 / 7)
    assert distance is not None
    assert 1 < distance < 4
    assert edit_size.measure(rle.encode(before), rle.encode(before)) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("same", "distance", "major"),
    [(None, None, False), (0.9, 9.0, False), (0.7, 5.0, True), (0.5, 1.0, False), (0.5, None, True)],
)
def test_a_thin_things_outline_that_hardly_moved_is_no_major_edit(
    same: float | None, distance: float | None, major: bool
) -> None:
    assert edit_size.is_major(same, distance) is major


@pytest.mark.django_db
def test_the_database_counts_major_edits_by_the_same_rule(task: Task, clip: Clip, bob: User) -> None:
    _, mask = draw(task, bob, disc(clip), frame=0)
    for same, distance in ((None, None), (0.9, 9.0), (0.7, 5.0), (0.5, 1.0), (0.5, None)):
        mask.revisions.update(edit_iou=same, edit_boundary=distance)
        found = Mask.objects.filter(edit_size.major("head__")).exists()
        assert found is edit_size.is_major(same, distance)


def test_what_is_drawn_while_a_task_is_read_counts_whole_or_not_at_all(task: Task, clip: Clip, bob: User) -> None:
    """Segments, tracks and masks are three queries; the browser saves beside them all the time."""
    draw(task, bob, disc(clip, x=20, radius=10))
    drawn = []

    def draw_first(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        # What reads masks is held up until another object has been drawn.
        if not drawn and f'FROM "{Mask._meta.db_table}"' in sql:
            drawn.append(sql)
            draw(task, bob, disc(clip, x=70, radius=10))
        return execute(sql, *rest)

    with connection.execute_wrapper(draw_first):
        found = load(task)
    assert drawn
    assert [track.number for track in found.tracks] == [1]
    assert {mask.track_id for mask in found.masks} == {found.tracks[0].id}
    assert len(load(task).masks) == 2
