"""The cross-layer checks on what people drew, gone through stretch by stretch [V1, V3, V4].

What is found in a stretch, and what the next one begins with, is left in pieces, as the batches of the checks on
proposals leave it: another worker goes on where one has ended, and finds what is found in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from annotation import clips
from annotation.media.mask_tracks import MaskTracks
from annotation.models import Task
from annotation.work import Work
from enrichment import recordings
from enrichment.checkpoints import Pieces
from enrichment.checks import actions_vs_motion, depth_vs_segmentation, flow_vs_segmentation
from enrichment.checks.actions_vs_motion import Labelled
from enrichment.checks.observed_motion import Observed, Observer, TrackMasks, guided, movers_frames, observe_with
from enrichment.checks.registry import Finding
from enrichment.checks.thing_motion import ThingVelocities, by_track
from enrichment.engines.motion_features import MOVERS, MotionSeries, join
from enrichment.errors import CannotJudge
from enrichment.layer import ClipFacts, Span
from enrichment.layers.actions import motion_in, rate_of
from enrichment.layers.depth import NO_LENGTH, DepthReader
from enrichment.layers.flow import FlowReader
from enrichment.layers.segmentation import MASKS_FILE

STRETCH: Final = 600  # frames: a minute's work, which is what a killed worker costs


@dataclass(frozen=True)
class Subject:
    """What is checked: the work, its clip, and a call that raises when the lease is lost."""

    task: Task
    work: Work
    facts: ClipFacts
    keep_going: Callable[[], None]


class Walk(Protocol):
    """A check on its way through a clip. spans: the stretches, in the order in which they are gone through."""

    spans: Sequence[Span]

    def over(self, span: Span, pieces: Pieces) -> None:
        """Go through a stretch, from where the one before it ended, and leave what came of it."""

    def found(self, pieces: Pieces) -> list[Finding]:
        """What all stretches together say."""

    def close(self) -> None:
        """Let go of what is open."""


class DepthWalk:
    """People's masks against the clip's depth."""

    def __init__(self, subject: Subject, limits: Any) -> None:
        """Begin; raises CannotJudge where the depth is no length."""
        self._subject, self._limits = subject, limits
        self._depth = DepthReader(clips.folder(subject.task.clip))
        if not self._depth.metric:
            raise CannotJudge(NO_LENGTH)
        self._inputs = depth_vs_segmentation.Inputs(_tracks(subject), self._read)
        self.spans: Sequence[Span] = _stretches(range(subject.facts.frame_count))

    def over(self, span: Span, pieces: Pieces) -> None:
        """Look at the masks of a stretch; nothing is needed of the one before it."""
        seen = depth_vs_segmentation.looked(self._inputs, self._limits, range(span.start, span.end))
        _leave(pieces, span, seen)

    def found(self, pieces: Pieces) -> list[Finding]:
        """One finding for each stretch of frames in which a mask lies over two depths."""
        return _named(depth_vs_segmentation.joined(_left(pieces, self.spans), self._limits), self._subject)

    def close(self) -> None:
        """Nothing is open."""

    def _read(self, frame: int) -> NDArray[np.float32] | None:
        self._subject.keep_going()
        return self._depth.read(frame)


class FlowWalk:
    """People's masks against the clip's flow."""

    def __init__(self, subject: Subject, limits: Any) -> None:
        """Begin; the clip is open until `close`."""
        self._subject, self._limits = subject, limits
        tracks, flow = _tracks(subject), _flow(subject)
        self._pictures = clips.reader(subject.task.clip)
        self._inputs = flow_vs_segmentation.Inputs(tracks, flow, self._pictures.read)
        self._walk: flow_vs_segmentation.Walk | None = None
        self.spans: Sequence[Span] = _stretches(range(subject.facts.frame_count))

    def over(self, span: Span, pieces: Pieces) -> None:
        """Walk on; in a new process from what the stretch before has left."""
        if self._walk is None:
            self._walk = flow_vs_segmentation.Walk(self._inputs, self._limits)
            if span.index > 0:
                self._walk.restore(pieces.read_json(_state_of(span.index - 1, "json")))
        _leave(pieces, span, self._walk.over(range(span.start, span.end)))
        if span is not self.spans[-1]:
            pieces.write_json(_state_of(span.index, "json"), self._walk.state())

    def found(self, pieces: Pieces) -> list[Finding]:
        """One finding for each stretch of frames in which a track disagrees."""
        return _named(flow_vs_segmentation.joined(_left(pieces, self.spans), self._limits), self._subject)

    def close(self) -> None:
        """Close the clip."""
        self._pictures.close()


class ActionsWalk:
    """People's segments against the motion that the actions layer measured, and against what their masks follow."""

    def __init__(self, subject: Subject, limits: Any) -> None:
        """Begin. Without a segment, or a mask of theirs, there is nothing to follow through the flow."""
        self._subject, self._limits = subject, limits
        self._folder = clips.folder(subject.task.clip)
        self._motion = motion_in(self._folder)
        self._frames = range(self._motion.first, self._motion.first + len(self._motion))
        self._labelled = [
            Labelled(segment.id, segment.start, segment.end, segment.action, segment.phase)
            for segment in subject.work.segments
        ]
        self._tracks = _tracks(subject)
        self._flow: Callable[[int], NDArray[np.float32] | None] | None = None
        self._state: dict[str, NDArray[np.generic]] | None = None
        self.spans: Sequence[Span] = _stretches(self._frames) if self._labelled and self._tracks else []

    def over(self, span: Span, pieces: Pieces) -> None:
        """Follow their masks through a stretch."""
        observer = Observer(*self._motion.size, first=span.start)
        if span.index > 0:
            observer.restore(self._state or pieces.read_arrays(_state_of(span.index - 1, "npz")))
        self._flow = self._flow or _flow(self._subject)
        observe_with(observer, self._flow, self._tracks, range(span.start, span.end))
        motion, known = observer.part()
        pieces.write_arrays(_motion_of(span), motion.arrays())
        pieces.write_arrays(_things_of(span), {"since": np.array(known.since), "rows": known.rows})
        self._state = observer.state()
        if span is not self.spans[-1]:
            pieces.write_arrays(_state_of(span.index, "npz"), self._state)

    def found(self, pieces: Pieces) -> list[Finding]:
        """What is wrong with a segment."""
        # Actions come from proposed masks and from flow, so both are there as well.
        proposed = MaskTracks(self._folder.local(MASKS_FILE)).frames_of(MOVERS)
        seen = Observed(self._motion, {}, guided(proposed, self._frames))
        if self.spans:
            drawn = self._drawn(pieces)
            # Whoever showed the hand in more frames says where it is: people on key frames, or a model of hands.
            seen = drawn if drawn.guided.sum() > seen.guided.sum() else replace(seen, things=drawn.things)
        opening = recordings.opening(self._folder, self._subject.facts.seconds)
        if opening is not None:
            opening = opening[self._frames.start : self._frames.stop]
        given = actions_vs_motion.Inputs.of(self._labelled, seen, rate_of(self._subject.facts), opening)
        return _named(actions_vs_motion.run(given, self._limits), self._subject)

    def close(self) -> None:
        """Nothing is open."""

    def _drawn(self, pieces: Pieces) -> Observed:
        motion = join([MotionSeries.from_arrays(pieces.read_arrays(_motion_of(span))) for span in self.spans])
        known = [pieces.read_arrays(_things_of(span)) for span in self.spans]
        things = by_track((ThingVelocities(int(part["since"]), part["rows"]) for part in known), self._frames)
        return Observed(motion, things, guided(movers_frames(self._tracks), self._frames))


