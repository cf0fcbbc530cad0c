"""Segmentation proposals with tracks, without weights, for things on a surface and for what moves them.

Our own composition of classical parts. Every frame: large smooth surfaces are explained by slowly varying colours
(`surfaces`), what they do not explain is foreground; the tracks of the frame before are carried over by the flow,
things at rest by their remembered outline; both compete for the foreground by marker-based watershed (Meyer 1992), so
that borders snap to edges; foreground that nobody claims is taken apart into things (`parts`) and becomes a track, or
takes up the track of a thing that went missing and looks the same. Made for a table top, a bench, a floor: on a busy
scene without a dominant surface the confidences come out low, and rightly so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from enrichment.engines import label_hints, parts
from enrichment.engines.dis_flow import DisFlow
from enrichment.engines.edges import at_full_size
from enrichment.engines.frame_motion import FrameMotion, between, standing
from enrichment.engines.hands import claim_hands
from enrichment.engines.surfaces import Surfaces, smooth
from enrichment.engines.tracks import Track, pack, unpack
from enrichment.errors import EngineInputError

NAME: Final = "motion-segmentation"
VERSION: Final = "1"
SURFACE_TRACK: Final = 1
_SAME: Final = 16  # grey levels; closer than this a pixel looks as remembered
_ALIKE: Final = 4  # so many things of one size, and patches of several sizes are taken apart

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class ProposalParameters:
    """What can be set; lengths are pixels of the reduced working picture, areas shares of the picture."""

    width: int = 480
    least_area: float = 0.0007
    confirm_frames: int = 3
    refit_every: int = 45
    remember_frames: int = 300
    most_tracks: int = 80
    least_confidence: float = 0.35
    refine_edges: bool = True


@dataclass(frozen=True)
class Proposal:
    """One thing in one frame: `mask` is (height, width) bool at full size; `confidence` 0..1 that it is a usable
    mask.
    """

    track_id: int
    mask: Mask
    confidence: float
    label_hint: str
    hint_confidence: float


class ProposalTracker:
    """Proposals for the frames of one clip, given in order.

    `state` after any frame and `restore` into a fresh tracker continue exactly as if nothing had happened.
    """

    def __init__(self, parameters: ProposalParameters | None = None) -> None:
        """Start at the first frame of a clip."""
        self.parameters = parameters or ProposalParameters()
        self._flow = DisFlow("medium")
        self._surfaces = Surfaces()
        self._tracks: dict[int, Track] = {}
        self._frame = 0
        self._next = SURFACE_TRACK + 1
        self._usual = 0.0
        self._previous: NDArray[np.uint8] | None = None
        self._labels: NDArray[np.int16] = np.zeros((0, 0), dtype=np.int16)
        self._memory: NDArray[np.uint8] = np.zeros((0, 0, 3), dtype=np.uint8)

    def step(self, frame: NDArray[np.uint8], flow: NDArray[np.float32] | None = None) -> list[Proposal]:
        """Propose masks for the next frame.

        Args:
            frame: (height, width, 3) uint8 RGB, the same size throughout.
            flow: (h, w, 2) float32 from the frame before to this one, of any size, in pixels of that size; None lets
                the engine compute its own at the working size. Ignored on the first frame.

        Returns:
            Proposals, by track id. Masks of one frame do not overlap.

        Raises:
            EngineInputError: not an 8-bit RGB picture, or another size than the frame before.
        """
        small = self._reduced(frame)
        if self._previous is not None and self._previous.shape != small.shape:
            raise EngineInputError(f"Frame {self._frame} has another size ({frame.shape}) than the frames before.")
        if self._previous is None:
            self._labels = np.zeros(small.shape[:2], dtype=np.int16)
            self._memory = np.zeros_like(small)
        smoothed = smooth(small, max(3, small.shape[1] // 53 // 2 * 2 + 1))
        motion = self._motion(small, flow)
        surface = self._surface_labels(smoothed)
        foreground = self._foreground(surface)
        clean = np.asarray(cv2.medianBlur(small, 3), dtype=np.uint8)
        predicted = self._predict(clean, motion, foreground)
        hands = claim_hands(smoothed, foreground, predicted, motion, self._tracks, self._new_track)
        self._labels = self._compete(small, smoothed, surface, foreground, predicted, hands, motion)
        self._update(smoothed, surface, predicted, motion)
        self._remember(clean)
        if not self._usual:
            self._learn_usual_area()
        self._previous = small
        self._frame += 1
        return self._proposals(frame, surface)

    # -- the steps, in order ------------------------------------------------------------------------------------------

    def _reduced(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
            raise EngineInputError(f"Proposals need an 8-bit RGB picture, but this is {frame.shape} {frame.dtype}.")
        height, width = frame.shape[:2]
        factor = min(1.0, self.parameters.width / width)
        size = (max(48, round(width * factor)), max(48, round(height * factor)))
        return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)

    def _motion(self, small: NDArray[np.uint8], flow: NDArray[np.float32] | None) -> FrameMotion:
        if self._previous is None:
            return standing(*small.shape[:2])
        flow = self._flow.flow(self._previous, small) if flow is None else flow
        return between(self._previous, small, flow, self._labels == 0)

    def _surface_labels(self, smoothed: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self._frame % self.parameters.refit_every == 0 or not len(self._surfaces.coefficients):
            moving = [number for number, track in self._tracks.items() if track.moving or track.mover]
            exclude = np.isin(self._labels, moving) if moving else np.zeros(smoothed.shape[:2], dtype=bool)
            grown = cv2.dilate(exclude.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
            self._surfaces.fit(smoothed, grown)
        return self._surfaces.assign(smoothed)

    def _foreground(self, surface: NDArray[np.uint8]) -> Mask:
        found = cv2.morphologyEx((surface == 0).astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
        # Holes in a thing (a letter in the colour of the table) belong to it; larger gaps are seen through.
        return parts.without_holes(found > 0, 2 * self._least_pixels(surface))

    def _predict(self, clean: NDArray[np.uint8], motion: FrameMotion, foreground: Mask) -> NDArray[np.int16]:
        """Where every track should be now: things at rest first, then what moves, over them.

        Where the picture still shows what was remembered of a thing at rest, nothing has moved over it.
        """
        predicted = np.zeros(foreground.shape, dtype=np.int16)
        if not self._tracks:
            return predicted
        for number, track in self._tracks.items():
            if track.at_rest and track.outline.any():
                track.outline = motion.carried_by_camera(track.outline)
                predicted[track.outline & foreground] = number
        moving = np.isin(self._labels, [number for number, track in self._tracks.items() if not track.at_rest])
        splat = motion.carry(self._labels, moving)
        same = (cv2.absdiff(clean, self._memory).max(axis=2) < _SAME).astype(np.uint8)
        uncovered = cv2.morphologyEx(same, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
        over = (splat > 0) & foreground & ~(uncovered & (predicted > 0))
        return np.where(over, splat, predicted).astype(np.int16)

    def _new_track(self, part: Mask, signature: NDArray[np.float32]) -> int:
        number, self._next = self._next, self._next + 1
        self._tracks[number] = Track.born_at(self._frame, part, signature)
        return number

    def _compete(
        self,
        small: NDArray[np.uint8],
        smoothed: NDArray[np.uint8],
        surface: NDArray[np.uint8],
        foreground: Mask,
        predicted: NDArray[np.int16],
        hands: NDArray[np.int16],
        motion: FrameMotion,
    ) -> NDArray[np.int16]:
        markers = np.zeros(foreground.shape, dtype=np.int32)
        markers[cv2.erode((~foreground & (surface > 0)).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0] = 1
        shape = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
        markers[cv2.erode((hands > 0).astype(np.uint8), shape) > 0] = -2
        markers[markers == -2] = hands[markers == -2].astype(np.int32) + 1
        for number in np.unique(predicted[(predicted > 0) & (hands == 0)]):
            sure = cv2.erode((predicted == number).astype(np.uint8), shape) > 0
            markers[sure] = number + 1
        # Where nothing moved, every pixel keeps its owner: borders between like colours would creep otherwise.
        kept = motion.settled & (self._labels > 0) & foreground
        markers[kept] = self._labels[kept].astype(np.int32) + 1
        claimed = cv2.dilate((predicted > 0).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        free = cv2.morphologyEx((foreground & ~claimed).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        for patch in parts.components(free > 0, self._least_pixels(surface)):
            for part in self._taken_apart(patch, smoothed):
                number = self._owner_of(part, smoothed, predicted, motion)
                if number:
                    predicted[part] = number
                    sure = cv2.erode(part.astype(np.uint8), shape) > 0
                    markers[sure & (markers == 0)] = number + 1
        cv2.watershed(cv2.medianBlur(small, 3), markers)
        labels = np.where(markers > 1, markers - 1, 0).astype(np.int16)
        # Watershed leaves its lines unlabelled; give them to the larger neighbour inside the foreground.
        grown = cv2.dilate(labels, np.ones((3, 3), np.uint8))
        lines = (markers == -1) & foreground
        lines[[0, -1], :] = foreground[[0, -1], :] & (labels[[0, -1], :] == 0)
        lines[:, [0, -1]] = foreground[:, [0, -1]] & (labels[:, [0, -1]] == 0)
        labels[lines] = grown[lines]
        return labels

    def _taken_apart(self, patch: Mask, smoothed: NDArray[np.uint8]) -> list[Mask]:
        least = self._least_pixels(patch)
        return parts.split(patch, smoothed, max(least, round(0.3 * self._usual)), self._usual or None)

    def _learn_usual_area(self) -> None:
        """Once so many compact things of one size lie about, their size is known for the rest of the clip."""
        least = 2.0 * self._least_pixels(self._labels)
        areas = [
            # Two blocks side by side are a patch twice as long as wide.
            track.area / max(1, round(track.elongated))
            for track in self._tracks.values()
            if track.visible and track.at_rest and track.firm and track.area >= least
        ]
        self._usual = parts.usual_area(areas, _ALIKE) or 0.0

    def _owner_of(
        self, part: Mask, smoothed: NDArray[np.uint8], predicted: NDArray[np.int16], motion: FrameMotion
    ) -> int:
        """The track that a new part belongs to: a lost one, a neighbour that moves as it does, or a new one; 0 for
        none.
        """
        signature = parts.colour_signature(smoothed, part)
        area = float(part.sum())
        best, likeness = 0, 0.75
        for number, track in self._tracks.items():
            if track.visible or track.hand or not 0.4 < area / max(1.0, track.area) < 2.2:
                continue
            alike = float(signature @ track.signature)
            if alike > likeness:
                best, likeness = number, alike
        if best:
            return best
        around = cv2.dilate(part.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
        touching, counts = np.unique(predicted[around & (predicted > 0)], return_counts=True)
        way = np.median(motion.own[part], axis=0)
        for number in touching[np.argsort(-counts)]:
            track = self._tracks[int(number)]
            if track.at_rest or track.hand:
                continue
            together = float(np.hypot(way[0] - track.motion_x, way[1] - track.motion_y)) < 0.3 + 0.25 * track.speed
            if together or float(signature @ track.signature) > 0.6:
                return int(number)
        if len(self._tracks) >= self.parameters.most_tracks:
            return 0
        return self._new_track(part, signature)

    def _update(
        self, smoothed: NDArray[np.uint8], surface: NDArray[np.uint8], predicted: NDArray[np.int16], motion: FrameMotion
    ) -> None:
        least = self._least_pixels(surface)
        movers = np.isin(predicted, [number for number, track in self._tracks.items() if not track.at_rest])
        near_mover = cv2.dilate(movers.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
        flow_bleeds = cv2.dilate(movers.astype(np.uint8), np.ones((21, 21), np.uint8)) > 0
        flesh = parts.skin(smoothed)
        for number, track in list(self._tracks.items()):
            mask = self._labels == number
            if track.born == self._frame:
                track.signature = parts.colour_signature(smoothed, mask)
            if track.frames >= 10 and not track.hand and mask.sum() > 1.4 * track.area:
                # Things do not grow: what the flood gave away beyond a rim belongs to something else.
                reach = np.ones((19, 19) if track.mover else (7, 7), np.uint8)
                near = cv2.dilate((predicted == number).astype(np.uint8), reach) > 0
                self._labels[mask & ~near] = 0
                mask &= near
            kept = parts.components(mask, max(8, least // 4))[:3]
            whole = np.any(kept, axis=0) if kept else np.zeros_like(mask)
            self._labels[mask & ~whole] = 0
            track.observe(
                self._frame,
                whole,
                predicted == number,
                own=motion.own,
                changed=motion.changed,
                flow_bleeds=flow_bleeds,
                flesh=flesh,
                bare=(surface > 0) & ~near_mover,
                covered=bool((whole & near_mover).any() or (track.outline & near_mover).any()),
                least=least,
            )
            if track.needs_parting(self._frame, self._usual):
                self._part(track, number, whole, smoothed)
            if not track.visible:
                self._labels[whole] = 0
                if self._frame - track.seen > self.parameters.remember_frames or track.frames < 3:
                    del self._tracks[number]

    def _remember(self, clean: NDArray[np.uint8]) -> None:
        """Keep the look of things at rest, slowly following the light."""
        resting = np.isin(self._labels, [number for number, track in self._tracks.items() if track.at_rest])
        seen = self._memory.any(axis=2)
        close = resting & seen & (cv2.absdiff(clean, self._memory).max(axis=2) < _SAME)
        blended = cv2.addWeighted(self._memory, 0.9, clean, 0.1, 0.5)
        self._memory[close] = blended[close]
        covered = [number for number, track in self._tracks.items() if track.at_rest and track.covered]
        new = resting & ~np.isin(self._labels, covered) & ~close
        self._memory[new] = clean[new]

    def _part(self, track: Track, number: int, whole: Mask, smoothed: NDArray[np.uint8]) -> None:
        """A thing that turned out to be several keeps its largest piece; the others become tracks in the next frame."""
        pieces = self._taken_apart(whole, smoothed)
        if len(pieces) < 2:
            return
        largest = max(pieces, key=lambda piece: int(piece.sum()))
        self._labels[whole & ~largest] = 0
        track.outline = largest.copy()
        track.area = float(largest.sum())
        track.signature = parts.colour_signature(smoothed, largest)

    def _proposals(self, frame: NDArray[np.uint8], surface: NDArray[np.uint8]) -> list[Proposal]:
        settings = self.parameters
        support = label_hints.support(surface, self._labels, self._surfaces)
        full = at_full_size(frame, self._labels, snap=settings.refine_edges)
        found = []
        if support.any():
            height, width = frame.shape[:2]
            wide = cv2.resize(support.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
            confidence = label_hints.support_confidence(support, self._labels)
            found.append(Proposal(SURFACE_TRACK, wide & (full == 0), confidence, "support_surface", confidence))
        for number, track in sorted(self._tracks.items()):
            if not track.visible or (track.frames < settings.confirm_frames and track.born > 0):
                continue
            confidence = label_hints.mask_confidence(track, self._labels == number, support, self._labels)
            if confidence < settings.least_confidence:
                continue
            mask = full == number
            if mask.any():
                found.extend(self._named(number, track, mask, confidence))
        return sorted(found, key=lambda each: each.track_id)

    def _named(self, number: int, track: Track, mask: Mask, confidence: float) -> list[Proposal]:
        """A thing with its label; what reaches in and is no hand becomes an arm and the gripper at its far end."""
        hint, sure = label_hints.label(track)
        if hint not in ("gripper", "robot_arm"):
            return [Proposal(number, mask, confidence, hint, sure)]
        small = cv2.resize(mask.astype(np.uint8), self._labels.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
        far = parts.far_end(small)
        if not far.any() or far.sum() > 0.9 * small.sum():
            return [Proposal(number, mask, confidence, hint, sure)]
        if not track.arm:
            track.arm, self._next = self._next, self._next + 1
        height, width = mask.shape
        end = mask & (cv2.resize(far.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0)
        return [
            Proposal(number, end, 0.9 * confidence, "gripper", sure),
            Proposal(track.arm, mask & ~end, 0.9 * confidence, "robot_arm", sure),
        ]

    def _least_pixels(self, like: NDArray[np.generic]) -> int:
        return max(20, round(self.parameters.least_area * like.shape[0] * like.shape[1]))

    # -- state --------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Everything that the next frame depends on, as arrays without pickle (fit for `np.savez`)."""
        state: dict[str, NDArray[np.generic]] = {
            "counters": np.array([self._frame, self._next, self._usual], dtype=np.float64),
            "labels": self._labels.copy(),
            "memory": self._memory.copy(),
            "surface_coefficients": self._surfaces.coefficients.copy(),
            "surface_tolerance": self._surfaces.tolerance.copy(),
            "previous": np.zeros((0, 0, 3), np.uint8) if self._previous is None else self._previous.copy(),
        }
        state.update(pack(self._tracks, self._labels.shape))
        return state

    def restore(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Take up where `state` was called.

        Args:
            state: as `state` gave it.

        Raises:
            EngineInputError: an array is missing.
        """
        if missing := set(self.state()) - set(state):
            raise EngineInputError(
                f"The saved state lacks {', '.join(sorted(missing))}; start again from the first frame."
            )
        counters = np.asarray(state["counters"], dtype=np.float64)
        self._frame, self._next, self._usual = int(counters[0]), int(counters[1]), float(counters[2])
        self._labels = np.asarray(state["labels"], dtype=np.int16).copy()
        self._memory = np.asarray(state["memory"], dtype=np.uint8).copy()
        self._surfaces.coefficients = np.asarray(state["surface_coefficients"], dtype=np.float32).copy()
        self._surfaces.tolerance = np.asarray(state["surface_tolerance"], dtype=np.float32).copy()
        previous = np.asarray(state["previous"], dtype=np.uint8).copy()
        self._previous = previous if previous.size else None
        self._tracks = unpack(state, self._labels.shape)
