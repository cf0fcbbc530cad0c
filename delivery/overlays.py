"""Ten frames of a delivery drawn with the masks as the delivered files hold them, for people to look at [D3]."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from annotation.geometry import rle
from delivery.dataset import Dataset, Picture
from delivery.formats.coco import write_picture
from delivery.formats.registry import Format
from delivery.problems import Drawn, Pick

FOLDER = "checks/overlays"
HOW_MANY = 10
_FILL = 0.45
_UNKNOWN = "#8a8a8a"


class Picks:
    """A fair choice of frames from a walk of unknown length; the same snapshot always gives the same ones.

    Reservoir sampling: J. S. Vitter, "Random Sampling with a Reservoir", algorithm R, 1985.
    """

    def __init__(self, seed: str, how_many: int = HOW_MANY) -> None:
        self._random = random.Random(seed)  # noqa: S311  nothing is kept secret by it
        self._how_many = how_many
        self._passed = 0
        self.chosen: list[Pick] = []

    def offer(self, pick: Pick) -> None:
        self._passed += 1
        if len(self.chosen) < self._how_many:
            self.chosen.append(pick)
            return
        place = self._random.randrange(self._passed)
        if place < self._how_many:
            self.chosen[place] = pick


def draw(dataset: Dataset, kind: Format, root: Path, picks: list[Pick], beat: Callable[[], None]) -> list[str]:
    """Write one picture a pick below checks/overlays; returns their paths inside the folder.

    The masks are read back from what was written, so that a mistake of the format shows; the pictures are the clip's.
    """
    drawn: dict[Pick, list[Drawn]] = defaultdict(list)
    for pick, mask in kind.masks_on(root, set(picks)):
        drawn[pick].append(mask)
        beat()
    colours = {label.key: label.colour for label in dataset.taxonomy.labels}
    wanted = {pick.folder: sorted(each.frame for each in picks if each.folder == pick.folder) for pick in picks}
    paths = []
    for clip in dataset.clips:
        if clip.folder not in wanted:
            continue
        for frame, picture in clip.source.pictures(wanted[clip.folder]):
            relative = f"{FOLDER}/{clip.folder}_frame_{frame:06d}.png"
            (root / relative).parent.mkdir(parents=True, exist_ok=True)
            write_picture(root / relative, over(picture, drawn[Pick(clip.folder, frame)], colours))
            paths.append(relative)
            beat()
    return paths


def over(picture: Picture, masks: list[Drawn], colours: dict[str, str]) -> Picture:
    """A picture with masks laid over it.

    Args:
        picture: (height, width, 3) uint8 RGB.
        masks: of this picture's size.
        colours: "#rrggbb" by label key.

    Returns:
        (height, width, 3) uint8 RGB, a new array: each mask tinted, outlined, and named with its track.
    """
    laid = picture.copy()
    for mask in masks:
        inside = rle.decode(mask.rle)
        colour = _rgb(colours.get(mask.label, _UNKNOWN))
        tinted = laid[inside > 0] * (1 - _FILL) + np.array(colour) * _FILL
        laid[inside > 0] = tinted.astype(np.uint8)
        edge = inside - cv2.erode(inside, np.ones((3, 3), np.uint8), borderValue=0)
        laid[edge > 0] = colour
    for mask in masks:
        x, y, _, height = rle.bbox(mask.rle)
        _name(laid, f"{mask.label} {mask.track}", (x + 2, min(y + 14, y + height)))
    return laid


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _name(picture: npt.NDArray[np.uint8], text: str, place: tuple[int, int]) -> None:
    # Black around white is readable over any picture.
    for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, thickness, cv2.LINE_AA)
