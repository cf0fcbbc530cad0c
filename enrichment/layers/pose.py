"""Pose [E2]: keypoints of bodies, and of hands and faces where the weights know them, with who is who."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from annotation.media.clip_folder import ClipFolder
from enrichment.box_files import BoxReader
from enrichment.engines import keypoints, painting
from enrichment.engines.boxes import Detection
from enrichment.engines.keypoints import Person, Points
from enrichment.layer import ClipFacts, Context, Layer, Output, Product, Span
from enrichment.registry import register

FILE = "pose/keypoints.json"
Box = tuple[float, float, float, float]
Picture = NDArray[np.uint8]


@runtime_checkable
class PoseEngine(Protocol):
    """What pose needs of an engine. keypoints: how many it gives of each person."""

    keypoints: int

    def estimate(self, pictures: Sequence[tuple[Picture, Sequence[Box]]], parameters: Any, /) -> Sequence[Points]:
        """For each picture and its people's boxes (people, keypoints, 3) float32: x, y in pixels, confidence 0-1."""


class PoseReader:
    """The keypoints of a finished layer; raises ValueError when the file holds none."""

    def __init__(self, folder: ClipFolder, path: str = FILE) -> None:
        content = json.loads(folder.local(path).read_bytes())
        try:
            self.names: list[str] = list(content["categories"][0].get("keypoints", ()))
            self.bones = [(int(a) - 1, int(b) - 1) for a, b in content["categories"][0].get("skeleton", ())]
            self._people: dict[int, list[tuple[int, Points]]] = {}
            for one in content["annotations"]:
                points = np.array(one["keypoints"], dtype=np.float32).reshape(-1, 3)
                self._people.setdefault(int(one["image_id"]), []).append((int(one.get("track_id", 0)), points))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ValueError(f"{path} does not hold COCO keypoints ({error}).") from error

    @property
    def tracks(self) -> list[int]:
        """The numbers of everybody there is."""
        return sorted({track for _, track in self.rows})

    @property
    def rows(self) -> list[tuple[int, int]]:
        """(frame, track) of everybody on every frame, frame by frame, as the file lists them."""
        return [(frame, track) for frame in sorted(self._people) for track, _ in self._people[frame]]

    def people(self, frame: int) -> list[tuple[int, Points]]:
        """(track, (keypoints, 3) float32 x, y in pixels and confidence 0-1) of everybody on a frame."""
        return self._people.get(frame, [])

    @cached_property
    def by_track(self) -> dict[int, tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Of everybody the frames that they are on, (n,) rising, and their keypoints there, (n, keypoints, 3)."""
        found: dict[int, tuple[list[int], list[Points]]] = {}
        for frame in sorted(self._people):
            for track, points in self._people[frame]:
                frames, seen = found.setdefault(track, ([], []))
                frames.append(frame)
                seen.append(points)
        return {track: (np.array(frames, np.int64), np.stack(seen)) for track, (frames, seen) in found.items()}


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
                {"bbox": list(one.bbox), "score": one.confidence, "points": np.asarray(own, np.float64).tolist()}
                for one, own in zip(people, points, strict=True)
            ]
            context.keep_going()
        context.pieces.write_json(_batch_of(span.index), {"keypoints": max(counts, default=0), "people": found})

    def publish(self, context: Context) -> Product:
        """COCO keypoints of the whole clip, with the number that somebody keeps from frame to frame."""
        clip = context.clip
        batches = [context.pieces.read_json(_batch_of(span.index)) for span in self.spans(clip.frame_count)]
        # Where nobody is on any frame the engine was never asked; COCO's set is then what the empty file is of.
        count = max((batch["keypoints"] for batch in batches), default=0) or len(keypoints.BODY)
        frames: list[list[Person]] = [[] for _ in range(clip.frame_count)]
        for batch in batches:
            for frame, people in batch["people"].items():
                frames[int(frame)] = [_person(one) for one in people]
        numbered = keypoints.tracks(frames, clip.seconds)
        content = keypoints.coco(frames, numbered, count, (clip.height, clip.width))
        content["info"] = {"engine": context.engine.name, "engine_version": context.engine.version}
        file = context.folder.write(FILE, (json.dumps(content, separators=(",", ":")) + "\n").encode())
        sure = [float(one.points[:, 2].mean()) for people in frames for one in people]
        return Product([file], measure=sum(sure) / len(sure) if sure else None)

    def open(self, folder: ClipFolder, clip: ClipFacts) -> PoseReader:
        """Keypoints by frame."""
        return PoseReader(folder)

    def overlay(self, folder: ClipFolder, clip: ClipFacts, frame: int) -> NDArray[np.uint8] | None:
        """Joints and bones of everybody on the frame."""
        reader = PoseReader(folder)
        people = [points.astype(np.float64) for _, points in reader.people(frame)]
        return painting.keypoints((clip.height, clip.width), people, reader.bones)


def _person(one: dict[str, Any]) -> Person:
    x, y, width, height = one["bbox"]
    return Person((x, y, width, height), float(one["score"]), np.array(one["points"], dtype=np.float32))


def _batch_of(index: int) -> str:
    return f"batch_{index:05d}.json"
