"""What an annotator does when masks are carried: draw, ask, take over."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.models import User
from rest_framework.response import Response
from rest_framework.test import APIClient

from annotation import masks
from annotation.geometry import rle
from annotation.models import Mask, Task, Track
from tests.annotation.drawing import disc


def draw(task: Task, track: Track, by: User, frame: int, *, x: float = 40, radius: float = 12, **more: Any) -> Mask:
    counts = rle.encode(disc(task.clip, x=x, radius=radius))["counts"]
    saved = masks.save(
        task=task, id=uuid.uuid4(), track_id=track.pk, frame=frame, counts=counts, base_version=0, by=by, **more
    )
    return saved.mine.of


def ask(api: APIClient, task: Task, track: Track, *, key: Any = None, **body: Any) -> Response:
    headers = {"Idempotency-Key": str(key or uuid.uuid4())}
    path = f"/api/tasks/{task.pk}/propagations/"
    return api.post(path, {"track": str(track.pk), **body}, format="json", headers=headers)  # type: ignore[return-value]


def apply(api: APIClient, id: int, *, key: Any = None, **body: Any) -> Response:
    headers = {"Idempotency-Key": str(key or uuid.uuid4())}
    return api.post(f"/api/propagations/{id}/apply/", body, format="json", headers=headers)  # type: ignore[return-value]
