from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from annotation import masks, segments, tasks
from annotation.geometry import rle
from annotation.models import Clip, Mask, Project, Task
from delivery import deliveries
from delivery.models import Delivery
from tests.annotation.drawing import disc, draw

Deliver = Callable[..., Delivery]


def annotate(task: Task, by: User) -> list[Mask]:
    """A disc that moves along over three frames, a still one in front of it, and an action."""
    tasks.claim(task=task, user=by)
    clip = task.clip
    track, first = draw(task, by, disc(clip, x=20, radius=10), frame=0)
    drawn = [first]
    for frame, x in ((5, 30), (12, 40)):
        counts = rle.encode(disc(clip, x=x, radius=10))["counts"]
        saved = masks.save(
            task=task, id=uuid.uuid4(), track_id=track.pk, frame=frame, counts=counts, base_version=0, by=by
        )
        drawn.append(saved.mine.of)
    drawn.append(draw(task, by, disc(clip, x=70, y=40, radius=12), frame=12, label="gripper")[1])
    segments.save(
        task=task, id=uuid.uuid4(), base_version=0, by=by, start=2, end=20, action="pick", phase="grasp",
        instructions=["Pick up the block.", "Take the block.", "Grab that block."], object=drawn[0].track_id,
        object_name="red block", hand=drawn[-1].track_id, hand_side="left", outcome="recovery", confidence=0.25,
    )  # fmt: skip
    return drawn


def finish(task: Task, *, by: User, reviewer: User) -> None:
    tasks.submit(task=task, user=by)
    tasks.accept(task=task, by=reviewer)


@pytest.fixture
def task(clip: Clip) -> Task:
    return Task.objects.get(clip=clip)


@pytest.fixture
def drawn(task: Task, bob: User, dana: User) -> list[Mask]:
    """The masks of the project's one clip: annotated by bob, accepted by dana."""
    made = annotate(task, bob)
    finish(task, by=bob, reviewer=dana)
    task.refresh_from_db()
    return made


@pytest.fixture
def deliver(project: Project, alice: User, tmp_path: Path) -> Deliver:
    """Makes a delivery here and now; it must come out well."""

    def make(format: str, *, fails: bool = False, **more: object) -> Delivery:
        asked = deliveries.request(project=project, format=format, filters=more.pop("filters", {}), by=alice, **more)  # type: ignore[arg-type]
        made = deliveries.run(delivery_id=asked.pk)
        assert fails or made.state == Delivery.State.DONE, made.reason
        return made

    return make


def edit(task: Task, drawn: list[Mask], *, by: User, manager: User) -> None:
    """Open the accepted task again and change what is in it: one mask redrawn, another erased."""
    Task.objects.filter(pk=task.pk).update(state=Task.State.SENT_BACK, assignee=by)
    tasks.claim(task=task, user=by)
    for mask, counts in ((drawn[0], rle.encode(disc(task.clip, x=50, radius=20))["counts"]), (drawn[1], None)):
        masks.save(
            task=task, id=mask.pk, track_id=mask.track_id, frame=mask.frame, counts=counts,
            base_version=Mask.objects.get(pk=mask.pk).version, by=by,
        )  # fmt: skip
    finish(task, by=by, reviewer=manager)
