"""Masks with tracks for people to accept, correct or reject [E3]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from annotation.geometry import rle
from annotation.media.clip_folder import ClipFolder
from annotation.media.mask_tracks import MaskTracks
from enrichment.engines import motion_segmentation
from enrichment.engines.instances import Instance, Linked, Linker
from enrichment.engines.motion_segmentation import Proposal, ProposalParameters, ProposalTracker
from enrichment.layer import ClipFacts, Context, Layer, Output, Product, Proposals, Proposed, Span
from enrichment.layers.flow import FlowReader
from enrichment.registry import register
from enrichment.track_files import Grouped, Track, write_by_frame

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
        clip, folder = context.clip, context.folder
        size = clip.height, clip.width
        engine = f"{self.engine} {self.engine_version}"
        if context.engines:
            engine = f"{context.engine.name} {context.engine.version}"
        with context.pieces.spool() as spool:
            masks = Grouped(spool, self._frames(context))
            tracks = masks.tracks(context.parameters.least_frames)
            with folder.writing(MASKS_FILE) as by_track:
                masks.write(by_track, engine, size, tracks)
        labels = {track.number: track.label for track in tracks}
        with folder.writing(TRACKING_FILE) as by_frame:
            write_by_frame(by_frame, engine, size, self._frames(context), labels)
        return Product(
            [by_track.artifact, by_frame.artifact],
            proposals=Proposals("mask_track", MASKS_FILE, [_proposed(track) for track in tracks]),
        )

    def _frames(self, context: Context) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        """The masks that batches left, by frame."""
        for span in self.spans(context.clip.frame_count):
            context.keep_going()
            for frame, masks in context.pieces.read_json(_masks_of(span.index)).items():
                yield int(frame), masks

    def open(self, folder: ClipFolder, clip: ClipFacts) -> MaskTracks:
        """Masks by frame and track."""
        return MaskTracks(folder.local(MASKS_FILE))


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


def _proposed(track: Track) -> Proposed:
    return Proposed(
        number=track.number,
        label=track.label,
        confidence=track.confidence,
        start=track.frames[0],
        end=track.frames[-1] + 1,
        details={
            "frames": len(track.frames),
            "median_area": track.median_area,
            "label_confidence": track.label_confidence,
        },
    )


def _masks_of(batch: int) -> str:
    return f"masks_{batch:05d}.json"


def _state_of(batch: int) -> str:
    return f"state_{batch:05d}.npz"
