"""What workers do for review. Each job takes an id and calls one verb; delivered twice it does nothing."""

from __future__ import annotations

from celery import shared_task

from annotation.models import Project, Task
from enrichment.queue import send
from review import agreement, quality, sampling
from review.errors import NothingToCompare

# How many forgotten tasks one round of the reconciler takes up.
WINDOW = 64
# A score is quick, and after an upgrade every clip there is waits for its first one.
SCORED_AT_ONCE = 1000


@shared_task
def compare(task_id: int) -> None:
    """Compare a pair of submitted tasks."""
    task = Task.objects.select_related("second_of", "clip", "project").filter(pk=task_id).first()
    if task is None:
        return
    try:
        agreement.compare(task=task)
    except NothingToCompare:
        # One of the two went back to its annotator meanwhile; its next submission asks again.
        return


@shared_task
def score(clip_id: int) -> None:
    """Say what a clip is worth as a whole."""
    quality.score(clip_id)


@shared_task
def weigh_again(project_id: int) -> None:
    """Put the qualities of a project's clips together by new weights."""
    project = Project.objects.filter(pk=project_id).first()
    if project is not None:
        quality.weigh_again(project)


@shared_task
def reconcile() -> None:
    """Set right what a lost message or a stopped process left behind: pairs never compared, samples never drawn."""
    for task_id in agreement.awaiting().values_list("pk", flat=True)[:WINDOW]:
        send("review.jobs.compare", task_id)
    for clip_id in quality.waiting(SCORED_AT_ONCE):
        send("review.jobs.score", clip_id)
    for task in sampling.undrawn()[:WINDOW]:
        sampling.ask_if_chosen(task=task)
