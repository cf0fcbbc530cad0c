"""Engines that play a part for tests: one person whose right arm reaches, with planted faults, before a flat wall.

They count the pictures that they are shown, so a clip must fit into one batch (32 frames).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from annotation.models import Clip
from enrichment import compute, engine, runs
from enrichment.engine import LayerEngine
from enrichment.engines.boxes import Detection
from enrichment.engines.keypoints import BODY, Points
from enrichment.models import Run

Picture = NDArray[np.uint8]

NAME = "acted"
JUMP = (10, 11)  # frames [start, end) on which the wrist is half a picture away
LOST = (18, 20)  # frames on which it is not surely seen
WALL = 2.0  # metres
LAYERS = ["pose_3d", "check_pose_time", "pose_corrected"]


class Person:
    """Stands on every frame."""

    def rehearse(self, picture: Picture) -> None: ...

    def people(self, pictures: Sequence[Picture], parameters: Any) -> list[list[Detection]]:
        return [[Detection("person", 0.9, (0.0, 0.0, *p.shape[1::-1]))] for p in pictures]


class Arm:
    """The right arm of that person: the wrist goes to the right in the course of the clip."""

    keypoints: ClassVar[int] = len(BODY)

    def __init__(self) -> None:
        self.seen = 0

    def rehearse(self, picture: Picture) -> None: ...

    def estimate(self, pictures: Sequence[tuple[Picture, Sequence[Any]]], parameters: Any) -> list[Points]:
        return [np.stack([self._points(picture)]) for picture, _ in pictures]

    def _points(self, picture: Picture) -> Points:
        height, width = picture.shape[:2]
        frame, self.seen = self.seen, self.seen + 1
        points = np.zeros((len(BODY), 3), np.float32)
        points[BODY.index("right_shoulder")] = 0.30 * width, 0.3 * height, 0.9
        points[BODY.index("right_elbow")] = 0.30 * width, 0.6 * height, 0.9
        wrist = wrist_at(frame, width, height)
        points[BODY.index("right_wrist")] = *wrist, 0.9
        if JUMP[0] <= frame < JUMP[1]:
            points[BODY.index("right_wrist")] = wrist[0] + width / 2, wrist[1], 0.9
        if LOST[0] <= frame < LOST[1]:
            points[BODY.index("right_wrist"), 2] = 0.1
        return points


class Wall:
    """Everything is as far away as the wall."""

    metric: ClassVar[bool] = True

    def rehearse(self, picture: Picture) -> None: ...

    def estimate(self, pictures: Sequence[Picture], parameters: Any) -> list[NDArray[np.float32]]:
        return [np.full(picture.shape[:2], WALL, np.float32) for picture in pictures]


def wrist_at(frame: int, width: int, height: int) -> tuple[float, float]:
    """Where the wrist truly is."""
    return (0.40 + 0.004 * frame) * width, (0.6 - 0.0002 * frame**2) * height


@contextmanager
def acting() -> Iterator[None]:
    """Inside the block these engines are offered, beside all others."""
    engine.every.every()
    parts = {"people": "Person", "pose": "Arm", "depth": "Wall"}
    made = [
        LayerEngine(layer=layer, name=NAME, title=f"{kind}, acted", make=f"{__name__}:{kind}")
        for layer, kind in parts.items()
    ]
    for each in made:
        engine.register(each)
    try:
        yield
    finally:
        for each in made:
            engine.every._known.pop(each.key)


def computed(clip: Clip, layers: Sequence[str] = LAYERS) -> None:
    """These layers by these engines, and whatever else waits."""
    for layer in ("people", "pose", "depth"):
        runs.configure(project=clip.project, layer=layer, engine=NAME, by=None)
    lens = {"*": [clip.width, clip.width, clip.width / 2, clip.height / 2]}
    runs.configure(project=clip.project, layer="pose_3d", parameters={"cameras": lens}, by=None)
    runs.request(project=clip.project, by=clip.added_by, clips=[clip], layers=layers, tell=False)
    work()


def work() -> None:
    """What a worker would do now."""
    for run in Run.objects.filter(settled_at=None):
        runs.plan(run)
        compute.work_here(run)
