"""What each clip is worth as a whole, kept up with what happens to it [E6].

Nothing is computed twice: layers leave their own measures in the ledger, and a clip is scored from those and its flags
when its layers have settled or a flag has changed. A stale row is the memory of that; a lost message only delays.
"""

from __future__ import annotations

import json
import logging
import random
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from django.db import transaction
from django.db.models import Count, Exists, OuterRef
from django.utils import timezone

from annotation import clips
from annotation.events import announce_change
from annotation.media.errors import ClipFolderError
from annotation.models import Clip, Project
from annotation.models.clip import NOT_SCORED
from enrichment.layers.captions import CaptionReader
from enrichment.layers.metadata import JSON_FILE
from enrichment.models import ClipQuality, LayerRun
from enrichment.queue import send
from review.metrics import quality as metrics
from review.models import Flag

log = logging.getLogger(__name__)

# Checks whose findings say that layers contradict each other.
CONTRADICTIONS: Final = ("flow_vs_segmentation", "depth_vs_segmentation")
_CHECKS: Final = ("check_flow_segmentation", "check_depth_segmentation")


def mark(clip_id: int) -> None:
    """Something has happened to a clip: have it scored soon. Many marks in a row are one scoring."""
    with transaction.atomic():
        row = ClipQuality.objects.select_for_update().filter(pk=clip_id).first()
        # Written even where it says so already: a scoring under way has not seen this, and must not unsay it.
        ClipQuality.objects.filter(pk=clip_id).update(stale=True)
    if row is not None:
        if not row.stale:
            transaction.on_commit(partial(send, "review.jobs.score", clip_id))
        return
    project = Clip.objects.filter(pk=clip_id).values_list("project", flat=True).first()
    if project is not None and ClipQuality.objects.get_or_create(pk=clip_id, defaults={"project_id": project})[1]:
        transaction.on_commit(partial(send, "review.jobs.score", clip_id))


def settled(clip_id: int) -> None:
    """A clip's layers have settled: whoever asked before was told to wait for this."""
    mark(clip_id)
    transaction.on_commit(partial(send, "review.jobs.score", clip_id))


@transaction.atomic
def score(clip_id: int) -> ClipQuality | None:
    """Score a clip; None while its layers are under way, as their end asks again. Safe to run twice.

    All or nothing: what breaks off here leaves the clip marked. Its row is locked first, as by who takes in flags.
    """
    rows = Clip.objects.select_for_update(of=("self",), no_key=True).select_related("project")
    clip = rows.filter(pk=clip_id).first()
    runs = list(LayerRun.objects.current().filter(clip=clip_id))
    if clip is None or not runs or any(run.state in LayerRun.UNSETTLED for run in runs):
        return None
    # Taken back first: what changes while this computes waits for it, and marks the clip again.
    ClipQuality.objects.update_or_create(pk=clip_id, defaults={"project": clip.project, "stale": False})
    parts, details = _parts(clip, {run.layer: run for run in runs})
    # Read with the clip locked: if weights change from here on, `weighing.follow` waits for it and meets them.
    found = metrics.composite(parts, weights_of(clip.project_id))
    ClipQuality.objects.filter(pk=clip_id).update(**parts, score=found, details=details, scored_at=timezone.now())
    Clip.objects.filter(pk=clip_id).update(quality=sortable(found))
    announce_change(project_id=clip.project_id, kind="clip", object_id=clip_id)
    return ClipQuality.objects.get(pk=clip_id)


def score_waiting(most: int) -> int:
    """Score so many clips that nobody may be at; returns how many. One that breaks off does not stop the others."""
    found, count = waiting(most), 0
    random.shuffle(found)  # several processes at the same ones would wait for each other all the way
    for clip_id in found:
        if ClipQuality.objects.filter(pk=clip_id, stale=False).exists():
            continue  # another process was faster
        try:
            count += score(clip_id) is not None
        except Exception:
            log.exception("Clip %s could not be scored; it is tried again.", clip_id)
    return count


def waiting(most: int) -> list[int]:
    """Ids of clips to score that nobody may be at: of a lost message, or from before there were scores."""
    of_clip = LayerRun.objects.current().filter(clip=OuterRef("pk"))
    idle = ~Exists(of_clip.unsettled())
    stale = ClipQuality.objects.filter(idle, stale=True).values_list("pk", flat=True)
    never = Clip.objects.filter(Exists(of_clip.filter(state=LayerRun.State.DONE)), idle)
    never_scored = never.filter(quality__lt=0, scored__isnull=True).values_list("pk", flat=True)
    return [*stale[:most], *never_scored[:most]]


