"""Layers as pictures for people."""

from __future__ import annotations

import cv2
import numpy as np

from annotation import clips
from annotation.media.errors import ClipFolderError
from annotation.models import Clip
from enrichment import compute, registry
from enrichment.engines.colour_wheel import colours
from enrichment.errors import RunRefused
from enrichment.layers.flow import FlowReader
from enrichment.models import LayerRun


def flow(clip: Clip, frame: int, *, gap: int = 1, largest: float | None = None) -> bytes:
    """The flow from a frame to the one `gap` frames on as a PNG, at the size at which it is stored.

    Args:
        gap: 1, or one of those that the project asks the layer for.
        largest: length in pixels of the clip that gets full colour; by default the picture's own.

    Raises:
        RunRefused: the flow is not computed, or not over this gap.
        IndexError: the clip has no frame so far on.
    """
    if not 0 <= frame < clip.frame_count - gap:
        raise IndexError(
            f"{clip.name} has no flow over {gap} frames from frame {frame}; it has {clip.frame_count} frames."
        )
    fingerprint = _done(clip, "flow")
    if fingerprint is None:
        raise RunRefused(f"The flow of {clip.name} is not computed yet; ask for the layer flow first.")
    try:
        reader = FlowReader(clips.folder(clip).expecting(fingerprint), compute.facts_of(clip))
        stored = reader.read(frame, gap)
    except (ClipFolderError, ValueError) as error:
        raise RunRefused(f"The flow of {clip.name} cannot be read: {error}") from error
    if largest is not None:
        largest *= stored.shape[1] / clip.width
    _, png = cv2.imencode(".png", cv2.cvtColor(colours(stored, largest), cv2.COLOR_RGB2BGR))
    return png.tobytes()


def overlay(clip: Clip, name: str, frame: int) -> bytes:
    """A layer on one frame as a see-through PNG, clear where the layer has nothing to show.

    Raises:
        UnknownLayer: there is no such layer.
        RunRefused: it is not computed, cannot be laid over the picture, or its files are not what they must be.
        IndexError: the clip has no such frame.
    """
    layer = registry.get(name)
    if not layer.has_overlay:
        raise RunRefused(f"{layer.title} is not a layer that can be laid over the picture.")
    if not 0 <= frame < clip.frame_count:
        raise IndexError(f"{clip.name} has no frame {frame}; its frames are 0 to {clip.frame_count - 1}.")
    fingerprint = _done(clip, name)
    if fingerprint is None:
        raise RunRefused(layer.no_engine or f"{layer.title} of {clip.name} is not computed yet; start a run first.")
    try:
        painted = layer.overlay(clips.folder(clip).expecting(fingerprint), compute.facts_of(clip), frame)
    except (ClipFolderError, ValueError) as error:
        raise RunRefused(f"{layer.title} of {clip.name} cannot be shown: {error}") from error
    if painted is None:
        painted = np.zeros((1, 1, 4), np.uint8)
    _, png = cv2.imencode(".png", cv2.cvtColor(painted, cv2.COLOR_RGBA2BGRA), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return png.tobytes()


def _done(clip: Clip, layer: str) -> str | None:
    """The fingerprint of a layer that is computed; a picture is asked for at every frame, so the ledger says it."""
    done = LayerRun.objects.current().filter(clip=clip, layer=layer, state=LayerRun.State.DONE)
    return done.values_list("fingerprint", flat=True).first()
