"""Masks carried from a keyframe: asked for, cancelled, put aside, taken over. The carrying is in propagating.py.

What came is kept apart from people's work until somebody takes it over, so cancelling leaves nothing behind, and a
frame that a person drew meanwhile is still theirs.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from functools import partial

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from annotation import carried_masks
from annotation.carried_masks import Laid
from annotation.events import announce_change
from annotation.models import MaskRevision, Task, Track
from annotation.models.revision import Revision
from annotation.revisions import Origin, lock
from enrichment import queue, weights
from enrichment.errors import RunRefused, UnknownCarrier
from enrichment.models import PropagatedMask, Propagation, from_now
from enrichment.propagation import registry
from enrichment.propagation.carrier import Carrier

State = Propagation.State
# Masks that were taken over or put aside go after an hour, those that nobody came back for after a week.
KEEP_CLOSED = 3600.0
KEEP_OPEN = 7 * 24 * 3600.0


@transaction.atomic
def ask(*, task: Task, by: User, track_id: uuid.UUID, frame: int, to: int, engine: str = "") -> Propagation:
    """Carry a keyframe's mask to the frames up to `to`, and let workers know.

    The range ends before the track's next keyframe and at the task's own ends. Earlier requests for the same frames of
    the track are cancelled and put aside.

    Args:
        to: the last frame wanted; before `frame` for backwards.
        engine: a carrier's name, for one with weights with their folder's; by default the project's.

    Raises:
        RunRefused: no such track or keyframe, no frame to carry to, an engine that needs a second keyframe, or one that
            does not work here.
        LeaseLost: the task is not in this person's hands.
    """
    task = lock(task, by=by)
    chosen = engine or task.project.propagation_engine or registry.DEFAULT
    carrier = registry.get(chosen)
    weights.folder(carrier, chosen, settings.WEIGHTS_DIR, UnknownCarrier)
    track = Track.objects.filter(pk=track_id, task=task, head__deleted=False).first()
    if track is None:
        raise RunRefused(f"Task {task.pk} has no track {track_id}; save the track first.")
    human = carried_masks.human_frames(track)
    source = human.get(frame)
    if source is None or not source.counts:
        raise RunRefused(
            f"Track {track.number} has no keyframe with a mask on frame {frame}; draw one, or make the mask a keyframe."
        )
    last, far = _cut(task, carrier, human, frame, to)
    _supersede(track, min(frame, last), max(frame, last))
    made = Propagation.objects.create(
        task=task,
        track=track,
        by=by,
        source=source,
        far=far,
        frame=frame,
        last=last,
        engine=chosen,
        engine_version=carrier.version,
        device=carrier.device,
        state=State.QUEUED,
        sent_at=timezone.now(),
    )
    transaction.on_commit(partial(queue.send_propagation, made.pk, carrier.device, chosen))
    tell(made)
    return made


@transaction.atomic
def cancel(propagation: Propagation) -> Propagation:
    """Stop it; what came stays until it is taken over or put aside. The worker notices at its next frame."""
    ended: dict[str, object] = {"state": State.DONE, "cancelled": True, "owner": None, "leased_until": None}
    if Propagation.objects.unfinished().filter(pk=propagation.pk).update(**ended, done_at=Now()):
        tell(propagation)
    propagation.refresh_from_db()
    return propagation


@transaction.atomic
def put_aside(propagation: Propagation) -> None:
    """Drop what came, and stop it if it is still under way."""
    cancel(propagation)
    if Propagation.objects.open().filter(pk=propagation.pk).update(closed_at=Now()):
        PropagatedMask.objects.filter(propagation=propagation).delete()
        tell(propagation)


@transaction.atomic
def take_over(*, propagation: Propagation, by: User, frames: Collection[int] | None = None) -> Laid:
    """Lay what came as masks of the track, on frames that are still nobody's; see `carried_masks.lay_carried`.

    Args:
        frames: only these; all that came by default. While it runs, only what will not change any more.

    Raises:
        RunRefused: it was taken over or put aside before, or a frame never came.
        LeaseLost: the task is not in this person's hands.
    """
    # In the order in which every write to a task takes its locks.
    lock(propagation.task, by=by)
    held = Propagation.objects.select_for_update(of=("self",)).select_related("source").get(pk=propagation.pk)
    if held.closed_at is not None:
        raise RunRefused(f"Propagation {held.pk} was taken over or put aside before; carry the mask again.")
    ended = held.state not in {State.QUEUED, State.RUNNING}
    rows = held.masks.all() if ended else held.masks.filter(final=True)
    counts = dict(rows.values_list("frame", "counts"))
    if frames is not None:
        missing = sorted(set(frames) - set(counts))
        if missing:
            raise RunRefused(f"Nothing came for frame {missing[0]}; frames that came are listed with the propagation.")
        counts = {frame: counts[frame] for frame in frames}
    method = Revision.Method(registry.get(held.engine).method)
    # "sam2:tiny" on "0123456789ab" is "sam2 tiny 0123456789ab" on a mask, as prompts have it.
    named = " ".join([*held.engine.split(":"), held.engine_version]).strip()
    origin = Origin(method=method, engine=named)
    laid = carried_masks.lay_carried(
        task=propagation.task, track=held.track, counts=counts, by=by, origin=origin, source=held.source
    )
    if ended and Propagation.objects.open().filter(pk=held.pk).update(closed_at=Now()):
        tell(held)
    return laid


def tell(propagation: Propagation) -> None:
    """Let open pages know that something came, or that it ended."""
    announce_change(project_id=propagation.task.project_id, kind="propagation", object_id=propagation.pk)


def reason(propagation: Propagation) -> str:
    """Why it waits without a worker, failed, or ended before its last frame, as a sentence; empty otherwise."""
    if propagation.state == State.FAILED:
        return propagation.error
    if propagation.state == State.QUEUED:
        return queue.why_waiting(propagation.device, propagation.engine)
    return propagation.reason


def sweep() -> int:
    """Forget masks that nobody will ask for again; returns how many."""
    old = Q(propagation__closed_at__lt=from_now(-KEEP_CLOSED)) | Q(propagation__created_at__lt=from_now(-KEEP_OPEN))
    Propagation.objects.open().filter(created_at__lt=from_now(-KEEP_OPEN)).update(
        closed_at=Now(), cancelled=True, state=State.DONE, owner=None
    )
    return PropagatedMask.objects.filter(old).delete()[0]


def _cut(
    task: Task, carrier: type[Carrier], human: dict[int, MaskRevision], frame: int, to: int
) -> tuple[int, MaskRevision | None]:
    """The last frame that may be written, and the next keyframe with a mask beyond it."""
    if to == frame:
        raise RunRefused(f"Frame {frame} is where the mask is; name another frame to carry it to.")
    ahead = sorted((each for each in human if (each > frame) == (to > frame) and each != frame), reverse=to < frame)
    next_human = ahead[0] if ahead else None
    if to > frame:
        last = min(to, task.end - 1, next_human - 1 if next_human is not None else to)
    else:
        last = max(to, task.start, next_human + 1 if next_human is not None else to)
    if last == frame:
        where = f"Frame {next_human} is a keyframe too" if next_human is not None else "The task ends here"
        raise RunRefused(f"{where}: there is no frame to carry the mask of frame {frame} to.")
    far = human[next_human] if next_human is not None and human[next_human].counts else None
    if carrier.needs_far and far is None:
        direction = "after" if to > frame else "before"
        raise RunRefused(f"Shapes are made between two keyframes; draw the track on a frame {direction} {frame} too.")
    return last, far


def _supersede(track: Track, first: int, last: int) -> None:
    """Put earlier requests aside whose frames overlap: two streams of masks on one frame confuse."""
    for other in Propagation.objects.open().filter(track=track).select_related("task"):
        low, high = sorted((other.frame, other.last))
        if max(low, first) < min(high, last):
            put_aside(other)
