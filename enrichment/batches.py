"""How a layer's work on a clip is cut into batches, and where they leave what they computed."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable
from itertools import count, takewhile
from pathlib import Path

from django.conf import settings

from annotation import clips
from annotation.media.clip_folder import ClipFolder
from annotation.media.errors import ClipFolderError
from enrichment import registry
from enrichment.checkpoints import Pieces, directory_name
from enrichment.layer import Span
from enrichment.models import Batch, LayerRun

log = logging.getLogger(__name__)


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
    root = _checkpoints() / f"checkpoints_{layer_run.clip_id:08d}"
    return Pieces(
        ClipFolder(root, clips.mirror(), listed=False), directory_name(layer_run.layer, layer_run.fingerprint)
    )


def sweep() -> int:
    """Remove this machine's pieces of layer runs that nobody computes any more; returns how many directories."""
    there = list(_checkpoints().glob("checkpoints_*/*"))
    # Asked afterwards: what begins meanwhile is not among those.
    wanted = {pieces_of(layer_run).directory for layer_run in LayerRun.objects.current().exclude(state="done")}
    stale = [path for path in there if path not in wanted]
    for path in stale:
        shutil.rmtree(path, ignore_errors=True)
    return len(stale)


def _checkpoints() -> Path:
    # On the clips' own disk, so that a finished piece is given its name in the clip folder without being copied.
    return settings.CLIPS_DIR / ".checkpoints"
