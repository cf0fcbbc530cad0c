"""Descriptions of action segments [E5]: three sentences that say what to do, by templates or by a model that looks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np

from annotation.media.clip_folder import ClipFolder
from annotation.media.mask_tracks import MaskTracks
from enrichment.engines import sentence_templates
from enrichment.engines.describing import Description, Stretch
from enrichment.layer import Context, Layer, Output, Product, Span, Wording
from enrichment.layers.actions import ActionsReader, segments_in
from enrichment.registry import register

FILE: Final = "actions/descriptions.json"


@runtime_checkable
class DescriptionEngine(Protocol):
    """What descriptions need of an engine. Its parameters have `frames`, pictures of each segment, 0 for none."""

    def describe_segments(self, stretches: Sequence[Stretch], parameters: Any, /) -> Sequence[Description]:
        """For each segment three sentences, or why there are none."""


@register
class Descriptions(Layer):
    """Of what the actions layer proposes. One segment is one piece, so that a paid answer is asked for once."""

    name = "descriptions"
    title = "Descriptions of segments"
    cost = 9
    inputs = ("actions", "segmentation")
    outputs = (Output(FILE, "JSON", "English sentences by segment, frames [start, end)"),)
    engine = sentence_templates.NAME
    engine_version = sentence_templates.VERSION
    needs = DescriptionEngine
    batch_stops = 24  # two segments may begin at one place: an action, and its first phase
    from_project = {"templates": "sentence_templates"}

    def compute(self, context: Context, span: Span) -> None:
        """Every segment that begins in the batch and has no description from an earlier attempt."""
        engine = context.engine
        segments = context.input("actions", ActionsReader).segments
        begun = [segment for segment in segments if span.start <= segment["start"] < span.end]
        left = [segment for segment in begun if not context.pieces.has(_piece(segment["id"]))]

        def write(model: DescriptionEngine, few: list[tuple[int, Stretch]]) -> Sequence[Description]:
            return model.describe_segments([stretch for _, stretch in few], engine.parameters)

        for (number, _), description in engine.over(_stretches(context, left), write):
            context.pieces.write_json(_piece(number), asdict(description))
            context.keep_going()

    def publish(self, context: Context) -> Product:
        """All descriptions, by segment."""
        told = []
        for segment in context.input("actions", ActionsReader).segments:
            one = context.pieces.read_json(_piece(segment["id"]))
            shown = {key: segment[key] for key in ("id", "start", "end", "action", "phase")}
            told.append({**shown, "sentences": list(one["sentences"]), "refused": one["refused"]})
        engine = context.engine
        content = {
            "engine": engine.name,
            "engine_version": engine.version,
            "model": getattr(engine.parameters, "model", ""),
            "prompt": getattr(engine.parameters, "prompt", ""),
            "language": "en",
            "segments": told,
        }
        return Product(
            [context.folder.write(FILE, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())]
        )

    def stops(self, folder: ClipFolder) -> list[int]:
        """Where segments begin."""
        return [int(segment["start"]) for segment in segments_in(folder)]

    def wordings(self, folder: ClipFolder) -> list[Wording]:
        """The sentences of every segment that has any, with the engine, its model and prompt by name."""
        content = json.loads(folder.local(FILE).read_bytes())
        names = (content["engine"], content["model"], content["prompt"].partition("@")[0])
        by = ", ".join(name for name in names if name)
        return [
            Wording(one["id"], one["start"], one["end"], one["sentences"], by)
            for one in content["segments"]
            if one["sentences"]
        ]


def spread(start: int, end: int, count: int) -> list[int]:
    """At most `count` different frames of [start, end), evenly from its first to its last."""
    return sorted({round(frame) for frame in np.linspace(start, end - 1, count).tolist()})


def _stretches(context: Context, segments: Sequence[dict[str, Any]]) -> Iterator[tuple[int, Stretch]]:
    """Number and segment, its pictures read only when it is its turn."""
    labels = context.input("segmentation", MaskTracks).labels
    seconds, count = context.clip.seconds, int(context.engine.parameters.frames)
    for segment in segments:
        chosen = spread(segment["start"], segment["end"], count)
        label = labels.get(segment["target"], "")
        yield (
            segment["id"],
            Stretch(
                pictures=[picture for _, picture in context.frames.pick(chosen)] if chosen else [],
                offsets=[seconds[frame] - segment["start_seconds"] for frame in chosen],
                duration=segment["end_seconds"] - segment["start_seconds"],
                action=segment["action"],
                phase=segment["phase"],
                target="" if label == "target_object" else label.replace("_", " "),
                proposed=segment["descriptions"],
            ),
        )


def _piece(number: int) -> str:
    return f"{number:06d}.json"
