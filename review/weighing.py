"""What the parts of a clip's quality weigh in a project, and all its scores following a change of that [E6]."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from annotation import history
from annotation.events import announce_change
from annotation.models import Clip, Project
from enrichment.models import ClipQuality
from enrichment.queue import send
from review import quality
from review.errors import ReviewRefused
from review.metrics import quality as metrics

CHUNK: Final = 500


@transaction.atomic
def weigh(*, project: Project, weights: Mapping[str, object], by: User) -> Project:
    """Set what the parts weigh in a project; empty: the usual weights. Scores follow, from the parts that are known.

    Raises:
        ReviewRefused: an unknown part, or a weight that is none.
    """
    try:
        metrics.weights(weights)
    except ValueError as error:
        raise ReviewRefused(str(error)) from error
    project.quality_weights, project.quality_reweighed = dict(weights), timezone.now()
    project.save(update_fields=["quality_weights", "quality_reweighed"])
    history.record(project=project, actor=by, verb="weighed", subject=project, weights=dict(weights))
    asked = project.quality_reweighed.timestamp()
    transaction.on_commit(partial(send, "review.jobs.weigh_again", project.pk, asked))
    return project


def follow(project: Project) -> int:
    """Put the parts of all a project's clips together anew, by its weights; returns how many scores changed.

    Who is at it moves `quality_reweighed` on: of several that were asked by one change the first does it, and who was
    stopped on the way is followed by another. A later change moves it, too; its own run sees to all clips then.
    """
    held, changed, last = _hold(project.pk, project.quality_reweighed), 0, 0
    if held is None:
        return 0
    while held is not None and (chunk := _weigh_chunk(project, after=last)) is not None:
        last, count = chunk
        changed += count
        held = _hold(project.pk, held)
    if held is not None:
        Project.objects.filter(pk=project.pk, quality_reweighed=held).update(quality_reweighed=None)
    announce_change(project_id=project.pk, kind="clip", object_id=0)
    return changed


def to_weigh(before: datetime) -> list[tuple[int, datetime]]:
    """Ids of projects whose weights changed before a time and whose scores do not follow, and when that was asked.

    A message was lost, or a process was stopped.
    """
    asked = Project.objects.filter(quality_reweighed__lt=before)
    return [(pk, at) for pk, at in asked.values_list("pk", "quality_reweighed") if at is not None]


def _hold(project_id: int, asked: datetime | None) -> datetime | None:
    """Take or keep what was asked at a moment in hand: the moment that now stands for it; None where it is not ours."""
    if asked is None:
        return None
    now = max(timezone.now(), asked + timedelta(microseconds=1))
    taken = Project.objects.filter(pk=project_id, quality_reweighed=asked).update(quality_reweighed=now)
    return now if taken else None


@transaction.atomic
def _weigh_chunk(project: Project, *, after: int) -> tuple[int, int] | None:
    """Weigh the next few clips: (the last of them, how many scores changed); None after the last."""
    # Clips are locked before their qualities, as by `score`.
    here = Clip.objects.select_for_update(of=("self",), no_key=True).filter(project=project, pk__gt=after)
    ids = list(here.order_by("pk").values_list("pk", flat=True)[:CHUNK])
    if not ids:
        return None
    weights, fresh = quality.weights_of(project.pk), []
    for row in ClipQuality.objects.filter(pk__in=ids, scored_at__isnull=False):
        found = metrics.composite({part: getattr(row, part) for part in row.PARTS}, weights)
        if found != row.score:
            row.score = found
            fresh.append(row)
    ClipQuality.objects.bulk_update(fresh, ["score"])
    Clip.objects.bulk_update([Clip(pk=row.pk, quality=quality.sortable(row.score)) for row in fresh], ["quality"])
    return ids[-1], len(fresh)
