"""Engines that cost nothing and answer by formula, for measuring what is around them: memory at lengths of clips that a
model on this machine would take a day for. What they say is of no use and is never judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from annotation.models import Clip
from enrichment import correcting, engine, runs
from enrichment.correcting import Wanted
from enrichment.engine import LayerEngine
from enrichment.engines.boxes import Detection
from enrichment.engines.keypoints import WHOLE_BODY, Points

Picture = NDArray[np.uint8]
NAME = "stand_in"


class People:
    """Two people on every frame."""

    def rehearse(self, picture: Picture) -> None: ...

    def people(self, pictures: Sequence[Picture], parameters: Any) -> list[list[Detection]]:
        return [[Detection("person", 0.9, (x, 0.0, 100.0, 200.0)) for x in (10.0, 200.0)] for _ in pictures]


class WholeBodies:
    """All 133 keypoints of each."""

    keypoints: ClassVar[int] = len(WHOLE_BODY)

    def rehearse(self, picture: Picture) -> None: ...

    def estimate(self, pictures: Sequence[tuple[Picture, Sequence[Any]]], parameters: Any) -> list[Points]:
        steps = np.linspace(0, 1, self.keypoints)
        shape = np.stack([100 * steps, 200 * steps**2, np.full(self.keypoints, 0.9)], axis=1)
        return [
            np.stack([shape + np.array([box[0], 0, 0]) for box in boxes]).astype(np.float32) for _, boxes in pictures
        ]


class Wall:
    """Everything is 2 m away."""

    metric: ClassVar[bool] = True

    def rehearse(self, picture: Picture) -> None: ...

    def estimate(self, pictures: Sequence[Picture], parameters: Any) -> list[NDArray[np.float32]]:
        return [np.full(picture.shape[:2], 2.0, np.float32) for picture in pictures]


_PARTS = {"people": People, "pose": WholeBodies, "depth": Wall}


def offered() -> None:
    """Offer them in this process."""
    engine.every.every()
    for layer, part in _PARTS.items():
        make = f"{__name__}:{part.__name__}"
        engine.register(LayerEngine(layer=layer, name=NAME, title="Stand-in", make=make))


def chosen(clip: Clip) -> None:
    """Choose them for the clip's project, with a lens, so that keypoints are placed in space."""
    for layer in _PARTS:
        runs.configure(project=clip.project, layer=layer, engine=NAME, by=None)
    lens = {"cameras": {"*": [500.0, 500.0, 320.0, 240.0]}}
    runs.configure(project=clip.project, layer="pose_3d", parameters=lens, by=None)


def correct(clip: Clip) -> None:
    """Have a joint interpolated, so that the layer pose_corrected has something to write."""
    person = clip.added_by
    assert person is not None
    correcting.correct(wanted=Wanted(clip, 1, ("left_wrist",), 10, 12), by=person, tell=False)
