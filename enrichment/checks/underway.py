"""What a walk through masks and flow holds between two frames, written down for whoever goes on with it.

Masks and pictures are not written: they are looked up again in the frames that they are of, which lie a few dozen back
at most. So what is written does not grow with the clip.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from enrichment.checks.carried_masks import Scene
from enrichment.checks.compared_masks import Comparison
from enrichment.checks.doubled import Doubles
from enrichment.checks.leaps import Leaps
from enrichment.checks.observed_motion import TrackMasks
from enrichment.checks.patches import Followed, Grey, Pictures
from enrichment.checks.vacated import Vacancies

Size = tuple[int, int]


@dataclass
class Underway:
    """What a walk holds. active: comparisons that have begun and not ended. size: of the flow, once one was read."""

    pictures: Pictures
    leaps: Leaps
    vacancies: Vacancies
    doubles: Doubles
    active: list[Comparison] = field(default_factory=list)
    size: Size | None = None

    def state(self) -> dict[str, Any]:
        """What `restore` needs, as plain JSON."""
        return {
            "size": self.size,
            "leaps": self.leaps.last,
            "vacancies": {str(number): frames for number, frames in self.vacancies.state().items()},
            "doubles": {str(number): at for number, at in self.doubles.state().items()},
            "active": [_written(each) for each in self.active],
        }

    def restore(
        self, state: Mapping[str, Any], tracks: Mapping[int, TrackMasks], scene_of: Callable[[int, Size], Scene]
    ) -> None:
        """Go on from what `state` gave.

        Args:
            state: what it gave.
            tracks: by number.
            scene_of: the masks of a frame at a size (h, w); called with increasing frames, as pictures are asked for.
        """
        if state["size"] is None:
            return
        height, width = state["size"]
        self.size = (int(height), int(width))
        self.doubles.restore({int(number): at for number, at in state["doubles"].items()})
        looked = {int(number): set(frames) for number, frames in state["vacancies"].items()}
        active: dict[int, Comparison] = {}
        needed = {frame for each in state["active"] for frame in (each["first"], each["proven_in"])}
        for frame in sorted(needed.union({state["leaps"]}, *looked.values())):
            scene, looks = scene_of(frame, self.size), self.pictures.of(frame, self.size)
            if frame == state["leaps"]:
                self.leaps.restore(frame, scene, looks)
            self.vacancies.restore(frame, scene, looks, [number for number, of in looked.items() if frame in of])
            for at, each in enumerate(state["active"]):
                if frame == each["first"]:
                    active[at] = _read(each, tracks[each["track"]], scene, looks)
                if frame == each["proven_in"]:
                    active[at].points.looked = looks
        self.active = [active[at] for at in sorted(active)]


def _written(each: Comparison) -> dict[str, Any]:
    points = each.points
    return {
        "track": each.track.track_id,
        "first": each.first,
        "last": each.last,
        "chosen": each.chosen,
        "creeping": each.creeping,
        "ways": {str(frame): way.tolist() for frame, way in each.ways.items()},
        "start": points.start.tolist(),
        "at": points.at.tolist(),
        "proven": points.proven.tolist(),
        "proven_in": points.frame,
    }


def _read(written: Mapping[str, Any], track: TrackMasks, scene: Scene, looks: Grey | None) -> Comparison:
    """A comparison again, from the masks and the picture of its first frame."""
    start, at, proven = (np.array(written[name], dtype=np.float32).reshape(-1, 2) for name in ("start", "at", "proven"))
    return Comparison(
        track,
        written["first"],
        written["last"],
        scene.mask(track.track_id),
        scene.others(track.track_id),
        Followed(start, at, proven, written["proven_in"], looks, looks),
        {int(frame): np.array(way, dtype=np.float64) for frame, way in written["ways"].items()},
        written["chosen"],
        written["creeping"],
    )
