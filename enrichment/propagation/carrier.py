"""The contract of an engine that carries a mask to other frames.

A carrier is one file in enrichment/carriers/ that registers itself. It sees no Django, settings or database; it is
made anew for every stretch, so it may keep state while it works. What it must do:

- Hand in every frame of the stretch as soon as it knows a mask, in any order. What was handed in is stored at once and
  shown, so a generator that yields frame by frame is cancelled, and resumed after a crash, within one frame.
- Hand in a frame again when it knows better; the last one counts. `final` False says that this may happen.
- Hold a bounded number of pictures, however long the stretch: take them from `Pictures.walk` one by one.
- Say that the object is not seen with an empty mask. It may end before the last frame when it finds nothing any more.
- Go on from `Stretch.came` after an interruption, rather than from the keyframe.
"""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from enrichment.weights import Checkpoints

Mask = NDArray[np.bool_]
Picture = NDArray[np.uint8]


class Pictures(Protocol):
    """A clip's frames in the order in which a carrier needs them."""

    def walk(self, first: int, last: int, /) -> Iterator[tuple[int, Picture]]:
        """Numbers and pictures (height, width, 3) uint8 RGB of the frames from `first` to `last`, both included.

        `last` may lie before `first`: then backwards. Memory is bounded either way.
        """


@dataclass(frozen=True)
class Keyframe:
    """What a person drew: a mask (height, width) bool with at least one pixel."""

    frame: int
    mask: Mask


@dataclass(frozen=True)
class Carried:
    """One frame's mask (height, width) bool, empty where the object is not seen; confidence 0-1.

    final: whether this stands; False when the engine will come back to this frame.
    """

    frame: int
    mask: Mask
    confidence: float
    final: bool = True


@dataclass(frozen=True)
class Stretch:
    """What is to be carried where.

    near: the keyframe that it starts from. last: the last frame wanted, before `near.frame` for backwards.
    far: the next keyframe beyond `last` in that direction, where there is one; it may lie further on than `last` + 1.
    came: what an interrupted attempt had handed in, by frame; empty the first time.
    """

    near: Keyframe
    last: int
    far: Keyframe | None = None
    came: Mapping[int, Carried] = field(default_factory=dict)

    @property
    def step(self) -> int:
        """1 forwards, -1 backwards."""
        return 1 if self.last > self.near.frame else -1

    @property
    def frames(self) -> range:
        """The wanted frames, from the keyframe's neighbour on."""
        return range(self.near.frame + self.step, self.last + self.step, self.step)

    @property
    def closed(self) -> bool:
        """Whether the far keyframe is the frame after the last, so that the whole gap is between two of them."""
        return self.far is not None and self.far.frame == self.last + self.step


class Carrier(ABC):
    """One way to carry masks.

    name: what the project's setting and the request say. title: for people. version: of the engine, named on every
    mask; one with weights names these too, as soon as it has loaded them. method: "propagated" when it looks at the
    pictures, "interpolated" when only at the keyframes. needs_far: whether it can do nothing without a second keyframe.
    device: "cpu", "gpu" or "either", the workers that it runs on. checkpoints: lists the folders below the weights
    folder that fit, by name; None for an engine without weights. packages: what must be installed for it.

    Args:
        folder: the weights that were chosen, for an engine with weights.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    version: str
    method: ClassVar[str] = "propagated"
    needs_far: ClassVar[bool] = False
    device: ClassVar[str] = "cpu"
    checkpoints: ClassVar[Checkpoints | None] = None
    packages: ClassVar[tuple[str, ...]] = ()

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    @classmethod
    def works_here(cls) -> bool:
        """Whether the packages that it needs are installed."""
        return all(importlib.util.find_spec(name) is not None for name in cls.packages)

    @abstractmethod
    def carry(self, pictures: Pictures, stretch: Stretch) -> Iterator[Carried]:
        """Hand in masks, see the top of this file.

        Raises:
            EngineInputError: the stretch cannot be worked on; the sentence reaches the person who asked.
        """

    def passes(self, stretch: Stretch) -> int:
        """How often each frame is handed in; for saying how far it is."""
        return 1
