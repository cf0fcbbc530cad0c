"""Comparisons of keyframes that workers make: asked for, taken, taken up again. The comparing is in similarity.py.

A row per project is the memory of it; a message that is lost, or a worker that dies, only delays it. The result lies in
LOUPE_HOME, where the pages read it, so only workers that share it take the job.
"""

from __future__ import annotations

import logging
import time
from functools import partial

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from annotation.models import Project
from enrichment import compute, failures, leases, queue, similarity
from enrichment.errors import EngineInputError, RunRefused
from enrichment.models import Survey

log = logging.getLogger(__name__)

State = Survey.State


@transaction.atomic
def ask(*, project: Project, by: User | None) -> Survey:
    """Have a worker compare all keyframes of a project. While that is under way, asking again asks for nothing more.

    Raises:
        RunRefused: no clip has embeddings.
    """
    if not similarity.embedded(project).exists():
        raise RunRefused(f"No clip of {project.name} has embeddings yet; enrich the clips first.")
    row, _ = Survey.objects.select_for_update().get_or_create(project=project, defaults={"asked_at": Now()})
    if not row.is_open:
        Survey.objects.filter(pk=row.pk).update(
            state=State.QUEUED, by=by, asked_at=Now(), attempts=0, owner=None, sent_at=Now(), done_at=None, error=""
        )
        transaction.on_commit(partial(queue.send, "enrichment.jobs.survey", project.pk))
    row.refresh_from_db()
    return row


def run(project_id: int) -> bool:
    """Compare a project's keyframes, if that waits to be done.

    Returns:
        Whether it did. What fails is entered, not raised.
    """
    owner = leases.take(Survey.objects.filter(project=project_id), Survey.is_due())
    if owner is None:
        return False
    row = Survey.objects.select_related("project", "by").get(project=project_id)
    began = time.monotonic()
    try:
        with compute.Heartbeat(str(row), lambda: Survey.renew(row.pk, owner, settings.LEASE_SECONDS)):
            similarity.survey(project=row.project, by=row.by)
    except (RunRefused, EngineInputError) as error:
        leases.leave(Survey, row.pk, owner, state=State.FAILED, error=str(error))
    except SoftTimeLimitExceeded:
        # Nothing of it is kept, so another attempt would take as long.
        log.warning("The %s took too long.", row)
        reason = failures.of_long_work("comparisons of keyframes", time.monotonic() - began)
        leases.leave(Survey, row.pk, owner, state=State.FAILED, error=reason)
    except Exception as error:
        log.exception("The %s failed at attempt %d.", row, row.attempts)
        last = row.attempts >= leases.MOST_ATTEMPTS
        state = State.FAILED if last else State.QUEUED
        leases.leave(Survey, row.pk, owner, state=state, error=failures.sentence(error), sent_at=None)
    else:
        leases.leave(Survey, row.pk, owner, state=State.DONE, error="", done_at=Now())
    return True


def expire() -> None:
    """Take comparisons from workers that fell silent."""
    leases.expire(Survey)
