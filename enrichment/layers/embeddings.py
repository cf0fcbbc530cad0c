"""A vector per keyframe that says how it looks [E8]."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from enrichment.engines import appearance
from enrichment.layer import Context, Layer, Output, Product, Span
from enrichment.registry import register

VECTORS_FILE = "embeddings/vectors.npy"
FRAMES_FILE = "embeddings/frames.json"


@register
class Embeddings(Layer):
    """Colour, shape and texture; finds near-duplicates and knows nothing of meaning."""

    name = "embeddings"
    title = "Embeddings"
    cost = 2
    inputs = ("keyframes",)
    outputs = (
        Output(VECTORS_FILE, f"float32 (keyframes, {appearance.DIMENSIONS})", "none; each row has length 1"),
        Output(FRAMES_FILE, "JSON", "frame numbers, one per row"),
    )
    engine = appearance.NAME
    engine_version = appearance.VERSION

    def compute(self, context: Context, span: Span) -> None:
        """All keyframes at once; there are few."""
        vectors: list[NDArray[np.float32]] = []
        for frame in context.input("keyframes", list):
            vectors.append(appearance.describe(context.frames.read(frame)))
            context.keep_going()
        context.pieces.write_array("vectors.npy", np.stack(vectors))

    def publish(self, context: Context) -> Product:
        """The vectors, and which frame each row is of."""
        frames = context.input("keyframes", list)
        meaning = {
            "frames": frames,
            "seconds": [context.clip.seconds[frame] for frame in frames],
            "dimensions": appearance.DIMENSIONS,
            "metric": "cosine",
            "finds": "near-duplicates, not meaning",
        }
        return Product(
            [
                context.pieces.publish("vectors.npy", context.folder, VECTORS_FILE),
                context.folder.write(FRAMES_FILE, (json.dumps(meaning, indent=1) + "\n").encode()),
            ]
        )
