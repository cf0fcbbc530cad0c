"""Rows of every kind that pages list, without their files."""

from __future__ import annotations

from django.contrib.auth.models import User

from annotation.models import Clip, Proposal, Task, Upload
from delivery.models import Delivery
from enrichment.models import LayerRun, Run
from review.models import Flag
from tests.factories import clip_rows

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"


def flag(clip: Clip, number: int = 0, task: Task | None = None, severity: int = 2, **fields: object) -> Flag:
    said = {"reason": f"Mask {number} moved 2 px, flow says 31 px.", "check_name": "flow_vs_segmentation", **fields}
    marks = {"start": 2, "end": 5, "fingerprint": f"{clip.pk:032x}{number:032x}"}
    return Flag.objects.create(project=clip.project, clip=clip, task=task, severity=severity, **marks, **said)


def fill(first: Clip, count: int, by: User) -> None:
    """`count` more clips, each with a task, a flag, proposals, layers, a run, an upload and a delivery."""
    project = first.project
    clips = clip_rows(project, count)
    number = Flag.objects.count()
    states = [Task.State.OPEN, Task.State.IN_PROGRESS, Task.State.SUBMITTED, Task.State.ACCEPTED]
    Task.objects.bulk_create(
        Task(
            project=project,
            clip=clip,
            start=0,
            end=24,
            frames=[0, 12],
            state=states[at % 4],
            assignee=by if at % 4 else None,
        )
        for at, clip in enumerate(clips)
    )
    Flag.objects.bulk_create(
        Flag(
            project=project,
            clip=clip,
            check_name="flow_vs_segmentation",
            start=0,
            end=4,
            severity=1 + at % 3,
            reason=f"Mask {at} moved.",
            fingerprint=f"{number + at:064x}",
        )
        for at, clip in enumerate(clips)
    )
    Proposal.objects.bulk_create(
        Proposal(
            clip=first,
            kind="mask_track",
            number=number + at,
            engine="e 1",
            fingerprint="f",
            confidence=0.5,
            start=0,
            end=4,
        )
        for at in range(count)
    )
    for _ in range(min(count, 30)):
        run = Run.objects.create(project=project, by=by, layers=["flow"], clips=[first.pk])
        layer_run = LayerRun.objects.create(
            clip=first, layer="flow", fingerprint=f"{run.pk:064x}", current=False, version="1", state="done"
        )
        run.layer_runs.add(layer_run)
    Upload.objects.bulk_create(Upload(project=project, by=by, name=f"{at}.mp4", size=10) for at in range(count))
    Delivery.objects.bulk_create(Delivery(project=project, format="coco", by=by) for _ in range(count))
