"""What review does at news from below. Each receiver calls one verb."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.dispatch import receiver

from annotation.events import task_submitted
from annotation.models import Clip, Task
from enrichment.events import clip_settled, findings_ready
from enrichment.queue import send
from review import agreement, flags, quality, sampling


@receiver(task_submitted)
def sample_submitted_task(task_id: int, **_: Any) -> None:
    """Some first tasks are done again by a second annotator."""
    task = Task.objects.select_related("project").get(pk=task_id)
    sampling.ask_if_chosen(task=task)


@receiver(task_submitted)
def compare_submitted_pair(task_id: int, **_: Any) -> None:
    """Once both have submitted, their work is compared."""
    task = Task.objects.select_related("second_of").get(pk=task_id)
    pair = agreement.pair_of(task)
    if pair is not None and all(one.state in agreement.FINISHED for one in pair):
        send("review.jobs.compare", task_id)


@receiver(findings_ready)
def keep_findings(clip_id: int, task_id: int | None, check: str, findings: Sequence[dict[str, Any]], **_: Any) -> None:
    """What a check found becomes flags."""
    clip = Clip.objects.select_related("project").filter(pk=clip_id).first()
    task = Task.objects.filter(pk=task_id, clip=clip_id).first() if task_id is not None else None
    if clip is None or (task is None and task_id is not None):
        return  # removed while the check ran
    flags.record(clip=clip, task=task, check=check, findings=findings)


@receiver(clip_settled)
def score_clip(clip_id: int, **_: Any) -> None:
    """What came of a clip's layers becomes its quality."""
    quality.settled(clip_id)
