"""Pose as people have corrected it [V2]: what the layer pose says, with some joints interpolated, and a note of each.

The pose of the engine is never written over: it stays in its own file, and this layer's manifest entry and notes name
every frame that is not the engine's. Who asked for a correction the database says (PoseCorrection), as delivered files
name nobody. Layers that read a pose read this one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from annotation.media.clip_folder import ClipFolder
from enrichment import pose_files
from enrichment.engines import gap_filling, pose_corrections
from enrichment.engines.pose_corrections import Asked, Sightings
from enrichment.layer import ClipFacts, Context, Layer, Output, Product, Span
from enrichment.layers.pose import drawn
from enrichment.pose_files import PoseReader
from enrichment.registry import register

FILE = "pose/keypoints_corrected.json"
NOTES_FILE = "pose/corrections.json"
_PIECE: Final = "corrected.json"
_NOTES: Final = "notes.json"


@dataclass(frozen=True)
class Parameters:
    """longest_gap: seconds that the sightings around an interpolated gap may lie apart, at most.

    least_confidence: a keypoint below it counts as not seen, 0-1. corrections: what people asked for on this clip:
    number, track, keypoints, frames [start, end), method and when; not set by projects.
    """

    longest_gap: float = 0.6
    least_confidence: float = 0.3
    corrections: Sequence[Mapping[str, Any]] = ()

    def __post_init__(self) -> None:
        """Refuse what is no length of time or no confidence."""
        if not 0 < float(self.longest_gap) <= 5:
            raise ValueError(f"longest_gap is {self.longest_gap}, but it must lie in 0 to 5 seconds.")
        if not 0 <= float(self.least_confidence) <= 1:
            raise ValueError(f"least_confidence is {self.least_confidence}, but it must lie in 0 to 1.")


@register
class PoseCorrected(Layer):
    """The engine's pose as it is, until somebody corrects it."""

    name = "pose_corrected"
    title = "Pose, corrected"
    cost = 1
    inputs = ("pose",)
    outputs = (
        Output(FILE, "COCO keypoints", "as keypoints.json, `interpolated` names joints; only where something is"),
        Output(NOTES_FILE, "JSON", "frames [start, end), track, keypoints, method and the frames it is drawn from"),
    )
    engine = gap_filling.NAME
    engine_version = gap_filling.VERSION
    Parameters = Parameters
    from_people = "corrections"
    has_overlay = True

    def compute(self, context: Context, span: Span) -> None:
        """All corrections over the whole clip."""
        given = context.parameters
        notes = self._correct(context, [asked(each) for each in given.corrections]) if given.corrections else []
        told = [dict(said) | note for said, note in zip(given.corrections, notes, strict=True)]
        context.pieces.write_json(_NOTES, told)

    def _correct(self, context: Context, corrections: Sequence[Asked]) -> list[dict[str, Any]]:
        """Leave the corrected file, and say what became of each correction."""
        given, seconds = context.parameters, np.array(context.clip.seconds, dtype=np.float64)
        with pose_files.stored(context.folder.local(pose_files.FILE)) as pose:
            category, info = pose.category, pose.info
            names = list(category["keypoints"])
            least = float(given.least_confidence)
            seen = Sightings.among(pose.annotations(), names, corrections, len(seconds), least)
            made, notes = pose_corrections.filled(seen, corrections, seconds, longest=float(given.longest_gap))
            with context.pieces.writing(_PIECE) as file:
                pose_files.write(
                    file, pose.images(), category, pose_corrections.corrected(pose.annotations(), seen, made), info
                )
        return notes

    def publish(self, context: Context) -> Product:
        """The notes, and the whole pose where it differs from the engine's."""
        if not context.pieces.has(_NOTES):
            self.compute(context, Span(0, 0, context.clip.frame_count))  # an earlier version left other pieces
        told = context.pieces.read_json(_NOTES)
        files = [context.pieces.publish(_PIECE, context.folder, FILE)] if told else []
        # Last: they name the file.
        notes = {"of": pose_files.FILE, "corrected": FILE if told else None, "corrections": told}
        return Product([*files, context.folder.write(NOTES_FILE, (json.dumps(notes, indent=1) + "\n").encode())])

    def open(self, folder: ClipFolder, clip: ClipFacts) -> PoseReader:
        """Keypoints by frame, as corrected."""
        return reader(folder)

    def overlay(self, folder: ClipFolder, clip: ClipFacts, frame: int) -> NDArray[np.uint8] | None:
        """Joints and bones of everybody on the frame."""
        return drawn(pose_files.cached(folder.local(file_that_counts(folder))), clip, frame)


def reader(folder: ClipFolder) -> PoseReader:
    """The pose that counts: the corrected one where something was corrected."""
    return PoseReader(folder.local(file_that_counts(folder)))


def file_that_counts(folder: ClipFolder) -> str:
    """The file with the pose that counts."""
    notes = json.loads(folder.local(NOTES_FILE).read_bytes())
    return str(notes["corrected"] or pose_files.FILE)


def asked(said: Mapping[str, Any]) -> Asked:
    """A correction as the numerics take it."""
    return Asked(
        int(said["number"]), int(said["track"]), tuple(said["keypoints"]), int(said["start"]), int(said["end"])
    )