def weights_of(project_id: int) -> dict[str, float]:
    """What the parts weigh in a project just now."""
    return metrics.weights(Project.objects.values_list("quality_weights", flat=True).get(pk=project_id))


def sortable(score: float | None) -> float:
    """A score as clips are sorted by it."""
    return NOT_SCORED if score is None else score


def _parts(clip: Clip, runs: Mapping[str, LayerRun]) -> tuple[dict[str, float | None], dict[str, Any]]:
    """The parts of a clip's quality, and the measures behind them."""
    done = {name: run for name, run in runs.items() if run.state == LayerRun.State.DONE}
    open_flags = Flag.objects.open().filter(clip=clip)
    counts = {row["severity"]: row["n"] for row in open_flags.order_by().values("severity").annotate(n=Count("*"))}
    by_flags, rate = metrics.flags(counts, clip.duration)
    judged = {name for name, run in done.items() if name.startswith("check_") and not run.unjudged}
    checked = [name for name in _CHECKS if name in judged]
    spans = list(open_flags.filter(check_name__in=CONTRADICTIONS).values_list("start", "end"))
    offered = [run for run in runs.values() if run.state != LayerRun.State.NO_ENGINE]
    parts = {
        "frames": done["metadata"].measure if "metadata" in done else None,
        "flags": by_flags if counts or judged else None,
        "pose": done["pose"].measure if "pose" in done else None,
        "agreement": metrics.agreement(spans, clip.frame_count) if checked else None,
        "coverage": len(done) / len(offered) if offered else None,
    }
    details: dict[str, Any] = {
        "frames": _of_frames(clip) if "metadata" in done else {"missing": "The layer metadata is not there."},
        "flags": {"a_minute": round(rate, 3), "by_severity": {str(key): counts[key] for key in sorted(counts)}},
        "pose": {} if parts["pose"] is not None else {"missing": _why(runs.get("pose"), "Nobody was seen.")},
        "agreement": {"checks": checked} if checked else {"missing": _why_unchecked(runs)},
        "coverage": {
            "done": len(done),
            "of": len(offered),
            "without_engine": len(runs) - len(offered),
            "missing": sorted(run.layer for run in offered if run.layer not in done),
        },
        "surroundings": _surroundings(clip, done.get("captions")),
    }
    return parts, details


def _of_frames(clip: Clip) -> dict[str, Any]:
    """The measures of the frames as shares of what is good, 0-1, from the layer's file."""
    try:
        said = json.loads(clips.folder(clip).local(JSON_FILE).read_bytes())["quality"]
    except (ClipFolderError, KeyError, ValueError):
        return {}
    return {
        "sharp": round(1 - said["blurry_fraction"], 4),
        "well_exposed": round(1 - said["badly_exposed_fraction"], 4),
        "complete": round(said["completeness"], 4),
        "blockiness": round(said["median_blockiness"], 3),
        "noise": round(said["median_noise"], 2),
        "frozen": round(said["frozen_fraction"], 4),
        "lighting": said["lighting"],
        "lighting_tone": said["lighting_tone"],
    }


def _surroundings(clip: Clip, run: LayerRun | None) -> dict[str, str]:
    """Where the clip was filmed, and who says so: most of its captions, else whoever handed it in."""
    if run is not None:
        try:
            captions = list(CaptionReader(clips.folder(clip).expecting(run.fingerprint)).captions.values())
        except (ClipFolderError, ValueError):
            captions = []
        seen = Counter(each.environment for each in captions if each.environment not in {"", "unknown"})
        if seen:
            # Of equals the one that comes first in the clip.
            environment, count = seen.most_common(1)[0]
            return {"environment": environment, "by": f"{count} of {len(captions)} captions by {run.engine}"}
    return {"environment": clip.environment, "by": "who handed the clip in"} if clip.environment else {}


def _why_unchecked(runs: Mapping[str, LayerRun]) -> str:
    """Why no check says how far layers agree, by what each of them tells."""
    there = [runs[name] for name in _CHECKS if name in runs]
    said = dict.fromkeys(run.unjudged if run.state == LayerRun.State.DONE else run.error for run in there)
    told = " ".join(why for why in said if why)
    return f"No check of masks against flow or depth {'could judge. ' + told if there else 'ran.'}".rstrip()


def _why(run: LayerRun | None, otherwise: str) -> str:
    if run is None:
        return "The layer was never asked for."
    return run.error or otherwise
