"""How well masks agree with the next ones along the flow."""

from __future__ import annotations

import json
import uuid
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from annotation import clips, masks, tasks, tracks
from annotation.geometry import iou, rle, warp
from annotation.models import Clip, Task, Track
from annotation.revisions import Origin, lock
from enrichment import drift
from enrichment.engines.drift import Patch, agreement
from enrichment.layers.flow import META_FILE, file_of
from enrichment.models import LayerRun
from tests.annotation.drawing import disc

pytestmark = pytest.mark.django_db


@pytest.fixture
def task(clip: Clip, bob: User) -> Task:
    return tasks.claim(task=Task.objects.get(clip=clip), user=bob)


@pytest.fixture
def flow(clip: Clip) -> Clip:
    """A clip on which everything moves two pixels to the right in each frame."""
    folder, size = clips.folder(clip), (clip.height, clip.width)
    for frame in range(clip.frame_count - 1):
        with folder.writing(file_of(frame)) as file:
            np.save(file, np.full((*size, 2), (2.0, 0.0), np.float32))
    meta = {"count": clip.frame_count - 1, "size": list(size)}
    folder.write(META_FILE, json.dumps(meta).encode())
    LayerRun.objects.create(
        clip=clip, layer="flow", fingerprint=uuid.uuid4().hex, version="1", state=LayerRun.State.DONE
    )
    return clip


def draw(task: Task, by: User, places: dict[int, float]) -> Track:
    track = tracks.save(task=task, id=uuid.uuid4(), base_version=0, by=by, label="target_object").mine.of
    counts = {frame: rle.encode(disc(task.clip, x=x, radius=10))["counts"] for frame, x in places.items()}
    masks.lay(task=lock(task, by=by), track=track, counts=counts, by=by, origin=Origin())
    return track


def test_a_mask_that_goes_with_the_flow_agrees_and_one_that_stays_does_not(
    api: APIClient, task: Task, flow: Clip, bob: User
) -> None:
    moving = draw(task, bob, {0: 30, 1: 32, 2: 34, 3: 36, 5: 40})
    stuck = draw(task, bob, {0: 60, 1: 60, 2: 64})
    api.force_authenticate(bob)
    answer = api.get(f"/api/tasks/{task.pk}/drift/").json()
    assert answer["tracks"][str(moving.pk)] == {"0": 1.0, "1": 1.0, "2": 1.0}
    dips = answer["tracks"][str(stuck.pk)]
    assert list(dips) == ["0", "1"]
    assert all(0.6 < value < 0.9 for value in dips.values())
    one = api.get(f"/api/tasks/{task.pk}/drift/?track={stuck.pk}").json()
    assert one == {"frames": dips, "reason": ""}
    assert api.get(f"/api/tasks/{task.pk}/drift/?track=x").status_code == 400


def test_a_part_at_a_time_gives_what_the_whole_gives(api: APIClient, task: Task, flow: Clip, bob: User) -> None:
    track = draw(task, bob, {frame: 20 + 3 * frame for frame in range(10)})
    api.force_authenticate(bob)
    parts = [
        api.get(f"/api/tasks/{task.pk}/drift/?start={start}&end={start + 4}").json()["tracks"][str(track.pk)]
        for start in (0, 4, 8)
    ]
    assert [[*part] for part in parts] == [["0", "1", "2", "3"], ["4", "5", "6", "7"], ["8"]]
    whole = api.get(f"/api/tasks/{task.pk}/drift/").json()["tracks"][str(track.pk)]
    assert {frame: value for part in parts for frame, value in part.items()} == whole


def test_without_flow_it_says_so(api: APIClient, task: Task, bob: User) -> None:
    draw(task, bob, {0: 30, 1: 32})
    api.force_authenticate(bob)
    answer = api.get(f"/api/tasks/{task.pk}/drift/?track={uuid.uuid4()}").json()
    assert answer["frames"] == {}
    assert "not computed yet" in answer["reason"]


def test_only_what_changed_is_worked_out_again(
    task: Task, flow: Clip, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    track = draw(task, bob, {frame: 20 + 2 * frame for frame in range(12)})
    worked: list[float] = []

    def counted(*given: Any) -> float:
        worked.append(agreement(*given))
        return worked[-1]

    monkeypatch.setattr(drift, "agreement", counted)
    first = drift.of_task(task)
    assert len(worked) == 11
    assert drift.of_task(task) == first
    assert len(worked) == 11
    mask = track.masks.get(frame=5)
    counts = rle.encode(disc(task.clip, x=50, radius=10))["counts"]
    masks.save(task=task, id=mask.pk, track_id=track.pk, frame=5, counts=counts, base_version=1, by=bob)
    changed = drift.of_task(task).tracks[str(track.pk)]
    assert len(worked) == 13
    assert [frame for frame, value in changed.items() if value < 0.9] == [4, 5]


def test_many_tracks_take_as_many_queries_as_one(task: Task, flow: Clip, bob: User) -> None:
    draw(task, bob, {0: 30, 1: 32})
    with CaptureQueriesContext(connection) as one:
        drift.of_task(task)
    for _ in range(5):
        draw(task, bob, {frame: 20 + 2 * frame for frame in range(10)})
    with CaptureQueriesContext(connection) as many:
        drift.of_task(task)
    assert len(many) == len(one)


def test_working_in_boxes_gives_what_whole_pictures_give() -> None:
    rng = np.random.default_rng(3)
    size = (90, 160)
    for _ in range(40):
        a, b = (np.zeros(size, np.uint8) for _ in range(2))
        y, x = int(rng.integers(0, 70)), int(rng.integers(0, 130))
        a[y : y + 20, x : x + 30] = rng.random((min(20, 90 - y), min(30, 160 - x))) < 0.9
        b[y // 2 : y // 2 + 22, x : x + 25] = 1
        flow = rng.normal(0, 2, (*size, 2)).astype(np.float32)
        patches = [Patch.of(rle.encode(mask), rle.bbox(rle.encode(mask)), size) for mask in (a, b)]
        assert agreement(*patches, flow) == pytest.approx(iou.mask_iou(warp.forward(a, flow), b), abs=1e-9)


def test_a_mask_is_reduced_in_its_box_as_the_whole_picture_would_be() -> None:
    import cv2

    whole = np.zeros((90, 160), np.uint8)
    cv2.ellipse(whole, (77, 41), (33, 18), 20, 0, 360, 1, -1)
    mask = rle.encode(whole)
    patch = Patch.of(mask, rle.bbox(mask), (45, 80))
    small = cv2.resize(whole * 255, (80, 45), interpolation=cv2.INTER_AREA) > 127
    placed = np.zeros((45, 80), dtype=bool)
    x, y = patch.corner
    placed[y : y + patch.inside.shape[0], x : x + patch.inside.shape[1]] = patch.inside
    assert np.array_equal(placed, small)
    box = rle.bbox(mask)
    assert np.array_equal(rle.decode_box(mask, box), whole[box[1] : box[1] + box[3], box[0] : box[0] + box[2]])


def test_a_thread_thinner_than_the_flows_pixels_does_not_vanish() -> None:
    whole = np.zeros((90, 160), np.uint8)
    whole[10:70, 33] = 1
    mask = rle.encode(whole)
    assert Patch.of(mask, rle.bbox(mask), (30, 53)).inside.any()