def _stretches(frames: range) -> list[Span]:
    starts = frames[::STRETCH]
    return [Span(index, start, min(start + STRETCH, frames.stop)) for index, start in enumerate(starts)]


def _leave(pieces: Pieces, span: Span, found: Sequence[Finding]) -> None:
    pieces.write_json(_found_in(span), [finding.to_json() for finding in found])


def _left(pieces: Pieces, spans: Sequence[Span]) -> list[Finding]:
    return [Finding(**each) for span in spans for each in pieces.read_json(_found_in(span))]


def _flow(subject: Subject) -> Callable[[int], NDArray[np.float32] | None]:
    flow = FlowReader(clips.folder(subject.task.clip), subject.facts)

    def read(frame: int) -> NDArray[np.float32] | None:
        subject.keep_going()
        return flow.read(frame) if frame < len(flow) else None

    return read


def _tracks(subject: Subject) -> list[TrackMasks]:
    drawn: dict[str, dict[int, Any]] = {track.id: {} for track in subject.work.tracks}
    for mask in subject.work.masks:
        drawn[mask.track_id][mask.frame] = mask.rle
    return [
        TrackMasks(track_id=track.number, label=track.label, rigidity=track.rigidity, masks=drawn[track.id])
        for track in subject.work.tracks
    ]


def _named(found: list[Finding], subject: Subject) -> list[Finding]:
    """Evidence names tracks by number and, in `track_ids`, by id."""
    ids = {track.number: track.id for track in subject.work.tracks}
    return [
        replace(each, evidence={**each.evidence, "track_ids": [ids[number] for number in each.evidence["tracks"]]})
        if each.evidence.get("tracks")
        else each
        for each in found
    ]


def _found_in(span: Span) -> str:
    return f"findings_{span.index:05d}.json"


def _state_of(stretch: int, ending: str) -> str:
    return f"state_{stretch:05d}.{ending}"


def _motion_of(span: Span) -> str:
    return f"motion_{span.index:05d}.npz"


def _things_of(span: Span) -> str:
    return f"things_{span.index:05d}.npz"
