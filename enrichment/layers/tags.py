"""Tags [E12]: what captions speak of, as words to filter by, and which labels of the project are among them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from enrichment.engines import tagging
from enrichment.engines.parameters import labels_of
from enrichment.layer import Context, Layer, Output, Product, Span
from enrichment.layers.captions import CaptionReader
from enrichment.registry import register

FILE = "captions/tags.json"
_FOUND = "found.json"


@dataclass(frozen=True)
class Parameters:
    """labels: keys of the taxonomy. most: tags of a clip."""

    labels: tuple[str, ...] = ()
    most: int = 40

    def __post_init__(self) -> None:
        """Refuse what is no label and no number."""
        object.__setattr__(self, "labels", labels_of(self.labels))
        if not isinstance(self.most, int) or self.most < 1:
            raise ValueError(f"most is {self.most}, but it must be a whole number of 1 or more.")


@register
class Tags(Layer):
    """Words and short phrases by how much they say, labels before all; the captions themselves stay as they are."""

    name = "tags"
    title = "Tags"
    cost = 1
    inputs = ("captions",)
    outputs = (Output(FILE, "JSON", "tags of the clip with the keyframes that speak of them, and by frame"),)
    engine = "rapid-keywords"
    engine_version = tagging.VERSION
    Parameters = Parameters
    from_project = {"labels": "label_keys"}

    def compute(self, context: Context, span: Span) -> None:
        """The tags of each caption."""
        labels = context.parameters.labels
        captions = context.input("captions", CaptionReader).captions
        context.pieces.write_json(_FOUND, {str(frame): tagging.tags(one, labels) for frame, one in captions.items()})

    def publish(self, context: Context) -> Product:
        """The clip's tags, the commonest first, and those of each keyframe."""
        found: dict[str, dict[str, list[str]]] = context.pieces.read_json(_FOUND)
        counted = {
            kind: Counter(word for each in found.values() for word in each[kind]).most_common(context.parameters.most)
            for kind in ("labels", "words")
        }
        told = {
            "labels": [{"tag": word, "keyframes": count} for word, count in counted["labels"]],
            "words": [{"tag": word, "keyframes": count} for word, count in counted["words"]],
            "frames": found,
        }
        return Product([context.folder.write(FILE, (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode())])
