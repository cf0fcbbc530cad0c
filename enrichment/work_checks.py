"""The cross-layer checks on what people drew, once they have submitted it [V3, V4]."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from numpy.typing import NDArray

from annotation import clips, work
from annotation.models import Task
from annotation.work import Work
from enrichment import compute, failures, leases, ledger, recordings, task_checks, thresholds
from enrichment.checks import actions_vs_motion, depth_vs_segmentation, flow_vs_segmentation
from enrichment.checks.actions_vs_motion import Labelled
from enrichment.checks.observed_motion import Observed, TrackMasks, guided, observe
from enrichment.checks.registry import Finding
from enrichment.errors import BatchLost, CannotJudge
from enrichment.events import findings_ready
from enrichment.findings import tracks_of
from enrichment.layer import ClipFacts
from enrichment.layers.actions import motion_in, rate_of
from enrichment.layers.depth import NO_LENGTH, DepthReader
from enrichment.layers.flow import FlowReader
from enrichment.layers.segmentation import TrackReader
from enrichment.models import LayerRun, Run, TaskCheck

log = logging.getLogger(__name__)

State = TaskCheck.State
_Layers = Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class _Subject:
    """What is checked: the work, its clip, and a call that raises when the lease is lost."""

    task: Task
    work: Work
    facts: ClipFacts
    keep_going: Callable[[], None]


@dataclass(frozen=True)
class _Wanted:
    """A check and how it is run."""

    check: str
    run: Callable[[_Subject, Any], list[Finding]]
    settings: str  # the layer that the check is on proposals; what a project sets for it holds here too


def run(task_id: int) -> bool:
    """Check a task, if that waits to be done.

    Returns:
        Whether it did. What fails is entered, not raised.
    """
    taken = task_checks.claim(task_id)
    if taken is None:
        return False
    row, owner = taken
    try:
        with compute.Heartbeat(str(row), lambda: TaskCheck.renew(row.pk, owner, settings.LEASE_SECONDS)) as heartbeat:
            seen = _layers_of(row.task)
            skipped = _check(row, seen, heartbeat.check)
    except BatchLost:
        log.info("%s went to another worker.", row)
    except Exception as error:
        log.exception("%s failed at attempt %d.", row, row.attempts)
        last = row.attempts >= leases.MOST_ATTEMPTS
        task_checks.leave(row, owner, State.FAILED if last else State.QUEUED, error=failures.sentence(error))
    else:
        _leave(row, owner, seen, skipped)
    return True


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


def _check(row: TaskCheck, there: _Layers, keep_going: Callable[[], None]) -> dict[str, str] | None:
    """Run all checks, or those that could not judge before, and tell what they found.

    Returns:
        Why some could not run; None to look again later.
    """
    task = row.task
    wanted = [each for each in _WANTED if each.check in (row.skipped or NAMES)]
    if task.state not in {Task.State.SUBMITTED, Task.State.ACCEPTED}:
        return dict.fromkeys((each.check for each in wanted), "The task is being worked on again.")
    needed = {layer for each in wanted for layer in task_checks.LAYERS[each.check]}
    if any(there[layer][1] in LayerRun.UNSETTLED for layer in needed & there.keys()):
        return None
    # A clip's layers stand in the ledger only once its arrival has been planned; work can be handed in before that.
    if not needed <= there.keys() and Run.objects.light().filter(project=task.project_id, planned_at=None).exists():
        return None
    subject = _Subject(task, work.load(task), compute.facts_of(task.clip), keep_going)
    skipped = {}
    for each in wanted:
        layers = task_checks.LAYERS[each.check]
        missing = [layer for layer in layers if layer not in there or there[layer][1] != LayerRun.State.DONE]
        if missing:
            skipped[each.check] = f"The clip's {' and '.join(missing)} did not come about."
            continue
        try:
            found = each.run(subject, thresholds.of_layer(task.project_id, each.settings))
        except CannotJudge as error:
            skipped[each.check] = str(error)
        else:
            _tell(task, each.check, found)
    return skipped


@transaction.atomic
def _tell(task: Task, check: str, found: list[Finding]) -> None:
    findings = [finding.to_json() for finding in found]
    news: dict[str, object] = {"clip_id": task.clip_id, "task_id": task.pk, "check": check, "findings": findings}
    transaction.on_commit(lambda: findings_ready.send(sender=None, **news))


def _depth_vs_segmentation(subject: _Subject, limits: Any) -> list[Finding]:
    """People's masks against the clip's depth; raises CannotJudge where that is no length."""
    depth = DepthReader(clips.folder(subject.task.clip))
    if not depth.metric:
        raise CannotJudge(NO_LENGTH)

    def read(frame: int) -> NDArray[np.float32] | None:
        subject.keep_going()
        return depth.read(frame)

    return _named(depth_vs_segmentation.run(depth_vs_segmentation.Inputs(_tracks(subject), read), limits), subject)


def _flow_vs_segmentation(subject: _Subject, limits: Any) -> list[Finding]:
    """People's masks against the clip's flow."""
    with clips.reader(subject.task.clip) as pictures:
        given = flow_vs_segmentation.Inputs(_tracks(subject), _flow(subject), pictures.read)
        return _named(flow_vs_segmentation.run(given, limits), subject)


def _actions_vs_motion(subject: _Subject, limits: Any) -> list[Finding]:
    """People's segments against the motion that the actions layer measured, and against what their masks follow."""
    labelled = [
        Labelled(segment.id, segment.start, segment.end, segment.action, segment.phase)
        for segment in subject.work.segments
    ]
    folder = clips.folder(subject.task.clip)
    motion = motion_in(folder)
    frames = range(motion.first, motion.first + len(motion))
    # Actions come from proposed masks and from flow, so both are there as well.
    seen = Observed(motion, {}, guided(tracks_of(TrackReader(folder)), frames))
    # Without a mask of theirs there is nothing to follow through the flow.
    if labelled and (tracks := _tracks(subject)):
        drawn = observe(_flow(subject), tracks, frames, motion.size)
        # Whoever showed the hand in more frames says where it is: people on key frames, or a model that knows hands.
        seen = drawn if drawn.guided.sum() > seen.guided.sum() else replace(seen, things=drawn.things)
    opening = recordings.opening(folder, subject.facts.seconds)
    if opening is not None:
        opening = opening[frames.start : frames.stop]
    given = actions_vs_motion.Inputs.of(labelled, seen, rate_of(subject.facts), opening)
    return _named(actions_vs_motion.run(given, limits), subject)


