"""The cross-layer checks on what people drew, once they have submitted it [V3, V4]. How they go: work_walks.py.

A job goes on for some minutes and leaves the rest to the next one, so that a clip of any length is checked.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import count, takewhile
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from annotation import work
from annotation.models import Task
from enrichment import batches, compute, failures, leases, ledger, registry, task_checks, thresholds
from enrichment.checkpoints import Pieces
from enrichment.checks import actions_vs_motion, depth_vs_segmentation, flow_vs_segmentation
from enrichment.checks.registry import Finding
from enrichment.errors import BatchLost, CannotJudge, MissingPiece, MoreToDo
from enrichment.events import findings_ready
from enrichment.models import LayerRun, Run, TaskCheck
from enrichment.parameters import as_json
from enrichment.work_walks import ActionsWalk, DepthWalk, FlowWalk, Subject, Walk

log = logging.getLogger(__name__)

State = TaskCheck.State
_Layers = Mapping[str, tuple[str, str]]

# Seconds after which a job ends with the stretch that it is at: others wait for the worker, too.
LONG_ENOUGH: Final = 300.0
_TOLD: Final = "told.json"


@dataclass(frozen=True)
class _Wanted:
    """A check and how it goes through a clip."""

    check: str
    walk: Callable[[Subject, Any], Walk]
    settings: str  # the layer that the check is on proposals; what a project sets for it holds here too


@dataclass
class _Job:
    """What one job does of a check that it holds. pieces: of the checks that it has looked at."""

    row: TaskCheck
    owner: uuid.UUID
    keep_going: Callable[[], None]
    began: float = field(default_factory=time.monotonic)
    worked: bool = False
    pieces: list[Pieces] = field(default_factory=list)

    def begin(self) -> None:
        """Before a stretch; raises MoreToDo when the job has done some and has gone on for long enough."""
        if self.worked and time.monotonic() - self.began > min(LONG_ENOUGH, settings.BATCH_SECONDS / 3):
            raise MoreToDo(f"{self.row} go on in the next job.")

    def done(self) -> None:
        """After a stretch; raises BatchLost when newer work of the task waits to be checked instead."""
        self.worked = True
        task_checks.came_on(self.row, self.owner)
        if task_checks.is_outdated(self.row):
            raise BatchLost(f"{self.row} are not wanted any more, as newer work was submitted.")


def run(task_id: int) -> bool:
    """Check a task, if that waits to be done, or go on with it for some minutes.

    Returns:
        Whether it did. What fails is entered, not raised.
    """
    taken = task_checks.claim(task_id)
    if taken is None:
        return False
    row, owner = taken
    if task_checks.is_outdated(row):
        task_checks.leave(row, owner, State.DONE, done_at=Now(), error="")
        return True
    began = time.monotonic()
    try:
        with compute.Heartbeat(str(row), partial(_renew, row, owner), limit=settings.BATCH_SECONDS) as heartbeat:
            job = _Job(row, owner, heartbeat.check)
            seen = _layers_of(row.task)
            skipped = _check(job, seen)
    except MoreToDo:
        task_checks.go_on(row, owner)
    except BatchLost:
        log.info("%s went to another worker.", row)
    except Exception as error:
        log.exception("%s failed at attempt %d.", row, row.attempts)
        last = row.attempts >= leases.MOST_ATTEMPTS
        reason = failures.of_long_work(str(row), time.monotonic() - began) if failures.is_out_of_time(error) else ""
        task_checks.leave(row, owner, State.FAILED if last else State.QUEUED, error=reason or failures.sentence(error))
    else:
        _leave(row, owner, seen, skipped)
        for pieces in job.pieces if skipped is not None else ():
            pieces.clear()
    return True


def _renew(row: TaskCheck, owner: uuid.UUID) -> bool:
    return TaskCheck.renew(row.pk, owner, settings.LEASE_SECONDS)


@transaction.atomic
def _leave(row: TaskCheck, owner: uuid.UUID, seen: _Layers, skipped: dict[str, str] | None) -> None:
    """Enter what came of it; a layer that came about meanwhile is looked at again, as if it had come about later."""
    ledger.lock_clip(row.task.clip_id)
    if skipped is None or (skipped and _layers_of(row.task) != seen):
        again = row.skipped if skipped is None else skipped
        task_checks.leave(row, owner, State.QUEUED, attempts=F("attempts") - 1, skipped=again)
    else:
        task_checks.leave(row, owner, State.DONE, skipped=skipped, done_at=Now(), error="")


def _layers_of(task: Task) -> _Layers:
    """Fingerprint and state by layer, of those that work is compared with."""
    needed = {layer for layers in task_checks.LAYERS.values() for layer in layers}
    rows = LayerRun.objects.current().filter(clip=task.clip_id, layer__in=needed)
    return {
        layer: (fingerprint, state) for layer, fingerprint, state in rows.values_list("layer", "fingerprint", "state")
    }


def _check(job: _Job, there: _Layers) -> dict[str, str] | None:
    """Run all checks, or those that could not judge before, and tell what they found.

    Returns:
        Why some could not run; None to look again later.

    Raises:
        MoreToDo: the job has gone on for long enough, and what is left is for the next one.
    """
    task = job.row.task
    wanted = [each for each in _WANTED if each.check in (job.row.skipped or NAMES)]
    if task.state not in {Task.State.SUBMITTED, Task.State.ACCEPTED}:
        return dict.fromkeys((each.check for each in wanted), "The task is being worked on again.")
    needed = {layer for each in wanted for layer in task_checks.LAYERS[each.check]}
    if any(there[layer][1] in LayerRun.UNSETTLED for layer in needed & there.keys()):
        return None
    # A clip's layers stand in the ledger only once its arrival has been planned; work can be handed in before that.
    if not needed <= there.keys() and Run.objects.light().filter(project=task.project_id, planned_at=None).exists():
        return None
    subject = Subject(task, work.load(task), compute.facts_of(task.clip), job.keep_going)
    skipped = {}
    for each in wanted:
        layers = task_checks.LAYERS[each.check]
        missing = [layer for layer in layers if layer not in there or there[layer][1] != LayerRun.State.DONE]
        if missing:
            skipped[each.check] = f"The clip's {' and '.join(missing)} did not come about."
            continue
        limits = thresholds.of_layer(task.project_id, each.settings)
        job.pieces.append(batches.pieces_of_work(job.row, each.check, _mark(subject, each, limits, there)))
        try:
            _judge(job, subject, each, limits)
        except CannotJudge as error:
            skipped[each.check] = str(error)
    return skipped


def _judge(job: _Job, subject: Subject, wanted: _Wanted, limits: Any) -> None:
    """Go on with one check from where its pieces say, and tell what it found when it has been through the clip."""
    pieces = job.pieces[-1]
    if pieces.has(_TOLD):
        return
    try:
        with closing(wanted.walk(subject, limits)) as walk:
            left = pieces.are_left(span.index for span in walk.spans)
            for span in walk.spans[len(list(takewhile(left.__contains__, count()))) :]:
                job.begin()
                with pieces.of_batch(span.index):
                    walk.over(span, pieces)
                job.done()
            found = walk.found(pieces)
    except MissingPiece:
        pieces.clear()  # or the next attempt would miss it, too
        raise
    _tell(subject.task, wanted.check, found)
    pieces.write_json(_TOLD, len(found))


def _mark(subject: Subject, wanted: _Wanted, limits: Any, there: _Layers) -> str:
    """What a check compares and how, in a few characters: of anything else nothing is gone on with."""
    drawn = subject.work
    compared = {
        "tracks": [(track.number, track.label, track.rigidity, track.revision_id) for track in drawn.tracks],
        "masks": [mask.revision_id for mask in drawn.masks],
        "segments": [segment.revision_id for segment in drawn.segments],
        "layers": [there[layer][0] for layer in task_checks.LAYERS[wanted.check]],
        "limits": as_json(limits),
        "version": registry.get(wanted.settings).engine_version,
    }
    return hashlib.sha256(json.dumps(compared, sort_keys=True).encode()).hexdigest()[:16]


@transaction.atomic
def _tell(task: Task, check: str, found: list[Finding]) -> None:
    findings = [finding.to_json() for finding in found]
    news: dict[str, object] = {"clip_id": task.clip_id, "task_id": task.pk, "check": check, "findings": findings}
    transaction.on_commit(lambda: findings_ready.send(sender=None, **news))


_WANTED = (
    _Wanted(depth_vs_segmentation.NAME, DepthWalk, "check_depth_segmentation"),
    _Wanted(flow_vs_segmentation.NAME, FlowWalk, "check_flow_segmentation"),
    _Wanted(actions_vs_motion.NAME, ActionsWalk, "check_actions_motion"),
)
# What is run on people's work, by name.
NAMES = tuple(wanted.check for wanted in _WANTED)
