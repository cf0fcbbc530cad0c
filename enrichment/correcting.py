"""Interpolating joints that a person says are wrong: what it would be, asking for it, and taking it back [V2].

A correction is a row. The layer pose_corrected is computed from the engine's pose and the rows that stand, and what
reads the pose is computed after it; taken back, the earlier results are brought back where they are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from annotation import clips, history
from annotation.events import announce_change
from annotation.media.errors import ClipFolderError
from annotation.models import Clip
from enrichment import expectations, graph, ledger, pose_files, registry, runs
from enrichment.engines import gap_filling, pose_corrections
from enrichment.engines.gap_filling import Filled
from enrichment.engines.pose_corrections import Asked, Sightings
from enrichment.errors import CorrectionRefused, EngineInputError
from enrichment.layers import pose_corrected
from enrichment.models import LayerRun, PoseCorrection, Run
from enrichment.parameters import filled

LAYER: Final = "pose_corrected"


@dataclass(frozen=True)
class Wanted:
    """Joints of somebody over frames [start, end) of a clip."""

    clip: Clip
    track: int
    keypoints: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Proposed:
    """What interpolating would give: the fingerprint of the pose that it is of, and the path of each joint."""

    pose: str
    paths: dict[str, Filled]


def propose(wanted: Wanted) -> Proposed:
    """What the interpolated path would be; nothing is written.

    Raises:
        CorrectionRefused: the clip has no pose, or the gap cannot be interpolated; the sentence says why.
    """
    clip = wanted.clip
    row = LayerRun.objects.current().filter(clip=clip.pk, layer="pose", state=LayerRun.State.DONE).first()
    if row is None:
        raise CorrectionRefused(f"The pose of {clip.name} is being computed, or was not; there is nothing to correct.")
    settings = filled(pose_corrected.Parameters, expectations.wanted(clip.project, [LAYER])[LAYER].given, LAYER)
    least, longest = float(settings.least_confidence), float(settings.longest_gap)
    asked = Asked(0, wanted.track, wanted.keypoints, wanted.start, wanted.end)
    others = [pose_corrected.asked(each) for each in PoseCorrection.objects.of(clip.pk, row.fingerprint)]
    folder = clips.folder(clip)
    try:
        seconds = np.array([float(second) for second in clips.index(clip).seconds])
        with pose_files.stored(folder.local(pose_files.FILE)) as told:
            names = told.names
            seen = Sightings.among(told.annotations(), names, [asked, *others], len(seconds), least)
    except (ClipFolderError, ValueError) as error:
        raise CorrectionRefused(f"The pose of {clip.name} cannot be read: {error}") from error
    try:
        found = dict(pose_corrections.paths(seen, asked, others, seconds, longest=longest))
        # What stood before must not lose the sightings that it is drawn from.
        for other in others:
            rest = [asked, *(each for each in others if each is not other)]
            dict(pose_corrections.paths(seen, other, rest, seconds, longest=longest))
    except EngineInputError as error:
        raise CorrectionRefused(str(error)) from error
    return Proposed(row.fingerprint, found)


@transaction.atomic
def correct(*, wanted: Wanted, by: User, because: str = "", tell: bool = True) -> PoseCorrection:
    """Have joints interpolated, and all layers that read the pose computed from the result.

    Args:
        because: what was wrong.
        tell: let workers know at once.

    Raises:
        CorrectionRefused: see `propose`.
    """
    ledger.lock_clip(wanted.clip.pk)
    proposed = propose(wanted)
    if _would_be_new(wanted.clip, proposed.pose):
        raise CorrectionRefused(
            f"The pose of {wanted.clip.name} is out of date: another engine or other settings are chosen for it or its "
            f"inputs. Enrich the clip first; what is still wrong then is flagged again."
        )
    made = PoseCorrection.objects.create(
        clip=wanted.clip,
        pose=proposed.pose,
        track=wanted.track,
        keypoints=list(wanted.keypoints),
        start=wanted.start,
        end=wanted.end,
        method=gap_filling.NAME,
        because=because[:500],
        by=by,
    )
    _tell(made, "interpolated", by)
    _compute(wanted.clip, by=by, tell=tell)
    return made


@transaction.atomic
def undo(*, correction: PoseCorrection, by: User, tell: bool = True) -> Run | None:
    """Take a correction back; done twice, the second time does nothing. Other corrections only gain sightings by it."""
    free = PoseCorrection.objects.standing().filter(pk=correction.pk)
    if not free.update(undone_by=by, undone_at=timezone.now()):
        return None
    _tell(correction, "took back", by)
    return _compute(correction.clip, by=by, tell=tell)


def drawn(paths: dict[str, Filled]) -> list[dict[str, Any]]:
    """Paths as JSON for drawing: by joint frames, points in pixels, and the frames they are drawn from."""
    return [
        {
            "keypoint": keypoint,
            "frames": path.frames.tolist(),
            "points": np.round(path.points, 1).tolist(),
            "from_frames": list(path.anchors),
            "from_points": np.round(path.at_anchors, 1).tolist(),
            "confidence": round(path.confidence, 3),
        }
        for keypoint, path in paths.items()
    ]


def _would_be_new(clip: Clip, fingerprint: str) -> bool:
    """Whether asking for the pose now would compute another one, which a correction of this one is not of."""
    names = graph.order(["pose"], registry.every())
    current = LayerRun.objects.current().filter(clip=clip.pk)
    done = dict(current.filter(state=LayerRun.State.DONE).values_list("layer", "fingerprint"))
    pinned = dict(current.filter(pinned=True).values_list("layer", "fingerprint"))
    now = expectations.expected(clip, names, expectations.wanted(clip.project, names), done, pinned)
    return now["pose"].fingerprint != fingerprint


def _compute(clip: Clip, *, by: User, tell: bool) -> Run:
    there = set(LayerRun.objects.current().filter(clip=clip).values_list("layer", flat=True))
    after: Sequence[str] = sorted(graph.dependants(LAYER, registry.every()) & there)
    return runs.request(project=clip.project, by=by, clips=[clip], layers=[LAYER, *after], tell=tell, strict=False)


def _tell(made: PoseCorrection, verb: str, by: User) -> None:
    said = {"clip": made.clip_id, "track": made.track, "keypoints": made.keypoints, "frames": [made.start, made.end]}
    history.record(project=made.clip.project, actor=by, verb=verb, subject=made, method=made.method, **said)
    announce_change(project_id=made.clip.project_id, kind="clip", object_id=made.clip_id)