def _flow(subject: _Subject) -> Callable[[int], NDArray[np.float32] | None]:
    flow = FlowReader(clips.folder(subject.task.clip), subject.facts)

    def read(frame: int) -> NDArray[np.float32] | None:
        subject.keep_going()
        return flow.read(frame) if frame < len(flow) else None

    return read


def _tracks(subject: _Subject) -> list[TrackMasks]:
    masks = subject.work.masks
    return [
        TrackMasks(
            track_id=track.number,
            label=track.label,
            rigidity=track.rigidity,
            masks={mask.frame: mask.rle for mask in masks if mask.track_id == track.id},
        )
        for track in subject.work.tracks
    ]


def _named(found: list[Finding], subject: _Subject) -> list[Finding]:
    """Evidence names tracks by number and, in `track_ids`, by id."""
    ids = {track.number: track.id for track in subject.work.tracks}
    return [
        replace(each, evidence={**each.evidence, "track_ids": [ids[number] for number in each.evidence["tracks"]]})
        if each.evidence.get("tracks")
        else each
        for each in found
    ]


_WANTED = (
    _Wanted(depth_vs_segmentation.NAME, _depth_vs_segmentation, "check_depth_segmentation"),
    _Wanted(flow_vs_segmentation.NAME, _flow_vs_segmentation, "check_flow_segmentation"),
    _Wanted(actions_vs_motion.NAME, _actions_vs_motion, "check_actions_motion"),
)
# What is run on people's work, by name.
NAMES = tuple(wanted.check for wanted in _WANTED)
