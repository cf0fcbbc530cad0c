"""What a worker has open of the layers that it reads from, from one batch of a layer on a clip to the next.

The masks of an hour of film are more than a gigabyte of JSON: gone through anew for each batch they took longer, in
all, than what was done with them.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from annotation.media.clip_folder import ClipFolder
from enrichment import registry
from enrichment.layer import ClipFacts, Layer
from enrichment.models import LayerRun


class _Hand(threading.local):
    """One for each thread, as a reader belongs to one."""

    key: tuple[int, str] | None = None
    readers: Mapping[str, object] | None = None


_hand = _Hand()


def of(layer: Layer, layer_run: LayerRun, folder: ClipFolder, clip: ClipFacts) -> Mapping[str, object]:
    """The readers of a layer's inputs by name; those of another layer run are put down.

    What a layer run reads does not change under it: computed anew, its inputs are inputs of another run.

    Raises:
        ClipFolderError: an input's files are not there.
        ValueError: they are not what the input promises.
    """
    key = (layer_run.pk, layer_run.fingerprint)
    if _hand.readers is None or _hand.key != key:
        put_down()
        _hand.readers, _hand.key = {name: registry.get(name).open(folder, clip) for name in layer.inputs}, key
    return _hand.readers


def put_down() -> None:
    """Let go of what is open."""
    _hand.readers = _hand.key = None
