"""Making the demo project through the same verbs that people's clicks call."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from django.contrib.auth.models import User
from django.db import transaction

from annotation import clips, masks, projects, scene, segments, tasks, tracks
from annotation.geometry import rle
from annotation.media.probe import inspect
from annotation.models import Clip, Membership, Project, Task
from annotation.revisions import Origin, lock
from frontend.demo import footage

SLUG = "demo"
# Known to everybody who reads this, so `demo` refuses to run in production.
PASSWORD = "loupe-demo-2026"  # noqa: S105
LOGINS = (
    ("maria", Membership.Role.MANAGER),
    ("quinn", Membership.Role.QA_LEAD),
    ("ana", Membership.Role.ANNOTATOR),
    ("ben", Membership.Role.ANNOTATOR),
)
FRAMES = 120
Report = Callable[[str], None]


def make(*, report: Report) -> Project:
    """The demo project, made when it is not there yet.

    Clip 1 is annotated twice and waits for review; in clip 2 the annotator's mask of the moved block stays behind from
    the middle on, which the cross-check finds; clip 3 is new, with nothing but proposals. A start that was interrupted
    is taken up: each clip is one transaction, and one that is there is not made again.
    """
    people = {name: _person(name) for name, _ in LOGINS}
    project = Project.objects.filter(slug=SLUG).first()
    if project is None:
        project = _project(people)
    makers = (("demo-reviewed", _reviewed), ("demo-mask-left-behind", _faulted), ("demo-new", _fresh))
    for seed, (name, finish) in enumerate(makers, start=1):
        if Clip.objects.filter(project=project, name=name).exists():
            continue
        report(f"Rendering {name} ({FRAMES} frames of a table top, with a gripper) …")
        with tempfile.TemporaryDirectory(prefix="loupe-demo-") as folder:
            shown = footage.render(scene.SceneSpec(seed=seed, frames=FRAMES), Path(folder) / f"{name}.mp4")
            facts = inspect(shown.path, limits=clips.limits())
            with transaction.atomic():
                about = {"scene": f"table top {seed}", "environment": "rendered", "licence": "CC0-1.0"}
                clip = clips.add(project=project, path=shown.path, facts=facts, about=about, by=people["maria"])
                finish(clip, shown, people)
    return project


def _person(name: str) -> User:
    known = User.objects.filter(username=name).first()
    return known or User.objects.create_user(username=name, password=PASSWORD, first_name=name.capitalize())


@transaction.atomic
def _project(people: dict[str, User]) -> Project:
    project = projects.create(
        name="Demo: table-top manipulation",
        slug=SLUG,
        by=people["maria"],
        description="Three rendered clips of a gripper that moves a block. Their truth is known to the pixel.",
    )
    for name, role in LOGINS:
        if role != Membership.Role.MANAGER:
            projects.set_role(project=project, user=people[name], role=role, by=people["maria"])
    return project


def _reviewed(clip: Clip, shown: footage.Footage, people: dict[str, User]) -> None:
    """Annotated by two people, for QA to compare and accept."""
    first = Task.objects.get(clip=clip)
    _annotate(first, people["ana"], shown.masks, shown.truth)
    second = tasks.ask_second(task=first, by=people["quinn"])
    drawn = footage.by_another_hand(shown.masks, seed=1)
    on_task_frames = tuple(frame if n in first.frames else {} for n, frame in enumerate(drawn))
    _annotate(second, people["ben"], on_task_frames, shown.truth, late=4)


def _faulted(clip: Clip, shown: footage.Footage, people: dict[str, User]) -> None:
    """Submitted with a mask that no longer sits on its object: QA finds the flag."""
    [moved, *_] = shown.truth.with_label("target_object")
    lift = next(segment for segment in shown.truth.segments if segment.phase == "lift")
    faulted, _ = scene.mask_on_wrong_object(shown.masks, moved=moved.instance, start=lift.start)
    _annotate(Task.objects.get(clip=clip), people["ben"], tuple(faulted), shown.truth)


def _fresh(clip: Clip, shown: footage.Footage, people: dict[str, User]) -> None:
    """Left as ingest left it: its task waits in the queue."""


def _annotate(task: Task, by: User, drawn: Sequence[footage.Masks], truth: scene.SceneTruth, *, late: int = 0) -> None:
    """Draw masks and segments as `by` and submit; `late` moves the boundaries between segments by some frames."""
    task = lock(tasks.claim(task=task, user=by), by=by)
    for thing in truth.objects:
        counts = {
            n: rle.encode(frame[thing.instance])["counts"] for n, frame in enumerate(drawn) if thing.instance in frame
        }
        if counts and thing.label != "background":
            saved = tracks.save(task=task, id=uuid.uuid4(), base_version=0, by=by, label=thing.label)
            masks.lay(task=task, track=saved.mine.of, counts=counts, by=by, origin=Origin())
    moved = [
        replace(each, start=_moved(each.start, late, task), end=_moved(each.end, late, task))
        for each in [*truth.tasks, *truth.segments]
    ]
    for segment in moved:
        segments.save(
            task=task,
            id=uuid.uuid4(),
            base_version=0,
            by=by,
            start=segment.start,
            end=segment.end,
            level="primitive" if segment.phase else "task",
            action=segment.action,
            phase=segment.phase or "",
            instructions=segment.instructions,
        )
    tasks.submit(task=task, user=by)


def _moved(frame: int, late: int, task: Task) -> int:
    """Inner boundaries move; the ends of the clip stay where they are."""
    return min(frame + late, task.end) if frame else 0
