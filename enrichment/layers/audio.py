"""How loud each frame is: a knock or a click marks a contact that the picture may hide."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from annotation.media.clip_folder import ClipFolder
from annotation.media.frame_index import FrameIndex
from enrichment.engines import loudness
from enrichment.layer import ClipFacts, Context, Layer, Output, Product, Span
from enrichment.registry import register

VALUES_FILE = "audio/loudness.npy"
MEANING_FILE = "audio/loudness.json"
_IMAGES = "images"


@register
class Audio(Layer):
    """Loudness per frame. A clip without sound has a series of unknowns, and says so."""

    name = "audio"
    title = "Loudness"
    outputs = (
        Output(VALUES_FILE, "float32 (frames,)", "dBFS; NaN where there is no sound"),
        Output(MEANING_FILE, "JSON", "unit, and whether the clip has sound"),
    )
    engine = loudness.NAME
    engine_version = loudness.VERSION

    def compute(self, context: Context, span: Span) -> None:
        """The whole sound in one pass; it is small beside the pictures."""
        clip, found = context.clip, None
        if clip.container != _IMAGES:
            index = FrameIndex.load(context.folder.local("frames.npz"))
            offset = 0.0 if index.synthesised else float(int(index.pts[0]) * index.time_base)
            end = max(clip.duration, clip.seconds[-1])
            source = context.folder.local(f"source/{clip.source_name}")
            found = loudness.loudness(source, clip.seconds, end, offset, context.keep_going)
        context.pieces.write_json("sound.json", found is not None)
        silent = np.full(clip.frame_count, np.nan, dtype=np.float32)
        context.pieces.write_array("loudness.npy", silent if found is None else found)

    def publish(self, context: Context) -> Product:
        """The series, and what it means."""
        meaning = {"unit": "dBFS", "sound": bool(context.pieces.read_json("sound.json"))}
        return Product(
            [
                context.pieces.publish("loudness.npy", context.folder, VALUES_FILE),
                context.folder.write(MEANING_FILE, (json.dumps(meaning, indent=1) + "\n").encode()),
            ]
        )

    def open(self, folder: ClipFolder, clip: ClipFacts) -> NDArray[np.float32]:
        """(frames,) float32 dBFS."""
        values: NDArray[np.float32] = np.load(folder.local(VALUES_FILE), allow_pickle=False)
        return values
