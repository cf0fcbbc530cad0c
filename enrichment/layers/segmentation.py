"""Masks with tracks for people to accept, correct or reject [E3]."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from annotation.geometry import rle
from annotation.media.clip_folder import ClipFolder
from enrichment.engines import motion_segmentation
from enrichment.engines.instances import Instance, Linked, Linker
from enrichment.engines.motion_segmentation import Proposal, ProposalParameters, ProposalTracker
from enrichment.layer import ClipFacts, Context, Layer, Output, Product, Proposals, Proposed, Span
from enrichment.layers.flow import FlowReader
from enrichment.registry import register

MASKS_FILE = "segmentation/masks.json"
TRACKING_FILE = "segmentation/tracking.json"


@dataclass(frozen=True)
class Parameters:
    """least_confidence, 0-1, and least_frames: what lies below is not proposed. width: working size in pixels."""

    least_confidence: float = ProposalParameters.least_confidence
    least_frames: int = 5
    width: int = ProposalParameters.width

    def __post_init__(self) -> None:
        """Refuse what would propose nothing or fail for every frame."""
        if not 0 <= float(self.least_confidence) <= 1:
            raise ValueError(f"least_confidence is {self.least_confidence}, but it must lie in 0 to 1.")
        if not isinstance(self.least_frames, int) or self.least_frames < 1:
            raise ValueError(f"least_frames is {self.least_frames}, but it must be a whole number of 1 or more.")
        if not isinstance(self.width, int) or self.width < 64:
            raise ValueError(f"width is {self.width}, but it must be a whole number of 64 or more.")


@runtime_checkable
class SegmentationEngine(Protocol):
    """What segmentation needs of an engine; `parameters.look_every` says how many frames lie between two looks."""

    def segment(self, pictures: Sequence[NDArray[np.uint8]], parameters: Any, /) -> Sequence[Sequence[Instance]]:
        """For each picture (height, width, 3) uint8 RGB the things on it, the surest first."""


class TrackReader:
    """The masks of a finished layer, decoded on demand."""

    def __init__(self, folder: ClipFolder) -> None:
        content: dict[str, Any] = json.loads(folder.local(MASKS_FILE).read_bytes())
        self.size: tuple[int, int] = (content["size"][0], content["size"][1])
        self.tracks: list[dict[str, Any]] = content["tracks"]
        self.labels: dict[int, str] = {track["track_id"]: track["label"] for track in self.tracks}
        self.confidence: dict[int, float] = {track["track_id"]: track["confidence"] for track in self.tracks}
        self._of_track: dict[int, dict[int, rle.Rle]] = {}
        self._by_frame: dict[int, list[tuple[int, str]]] = defaultdict(list)
        for track in self.tracks:
            for frame, mask in track["frames"].items():
                self._by_frame[int(frame)].append((track["track_id"], mask["counts"]))

    def encoded(self, frame: int) -> dict[int, rle.Rle]:
        """COCO RLE by track number."""
        there = self._by_frame.get(frame, ())
        return {number: {"size": list(self.size), "counts": counts} for number, counts in there}

    def masks_of(self, number: int) -> Mapping[int, rle.Rle]:
        """COCO RLE of one track by frame."""
        if number not in self._of_track:
            frames = next(track["frames"] for track in self.tracks if track["track_id"] == number)
            self._of_track[number] = {
                int(frame): {"size": list(self.size), "counts": mask["counts"]} for frame, mask in frames.items()
            }
        return self._of_track[number]

    def frames_of(self, labels: Collection[str]) -> set[int]:
        """The frames in which something of these labels has a mask."""
        shown = (track["frames"] for track in self.tracks if track["label"] in labels)
        return {int(frame) for frames in shown for frame in frames}

    def masks(self, frame: int) -> dict[int, NDArray[np.uint8]]:
        """(height, width) uint8 of 0 and 1 at the clip's size, by track number."""
        return {number: rle.decode(mask) for number, mask in self.encoded(frame).items()}


