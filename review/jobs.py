"""What workers do for review. Each job takes an id and calls one verb; delivered twice it does nothing."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from annotation.models import Project, Task
from enrichment.queue import send
from review import agreement, quality, sampling, weighing
from review.errors import NothingToCompare

# How many forgotten tasks one round of the reconciler takes up.
WINDOW = 64
# After an upgrade every clip there is waits for its first score. So many are made in a few seconds, which is for how
# long what else goes to the same workers stands behind them.
SCORED_AT_ONCE = 250
# What is sent again after so many seconds, as often as the scheduler calls, need not be read later than that.
EVERY = 60.0
# All clips of a large project have followed new weights by then.
REWEIGHED_WITHIN = timedelta(minutes=2)


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
    if project is not None and project.quality_reweighed is not None:
        weighing.follow(project)


@shared_task
def reconcile() -> None:
    """Set right what a lost message or a stopped process left behind: pairs, scores, weights and samples."""
    for task_id in agreement.awaiting().values_list("pk", flat=True)[:WINDOW]:
        send("review.jobs.compare", task_id, expires=EVERY)
    for clip_id in quality.waiting(SCORED_AT_ONCE):
        send("review.jobs.score", clip_id, expires=EVERY)
    for project_id in weighing.to_weigh(timezone.now() - REWEIGHED_WITHIN):
        send("review.jobs.weigh_again", project_id, expires=EVERY)
    for task in sampling.undrawn()[:WINDOW]:
        sampling.ask_if_chosen(task=task)
