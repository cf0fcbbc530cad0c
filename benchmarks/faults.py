"""Faults planted in scenes whose truth is known: does each raise its flag, and nothing else raise one?

A flag is right when it names the thing, segment or joint that was faulted and shares a frame with the fault. Every
other flag, and every one on a clean scene, is false. Recall is the share of planted faults that the check flagged which
is meant for them, precision the share of a check's flags that are right.

LOUPE_LONG=1 runs 200 seeds instead of 4. The first seed lies beyond those on which the checks were tuned.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from annotation import scene
from annotation.geometry import rle
from benchmarks.row import row
from config import env
from enrichment.checks import actions_vs_motion, depth_vs_segmentation, flow_vs_segmentation, pose_vs_time
from enrichment.checks.actions_vs_motion import Labelled
from enrichment.checks.observed_motion import Observed, TrackMasks, observe
from enrichment.checks.registry import Finding
from enrichment.engines.dis_flow import DisFlow

FIRST, FEW, MANY = 2000, 4, 200
FRAMES, WIDTH, HEIGHT = 120, 320, 240
SWAY = 0.02  # metres; every fourth scene is filmed by a camera that is worn
LEAST_PIXELS = 40  # what is all but hidden nobody outlines
DEPTH_EVERY = 3
DEPTH_NOISE = 0.005  # metres: a sensor's, so that no check lives on exact depth
POSE_NOISE = 0.003

Masks = Sequence[Mapping[int, NDArray[np.bool_]]]
Wanted = tuple[str, int | str | None]  # the check, and the track, segment or joint's track that it must name


@dataclass
class Filmed:
    """A scene as the checks see it: truth, masks by instance, DIS flow, noisy depth, grey pictures."""

    truth: scene.SceneTruth
    masks: list[dict[int, NDArray[np.bool_]]] = field(default_factory=list)
    flows: list[NDArray[np.float16]] = field(default_factory=list)
    depths: dict[int, NDArray[np.float32]] = field(default_factory=dict)
    pictures: list[NDArray[np.uint8]] = field(default_factory=list)

    def flow(self, frame: int) -> NDArray[np.float32] | None:
        return self.flows[frame].astype(np.float32) if frame < len(self.flows) else None

    def picture(self, frame: int) -> NDArray[np.uint8]:
        return self.pictures[frame]

    @property
    def moved(self) -> int:
        return self.truth.with_label("target_object")[0].instance

    @property
    def wrist(self) -> NDArray[np.float64]:
        path = self.truth.gripper_position
        return path + np.random.default_rng([self.truth.spec.seed, 9]).normal(0, POSE_NOISE, path.shape)

    def start_of(self, phase: str) -> int:
        return next(each.start for each in self.truth.segments if each.phase == phase)

    def tracks(self, masks: Masks, every: int = 1) -> list[TrackMasks]:
        found = []
        for thing in self.truth.objects:
            frames = {
                n: each[thing.instance] for n, each in enumerate(masks) if n % every == 0 and thing.instance in each
            }
            if thing.instance and frames:
                encoded = {n: rle.encode(mask) for n, mask in frames.items()}
                found.append(TrackMasks(thing.instance, thing.label, "rigid", encoded))
        return found

    def observed(self) -> Observed:
        spec = self.truth.spec
        return observe(self.flow, self.tracks(self.masks), range(spec.frames), (spec.height, spec.width))


@dataclass
class Score:
    """What came of it, by check and by fault."""

    planted: Counter[str] = field(default_factory=Counter)
    caught: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)
    on_clean: Counter[str] = field(default_factory=Counter)
    said: list[tuple[int, str, Finding]] = field(default_factory=list)  # false ones: seed, fault, finding
    missed: list[tuple[int, str]] = field(default_factory=list)

    def add(self, other: Score) -> None:
        """Take in what came of other scenes."""
        for counts, more in (
            (self.planted, other.planted),
            (self.caught, other.caught),
            (self.right, other.right),
            (self.false, other.false),
            (self.on_clean, other.on_clean),
        ):
            counts.update(more)
        self.said += other.said
        self.missed += other.missed

    def clean(self, seed: int, found: Iterable[Finding]) -> None:
        """Take in what is found where nothing was planted."""
        for each in found:
            self.on_clean[each.check] += 1
            self.false[each.check] += 1
            self.said.append((seed, "clean", each))

    def fault(self, seed: int, name: str, wanted: Wanted, span: tuple[int, int], found: Iterable[Finding]) -> None:
        """Take in what is found where `name` was planted."""
        check, about = wanted
        hits = 0
        for each in found:
            named = {*each.evidence.get("tracks", ()), *each.evidence.get("segments", ())}
            meets = each.start < span[1] and each.end > span[0]
            if about in named and meets:
                hits += each.check == check
                self.right[each.check] += 1
            else:
                self.false[each.check] += 1
                self.said.append((seed, name, each))
        self.planted[name] += 1
        self.caught[name] += hits > 0
        if not hits:
            self.missed.append((seed, name))


def rows() -> list[dict[str, Any]]:
    """Recall of each fault, precision of each check, flags on clean scenes."""
    count = MANY if env.LONG else FEW
    score = Score()
    # A process for each core, as a scene takes a quarter of a minute.
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), get_context("spawn")) as processes:
        for each in processes.map(judged, range(FIRST, FIRST + count)):
            score.add(each)
    for seed, name in score.missed:
        print(f"  missed: {name}, seed {seed}")
    for seed, name, finding in score.said:
        print(f"  false: seed {seed}, {name}: {finding.reason}")
    found = []
    for name, planted in score.planted.items():
        caught = score.caught[name]
        share = caught / planted
        found.append(row(f"faults: recall, {name}", share, "share", against=f"{planted} planted", ratio=share))
    for check in sorted({*score.right, *score.false}):
        right, false = score.right[check], score.false[check]
        share = right / (right + false)
        found.append(row(f"faults: precision, {check}", share, "share", against=f"{right + false} flags", ratio=share))
    clean = sum(score.on_clean.values())
    return [
        *found,
        row("faults: flags on clean scenes", clean, "flags", against=f"{count} scenes", ratio=clean / count),
    ]


def judged(seed: int) -> Score:
    """What comes of one scene, computed in one thread."""
    cv2.setNumThreads(1)
    score = Score()
    judge(film(seed), score)
    return score


def film(seed: int) -> Filmed:
    """Render a scene and compute its flow as the flow layer would."""
    sway = SWAY if seed % 4 == 3 else 0.0
    spec = scene.SceneSpec(seed=seed, frames=FRAMES, width=WIDTH, height=HEIGHT, camera_motion=sway)
    filmed, engine, before = Filmed(scene.describe(spec)), DisFlow(), None
    for index, frame in enumerate(scene.render(spec)):
        if before is not None:
            filmed.flows.append(engine.flow(before, frame.image).astype(np.float16))
        before = frame.image
        filmed.pictures.append(np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY), np.uint8))
        filmed.masks.append(masks_of(frame.instances))
        if index % DEPTH_EVERY == 0:
            filmed.depths[index] = measured(frame.depth, seed, index)
    return filmed


def masks_of(instances: NDArray[np.uint8]) -> dict[int, NDArray[np.bool_]]:
    """What an annotator would outline of (height, width) instance ids."""
    found = {int(n): instances == n for n in np.unique(instances) if n}
    return {number: mask for number, mask in found.items() if mask.sum() >= LEAST_PIXELS}


def measured(depth: NDArray[np.float32], seed: int, index: int) -> NDArray[np.float32]:
    """Depth as a sensor gives it, (height, width) float32 metres."""
    noise = np.random.default_rng([seed, index, 10]).normal(0, DEPTH_NOISE, depth.shape)
    return np.asarray(depth + noise, dtype=np.float32)


def judge(filmed: Filmed, score: Score) -> None:
    """Run the checks on one scene, clean and with each fault."""
    truth, seed, moved = filmed.truth, filmed.truth.spec.seed, filmed.moved
    labels = list(truth.segments)
    observed = filmed.observed()
    score.clean(
        seed, [*_by_masks(filmed, filmed.masks), *_by_labels(filmed, observed, labels), *_by_pose(filmed, filmed.wrist)]
    )
    for name, check, plant in MASK_FAULTS:
        masks, span = plant(filmed)
        score.fault(seed, name, (check, moved), span, _by_masks(filmed, masks))
    behind, span = _left_behind(filmed)
    keyed = flow_vs_segmentation.run(_flow_inputs(filmed, behind, every=10))
    score.fault(seed, "mask left behind, key frames", (flow_vs_segmentation.NAME, moved), span, keyed)
    late, span = scene.grasp_label_late(labels, fps=truth.spec.fps)
    score.fault(seed, "grasp late", _meant(late, "grasp"), span, _by_labels(filmed, observed, late))
    wrong, span = scene.lift_label_on_descent(labels)
    score.fault(seed, "lift on the way down", _meant(wrong, "lift"), span, _by_labels(filmed, observed, wrong))
    for name, (path, span) in {
        "wrist jumps": scene.wrist_that_jumps(filmed.wrist, at=FRAMES // 2, seed=seed),
        "wrist trembles": scene.wrist_that_trembles(filmed.wrist, start=40, seed=seed),
    }.items():
        score.fault(seed, name, (pose_vs_time.NAME, moved), span, _by_pose(filmed, path))


def _left_behind(filmed: Filmed) -> tuple[Masks, tuple[int, int]]:
    return scene.mask_on_wrong_object(filmed.masks, moved=filmed.moved, start=filmed.start_of("lift"))


def _on_another(filmed: Filmed) -> tuple[Masks, tuple[int, int]]:
    other = filmed.truth.with_label("obstacle_rigid")[0].instance
    start = filmed.start_of("transport") + 3
    return scene.mask_on_wrong_object(filmed.masks, moved=filmed.moved, start=start, onto=other)


def _creeping(filmed: Filmed) -> tuple[Masks, tuple[int, int]]:
    """Off the resting block by its own size within two seconds, to whichever side the tray is not."""
    size = float(filmed.masks[0][filmed.moved].sum()) ** 0.5
    side = -1.0 if filmed.truth.object_poses[filmed.moved][0, 0, 3] > 0 else 1.0
    return scene.mask_that_creeps(filmed.masks, moved=filmed.moved, start=0, per_frame=(side * size / 60, 0.0))


def _too_wide(filmed: Filmed) -> tuple[Masks, tuple[int, int]]:
    """While the block hangs above the table, so that what is around it lies well behind it."""
    start = filmed.start_of("transport")
    return scene.mask_too_wide(filmed.masks, moved=filmed.moved, start=start, end=filmed.start_of("place"))


MASK_FAULTS: tuple[tuple[str, str, Callable[[Filmed], tuple[Masks, tuple[int, int]]]], ...] = (
    ("mask left behind", flow_vs_segmentation.NAME, _left_behind),
    ("mask on another thing", flow_vs_segmentation.NAME, _on_another),
    ("mask that creeps", flow_vs_segmentation.NAME, _creeping),
    ("mask over two depths", depth_vs_segmentation.NAME, _too_wide),
)


def _meant(segments: Sequence[scene.Segment], phase: str) -> Wanted:
    return actions_vs_motion.NAME, next(f"s{n}" for n, each in enumerate(segments) if each.phase == phase)


def _flow_inputs(filmed: Filmed, masks: Masks, every: int = 1) -> flow_vs_segmentation.Inputs:
    return flow_vs_segmentation.Inputs(filmed.tracks(masks, every), filmed.flow, filmed.picture)


def _by_masks(filmed: Filmed, masks: Masks) -> list[Finding]:
    depth = depth_vs_segmentation.run(depth_vs_segmentation.Inputs(filmed.tracks(masks), filmed.depths.get))
    return [*flow_vs_segmentation.run(_flow_inputs(filmed, masks)), *depth]


def _by_labels(filmed: Filmed, observed: Observed, segments: Sequence[scene.Segment]) -> list[Finding]:
    labelled = [
        Labelled(f"s{n}", each.start, each.end, each.action, each.phase or "") for n, each in enumerate(segments)
    ]
    truth = filmed.truth
    return actions_vs_motion.run(actions_vs_motion.Inputs.of(labelled, observed, truth.spec.fps, truth.gripper_opening))


def _by_pose(filmed: Filmed, path: NDArray[np.float64]) -> list[Finding]:
    seconds = np.arange(len(path)) / filmed.truth.spec.fps
    return pose_vs_time.run(pose_vs_time.Inputs("wrist", filmed.moved, path, seconds))