@register
class Segmentation(Layer):
    """Things on a surface and what moves them, followed through the clip; or what a chosen model sees, linked."""

    name = "segmentation"
    version = "2"
    title = "Segmentation proposals"
    cost = 6
    inputs = ("flow",)
    outputs = (
        Output(MASKS_FILE, "COCO RLE per track and frame", "pixels; confidence 0-1"),
        Output(TRACKING_FILE, "JSON per frame", "boxes (x, y, width, height) and areas in pixels"),
    )
    engine = motion_segmentation.NAME
    engine_version = motion_segmentation.VERSION
    needs = SegmentationEngine
    Parameters = Parameters
    batch_frames = 30
    sequential = True
    from_project = {"labels": "label_keys"}

    def compute(self, context: Context, span: Span) -> None:
        """Follow the tracks through the batch, beginning with what the batch before it remembered."""
        if context.engines:
            self._link(context, span)
        else:
            self._track(context, span)

    def _link(self, context: Context, span: Span) -> None:
        """What the chosen model sees every few frames, carried along the flow in between."""
        engine, linker = context.engine, Linker()
        if span.index > 0:
            linker.restore(context.pieces.read_arrays(_state_of(span.index - 1)))
        flow = context.input("flow", FlowReader)
        every = int(engine.parameters.look_every)
        least = float(context.parameters.least_confidence)

        def segment(model: SegmentationEngine, few: list[tuple[int, Any]]) -> Sequence[Sequence[Instance]]:
            seen = model.segment([picture for _, picture in few], engine.parameters)
            return [[each for each in found if each.confidence >= least] for found in seen]

        first = -(-span.start // every) * every
        seen = engine.over(context.frames.iterate(first, span.end, every) if first < span.end else (), segment)
        found: dict[str, list[dict[str, Any]]] = {}
        for number in range(span.start, span.end):
            instances = next(seen)[1] if number % every == 0 else None
            moved = flow.full(number - 1) if number else None
            found[str(number)] = [_linked(each) for each in linker.step(moved, instances)]
            context.keep_going()
        context.pieces.write_json(_masks_of(span.index), found)
        context.pieces.write_arrays(_state_of(span.index), linker.state())

    def _track(self, context: Context, span: Span) -> None:
        """Without weights."""
        settings = context.parameters
        tracker = ProposalTracker(
            ProposalParameters(width=settings.width, least_confidence=float(settings.least_confidence))
        )
        if span.index > 0:
            tracker.restore(context.pieces.read_arrays(_state_of(span.index - 1)))
        flow = context.input("flow", FlowReader)
        found: dict[str, list[dict[str, Any]]] = {}
        for number, picture in context.frames.iterate(span.start, span.end):
            proposals = tracker.step(picture, flow.read(number - 1) if number else None)
            found[str(number)] = [_plain(each) for each in proposals]
            context.keep_going()
        context.pieces.write_json(_masks_of(span.index), found)
        context.pieces.write_arrays(_state_of(span.index), tracker.state())

    def publish(self, context: Context) -> Product:
        """All batches as one file by track and one by frame, and the tracks as proposals."""
        clip = context.clip
        frames: dict[int, list[dict[str, Any]]] = {}
        for span in self.spans(clip.frame_count):
            for number, masks in context.pieces.read_json(_masks_of(span.index)).items():
                frames[int(number)] = masks
        tracks = _tracks(frames, context.parameters.least_frames)
        labels = {track["track_id"]: track["label"] for track in tracks}
        size = [clip.height, clip.width]
        engine = f"{self.engine} {self.engine_version}"
        if context.engines:
            engine = f"{context.engine.name} {context.engine.version}"
        masks = {"engine": engine, "size": size, "tracks": tracks}
        tracking = {"engine": engine, "size": size, "frames": _by_frame(frames, labels)}
        return Product(
            [
                context.folder.write(MASKS_FILE, _compact(masks)),
                context.folder.write(TRACKING_FILE, _compact(tracking)),
            ],
            proposals=Proposals("mask_track", MASKS_FILE, [_proposed(track, frames) for track in tracks]),
        )

    def open(self, folder: ClipFolder, clip: ClipFacts) -> TrackReader:
        """Masks by frame and track."""
        return TrackReader(folder)


def _plain(proposal: Proposal) -> dict[str, Any]:
    mask = rle.encode(proposal.mask)
    return {
        "track_id": proposal.track_id,
        "counts": mask["counts"],
        "bbox": list(rle.bbox(mask)),
        "area": rle.area(mask),
        "confidence": round(float(proposal.confidence), 4),
        "label": proposal.label_hint,
        "label_confidence": round(float(proposal.hint_confidence), 4),
    }


def _linked(linked: Linked) -> dict[str, Any]:
    one = linked.instance
    mask = rle.encode(one.mask.astype(np.uint8))
    return {
        "track_id": linked.track_id,
        "counts": mask["counts"],
        "bbox": list(rle.bbox(mask)),
        "area": rle.area(mask),
        "confidence": round(one.confidence, 4),
        "label": one.label,
        "label_confidence": round(one.confidence, 4) if one.label else 0.0,
    }


def _tracks(frames: dict[int, list[dict[str, Any]]], least_frames: int) -> list[dict[str, Any]]:
    """Masks grouped by track; a track's label is the guess that was ever surest, the latest of equals."""
    seen: dict[int, dict[int, dict[str, Any]]] = defaultdict(dict)
    for frame in sorted(frames):
        for mask in frames[frame]:
            seen[mask["track_id"]][frame] = mask
    tracks = []
    for number, masks in sorted(seen.items()):
        if len(masks) < min(least_frames, len(frames)):
            continue
        surest = max(masks.items(), key=lambda item: (item[1]["label_confidence"], item[0]))[1]
        tracks.append(
            {
                "track_id": number,
                "label": surest["label"],
                "label_confidence": surest["label_confidence"],
                "confidence": round(fmean(mask["confidence"] for mask in masks.values()), 4),
                "frames": {
                    str(frame): {"counts": mask["counts"], "confidence": mask["confidence"]}
                    for frame, mask in masks.items()
                },
            }
        )
    return tracks


def _by_frame(frames: dict[int, list[dict[str, Any]]], labels: dict[int, str]) -> dict[str, list[dict[str, Any]]]:
    return {
        str(frame): [
            {
                "track_id": mask["track_id"],
                "bbox": mask["bbox"],
                "area": mask["area"],
                "label": labels[mask["track_id"]],
                "confidence": mask["confidence"],
            }
            for mask in masks
            if mask["track_id"] in labels
        ]
        for frame, masks in sorted(frames.items())
    }


def _proposed(track: dict[str, Any], frames: dict[int, list[dict[str, Any]]]) -> Proposed:
    numbers = [int(frame) for frame in track["frames"]]
    areas = [mask["area"] for number in numbers for mask in frames[number] if mask["track_id"] == track["track_id"]]
    return Proposed(
        number=track["track_id"],
        label=track["label"],
        confidence=track["confidence"],
        start=min(numbers),
        end=max(numbers) + 1,
        details={
            "frames": len(numbers),
            "median_area": round(median(areas)),
            "label_confidence": track["label_confidence"],
        },
    )


def _masks_of(batch: int) -> str:
    return f"masks_{batch:05d}.json"


def _state_of(batch: int) -> str:
    return f"state_{batch:05d}.npz"


def _compact(content: object) -> bytes:
    return (json.dumps(content, separators=(",", ":")) + "\n").encode()
