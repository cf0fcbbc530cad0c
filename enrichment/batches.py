"""How a layer's work on a clip is cut into batches, and where they leave what they computed."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Iterable
from itertools import count, takewhile
from pathlib import Path, PurePosixPath
from typing import Final

from django.conf import settings

from annotation import clips
from annotation.media.clip_folder import ClipFolder
from annotation.media.errors import ClipFolderError
from enrichment import registry
from enrichment.checkpoints import Pieces, directory_name
from enrichment.layer import Span
from enrichment.models import Batch, LayerRun, TaskCheck

log = logging.getLogger(__name__)

# Before the number of the clip whose pieces lie there.
_FOLDER: Final = "checkpoints_"
# The name of a directory of a check of submitted work, with the check's number.
_OF_WORK: Final = re.compile(r"work-(\d+)-")
# Clips, or checks, that one query asks for.
_AT_ONCE: Final = 1000


def spans_of(layer_run: LayerRun) -> list[Span]:
    """The batches that a layer run would have now, without the closing one; its inputs are done.

    Raises:
        UnknownLayer: the layer is not registered.
    """
    if layer_run.returns:
        return []  # what was computed before is only brought back, by the closing batch
    layer = registry.get(layer_run.layer)
    try:
        stops = layer.stops(clips.folder(layer_run.clip)) if layer.batch_stops else ()
    except (ClipFolderError, OSError, ValueError) as error:
        # One batch over the whole clip then fails over the same file, with its reason and attempts of its own.
        log.warning("Where %s stops is not known: %s", layer_run, error)
        stops = ()
    return layer.spans(layer_run.clip.frame_count, stops)


def is_cut_as_now(layer_run: LayerRun) -> bool:
    """Whether its batches are those that the layer would have now; a newer version may cut a clip otherwise."""
    cut = layer_run.batches.filter(closing=False).order_by("index").values_list("start", "end")
    return list(cut) == [(span.start, span.end) for span in spans_of(layer_run)]


def still_done(layer_run: LayerRun, spans: Iterable[Span]) -> set[int]:
    """Numbers of the batches that are done and whose pieces are all there; of a sequential layer up to the first gap.

    Args:
        layer_run: whose batches.
        spans: as it is cut now; a batch of other frames does not count.
    """
    done = layer_run.batches.filter(closing=False, state=Batch.State.DONE)
    rows = {index: (start, end) for index, start, end in done.values_list("index", "start", "end")}
    fitting = [span.index for span in spans if rows.get(span.index) == (span.start, span.end)]
    left = pieces_of(layer_run).are_left(fitting) if fitting else set()
    if registry.get(layer_run.layer).sequential:
        return set(takewhile(left.__contains__, count()))
    return left


def pieces_of(layer_run: LayerRun) -> Pieces:
    """Where the batches of a layer run leave what they computed."""
    root = _checkpoints() / _folder_name(layer_run.clip_id)
    return Pieces(
        ClipFolder(root, clips.mirror(), listed=False), directory_name(layer_run.layer, layer_run.fingerprint)
    )


def pieces_of_work(row: TaskCheck, check: str, mark: str) -> Pieces:
    """Where a check of submitted work leaves what the next job goes on with; `mark` stands for what it compares."""
    folder = ClipFolder(_checkpoints() / _folder_name(row.task.clip_id), clips.mirror(), listed=False)
    return Pieces(folder, f"work-{row.pk}-{check}-{mark}")


def sweep() -> int:
    """Remove this machine's pieces of layer runs that nobody computes any more; returns how many directories."""
    there = [(path.parent.name, path.name) for path in _checkpoints().glob(f"{_FOLDER}*/*")]
    stale = _unwanted(there)
    for folder, name in stale:
        shutil.rmtree(_checkpoints() / folder / name, ignore_errors=True)
    return len(stale)


def sweep_mirror() -> int:
    """As `sweep`, for the pieces that lie in the mirror, which all machines share."""
    behind = clips.mirror()
    if behind is None:
        return 0
    parts = (PurePosixPath(key).parts for key, _ in behind.listing(_FOLDER))
    stale = _unwanted({(each[0], each[1]) for each in parts})
    for folder, name in stale:
        behind.remove(f"{folder}/{name}/")
    return len(stale)


def _unwanted(there: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of the directories that lie there which belong to no layer run and to no check that is under way."""
    there = list(there)
    ids = sorted({int(number) for name, _ in there if (number := name.removeprefix(_FOLDER)).isdigit()})
    checks = sorted({int(found[1]) for _, name in there if (found := _OF_WORK.match(name))})
    # Asked after they were listed: what begins meanwhile is not among those.
    unfinished = LayerRun.objects.current().exclude(state="done").values_list("clip_id", "layer", "fingerprint")
    wanted = {
        (_folder_name(clip), directory_name(layer, mark))
        for start in range(0, len(ids), _AT_ONCE)
        for clip, layer, mark in unfinished.filter(clip__in=ids[start : start + _AT_ONCE])
    }
    waiting = TaskCheck.objects.filter(state__in=[TaskCheck.State.QUEUED, TaskCheck.State.RUNNING])
    checked = {
        str(pk)
        for start in range(0, len(checks), _AT_ONCE)
        for pk in waiting.filter(pk__in=checks[start : start + _AT_ONCE]).values_list("pk", flat=True)
    }
    return [
        (folder, name)
        for folder, name in there
        if (folder, name) not in wanted and not ((of := _OF_WORK.match(name)) and of[1] in checked)
    ]


def _folder_name(clip_id: int) -> str:
    return f"{_FOLDER}{clip_id:08d}"


def _checkpoints() -> Path:
    # On the clips' own disk, so that a finished piece is given its name in the clip folder without being copied.
    return settings.CLIPS_DIR / ".checkpoints"
