"""What enrichment does at news from the ground floor. Each receiver calls one verb."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from annotation.events import clip_ready, task_submitted
from annotation.models import Clip
from enrichment import runs, task_checks


@receiver(clip_ready)
def enrich_new_clip(clip_id: int, **_: Any) -> None:
    """A clip that came in is enriched with every layer, without being asked [E10]."""
    clip = Clip.objects.select_related("project").get(pk=clip_id)
    runs.request(project=clip.project, by=None, clips=[clip])


@receiver(task_submitted)
def check_submitted_task(task_id: int, **_: Any) -> None:
    """What people drew is compared with what the clip shows [V3, V4]."""
    task_checks.ask(task_id)
