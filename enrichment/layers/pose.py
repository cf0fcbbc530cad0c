"""Pose [E2]: keypoints of bodies, and of hands and faces where the weights know them, with who is who."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from annotation.media.clip_folder import ClipFolder
from enrichment import pose_files
from enrichment.box_files import BoxReader
from enrichment.engines import keypoints, painting
from enrichment.engines.boxes import Detection
from enrichment.engines.keypoints import Person, Points
from enrichment.layer import ClipFacts, Context, Layer, Output, Product, Span
from enrichment.pose_files import FILE, PoseReader
from enrichment.registry import register

Box = tuple[float, float, float, float]
Picture = NDArray[np.uint8]


@runtime_checkable
class PoseEngine(Protocol):
    """What pose needs of an engine. keypoints: how many it gives of each person."""

    keypoints: int

    def estimate(self, pictures: Sequence[tuple[Picture, Sequence[Box]]], parameters: Any, /) -> Sequence[Points]:
        """For each picture and its people's boxes (people, keypoints, 3) float32: x, y in pixels, confidence 0-1."""


@register
class Pose(Layer):
    """By the engine that the project has chosen, for the people that the layer people found."""

    name = "pose"
    title = "Pose"
    cost = 6
    inputs = ("people",)
    outputs = (Output(FILE, "COCO keypoints", "x, y in pixels, confidence 0-1; image ids are frames"),)
    needs = PoseEngine
    no_engine = (
        "No engine: keypoints of hands and bodies need a trained model, and none is chosen; what classical detectors "
        "find is not credible. A manager chooses one in the project's settings, under Engines."
    )
    batch_frames = 32
    device = "gpu"
    has_overlay = True

    def compute(self, context: Context, span: Span) -> None:
        """Everybody on every frame of the batch."""
        engine = context.engine
        boxes = context.input("people", BoxReader)
        counts: set[int] = set()

        def estimate(model: PoseEngine, few: list[tuple[int, Picture, list[Detection]]]) -> Sequence[Points]:
            counts.add(model.keypoints)
            asked = [(picture, [one.bbox for one in people]) for _, picture, people in few]
            return model.estimate(asked, engine.parameters)

        seen = (
            (frame, picture, boxes.found(frame) or [])
            for frame, picture in context.frames.iterate(span.start, span.end)
            if boxes.found(frame)
        )
        found = {}
        for (frame, _, people), points in engine.over(seen, estimate):
            found[str(frame)] = [
                {"bbox": list(one.bbox), "score": one.confidence, "points": _known(own).tolist()}
                for one, own in zip(people, points, strict=True)
            ]
            context.keep_going()
        context.pieces.write_json(_batch_of(span.index), {"keypoints": max(counts, default=0), "people": found})

    def publish(self, context: Context) -> Product:
        """COCO keypoints of the whole clip, with the number that somebody keeps from frame to frame."""
        clip, engine = context.clip, context.engine
        asked = (batch["keypoints"] for _, batch in self._batches(context))
        # Where nobody is on any frame the engine was never asked; COCO's set is then what the empty file is of.
        count = next((number for number in asked if number), len(keypoints.BODY))
        sure = [0.0, 0]

        def frames() -> Iterator[list[Person]]:
            for span, batch in self._batches(context):
                for frame in range(span.start, span.end):
                    people = [_person(one) for one in batch["people"].get(str(frame), ())]
                    sure[0] += sum(float(one.points[:, 2].mean()) for one in people)
                    sure[1] += len(people)
                    yield people

        with context.folder.writing(FILE) as file:
            pose_files.write(
                file,
                keypoints.coco_images(clip.frame_count, (clip.height, clip.width)),
                keypoints.coco_category(count),
                keypoints.coco_annotations(keypoints.followed(frames(), clip.seconds)),
                {"engine": engine.name, "engine_version": engine.version},
            )
        return Product([file.artifact], measure=sure[0] / sure[1] if sure[1] else None)

    def _batches(self, context: Context) -> Iterator[tuple[Span, dict[str, Any]]]:
        """What batches left, one after the other."""
        for span in self.spans(context.clip.frame_count):
            context.keep_going()
            yield span, context.pieces.read_json(_batch_of(span.index))

    def open(self, folder: ClipFolder, clip: ClipFacts) -> PoseReader:
        """Keypoints by frame."""
        return PoseReader(folder.local(FILE))

    def overlay(self, folder: ClipFolder, clip: ClipFacts, frame: int) -> NDArray[np.uint8] | None:
        """Joints and bones of everybody on the frame."""
        return drawn(pose_files.cached(folder.local(FILE)), clip, frame)


def drawn(pose: PoseReader, clip: ClipFacts, frame: int) -> NDArray[np.uint8]:
    """Joints and bones of everybody on a frame, (height, width, 4) uint8."""
    people = [points.astype(np.float64) for _, points in pose.people(frame)]
    return painting.keypoints((clip.height, clip.width), people, pose.bones)


def _known(points: Points) -> NDArray[np.float64]:
    """(k, 3) float64; a joint of which the model says no number is one that it has not seen."""
    return np.where(np.isfinite(points).all(axis=1, keepdims=True), points, 0).astype(np.float64)


def _person(one: dict[str, Any]) -> Person:
    x, y, width, height = one["bbox"]
    return Person((x, y, width, height), float(one["score"]), np.array(one["points"], dtype=np.float32))


def _batch_of(index: int) -> str:
    return f"batch_{index:05d}.json"
