"""What a body cannot do in a picture: change sides between two frames, or have a bone longer than it ever is [V2].

Turning round brings left and right together before they cross; a detector that mixes them up exchanges them at a
distance. A bone may look shorter than it is, by foreshortening, but not much longer than in all its other frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from enrichment.checks import pose_vs_time
from enrichment.checks.registry import Finding, merge, plain
from enrichment.parameters import refuse_beyond

Paths = Mapping[str, NDArray[np.float64]]

_PARTS: Final = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
PAIRS: Final = tuple((f"left_{part}", f"right_{part}") for part in _PARTS)
BONES: Final = tuple(
    (f"{side}_{a}", f"{side}_{b}")
    for side in ("left", "right")
    for a, b in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
)
_LONGEST_GAP: Final = 3  # frames in which a joint may have gone unseen
_USUAL: Final = 90  # percentile of a bone's lengths that stands for its own
_LEAST_SEEN: Final = 12  # frames, before anything is called usual


@dataclass(frozen=True)
class Thresholds(pose_vs_time.Thresholds):
    """swap_apart: metres between left and right, at least, for a swap to be told. swap_share: the way if they swapped
    is at most this share of the way if they did not. stretch: a bone is at most so many times its usual length.
    """

    swap_apart: float = 0.15
    swap_share: float = 0.3
    stretch: float = 1.5

    def __post_init__(self) -> None:
        """Refuse what is no length or share."""
        super().__post_init__()
        refuse_beyond(self, least={"stretch": 1}, shares=("swap_share",))


def run(paths: Paths, track: int, pixels_per_metre: float, thresholds: Thresholds | None = None) -> list[Finding]:
    """Look for swapped sides and for bones that are too long.

    Args:
        paths: joint to (frames, 2) float64 pixels, NaN where it is not seen.
        track: whose.
        pixels_per_metre: how large they appear.
        thresholds: see `Thresholds`.

    Returns:
        Findings of `pose_vs_time` by start, of kind `swap` or `stretch`. Evidence: `tracks`, `points`, `label`,
        `measure` (times the usual length).
    """
    settings = thresholds or Thresholds()
    found = [each for pair in PAIRS for each in _swaps(paths, pair, track, pixels_per_metre, settings)]
    found += [each for bone in BONES for each in _stretches(paths, bone, track, settings)]
    measures = pose_vs_time.CHECK.measures
    return merge(found, settings.merge_gap, lambda each: (each.evidence["kind"], each.evidence["label"]), measures)


def told_once(found: list[Finding]) -> list[Finding]:
    """One person's findings without those that another explains: a swap is two jumps, a jump stretches a bone."""
    explained_by = {"stretch": {"jump", "swap"}, "jump": {"swap"}}

    def explained(each: Finding) -> bool:
        causes = explained_by.get(each.evidence["kind"], set())
        # Changing back is a jump, too, in the frame after the swap.
        return any(
            o.evidence["kind"] in causes and o.start <= each.end and each.start <= o.end and _names(o) in _names(each)
            for o in found
        )

    return [each for each in found if not explained(each)]


def _names(finding: Finding) -> str:
    """The joint or the bone that it is of: a wrist that jumps is no part of ankles that change places."""
    return str(finding.evidence["label"]).replace("_", " ")


def _swaps(paths: Paths, pair: tuple[str, str], track: int, scale: float, settings: Thresholds) -> list[Finding]:
    if not all(name in paths for name in pair):
        return []
    left, right = (paths[name] for name in pair)
    known = np.flatnonzero(np.isfinite(left).all(axis=1) & np.isfinite(right).all(axis=1))
    a, b = known[:-1], known[1:]
    between = np.linalg.norm(left - right, axis=1)
    apart = np.minimum(between[a], between[b])
    kept = np.linalg.norm(left[b] - left[a], axis=1) + np.linalg.norm(right[b] - right[a], axis=1)
    swapped = np.linalg.norm(left[b] - right[a], axis=1) + np.linalg.norm(right[b] - left[a], axis=1)
    near_enough = (b - a <= _LONGEST_GAP) & (apart >= settings.swap_apart * scale)
    changes = b[near_enough & (swapped <= settings.swap_share * kept)].tolist()
    part = pair[0].removeprefix("left_")
    found = []
    for at, start in enumerate(changes[::2]):
        # Without a change back nobody knows which side is the right one: the frame of the change is what to look at.
        end = changes[2 * at + 1] if 2 * at + 1 < len(changes) else start + 1
        reason = f"In frame {start} the left and right {part} of track {track} change places."
        shown = [(frame, path[frame]) for frame in range(start, end) for path in (left, right)]
        # Interpolated from a right frame to a wrong one, both sides would lie between: nothing is to be mended so.
        mended = pair if 2 * at + 1 < len(changes) else ()
        found.append(Finding(pose_vs_time.NAME, start, end, 3, reason, evidence("swap", part, track, shown, mended)))
    return found


def _stretches(paths: Paths, bone: tuple[str, str], track: int, settings: Thresholds) -> list[Finding]:
    if not all(name in paths for name in bone):
        return []
    ends = [paths[name] for name in bone]
    lengths = np.linalg.norm(ends[0] - ends[1], axis=1)
    seen = lengths[np.isfinite(lengths)]
    if len(seen) < _LEAST_SEEN:
        return []
    usual = float(np.percentile(seen, _USUAL))
    named = " to ".join(name.replace("_", " ") for name in bone)
    found = []
    for frame in np.flatnonzero(np.nan_to_num(lengths) > settings.stretch * usual):
        times = float(lengths[frame]) / usual
        reason = f"In frame {frame} the {named} of track {track} is {times:.1f} times as long as it usually is."
        # Of a bone that grew it is the far end that strayed: it moves more, and is the harder one to see.
        told = evidence("stretch", named, track, [(int(frame), end[frame]) for end in ends], bone[1:])
        found.append(
            Finding(pose_vs_time.NAME, int(frame), int(frame) + 1, 2, reason, told | {"measure": round(times, 3)})
        )
    return found


def evidence(
    kind: str, label: str, track: int, shown: list[tuple[int, NDArray[np.float64]]], keypoints: tuple[str, ...]
) -> dict[str, Any]:
    """Evidence of a finding: its kind, what it is of, where it is drawn, and the keypoints that would change."""
    points = [{"frame": frame, "at": plain(at)} for frame, at in shown if np.isfinite(at).all()]
    return {"kind": kind, "label": label, "tracks": [track], "keypoints": list(keypoints), "points": points}
