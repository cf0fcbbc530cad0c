"""What workers do for review. Each job takes an id and calls one verb; delivered twice it does nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from annotation.models import Project, Task
from enrichment.queue import GONE_AFTER, send
from review import agreement, quality, sampling, weighing
from review.errors import NothingToCompare

# How many forgotten tasks one round of the reconciler takes up.
WINDOW = 64
# After an upgrade every clip there is waits for its first score. So many are made in a few seconds, which is for how
# long what else goes to the same workers stands behind them.
SCORED_AT_ONCE = 250
# What is sent again after so many seconds, as often as the scheduler calls, need not be read later than that.
EVERY = 60.0
# Scores and weights stand in line with batches. Whoever comes to the end of that line is at most a batch's time from
# where all hints before it have expired; read twice or thirty times it does once what is to be done.
READ_WITHIN = GONE_AFTER + settings.CELERY_TASK_TIME_LIMIT
# A project whose scores follow new weights says so more often than this.
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
def score_waiting() -> None:
    """Score clips that nobody may be at."""
    quality.score_waiting(SCORED_AT_ONCE)


@shared_task
def weigh_again(project_id: int, asked: float) -> None:
    """Put the qualities of a project's clips together by the weights of that moment."""
    project = Project.objects.filter(pk=project_id, quality_reweighed=datetime.fromtimestamp(asked, UTC)).first()
    if project is not None:
        weighing.follow(project)


@shared_task
def reconcile() -> None:
    """Set right what a lost message or a stopped process left behind: pairs, scores, weights and samples."""
    for task_id in agreement.awaiting().values_list("pk", flat=True)[:WINDOW]:
        send("review.jobs.compare", task_id, expires=EVERY)
    if quality.waiting(1):
        send("review.jobs.score_waiting", expires=READ_WITHIN)
    for project_id, asked in weighing.to_weigh(timezone.now() - REWEIGHED_WITHIN):
        send("review.jobs.weigh_again", project_id, asked.timestamp(), expires=READ_WITHIN)
    for task in sampling.undrawn()[:WINDOW]:
        sampling.ask_if_chosen(task=task)
