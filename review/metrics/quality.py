"""One number for a clip from what is known of it, and its parts. Numbers only.

The composite is the weighted mean of those parts that are known, because a clip without people must not be worse, nor
better, for having no pose; how many layers are there at all is a part of its own. Each part lies in 0-1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final

# frames: nothing can be annotated on what cannot be seen. flags: what checks found and nobody has settled yet. pose and
# agreement: how far layers can be trusted. coverage: what is not there cannot be delivered.
WEIGHTS: Final = {"frames": 0.35, "flags": 0.25, "pose": 0.1, "agreement": 0.2, "coverage": 0.1}
# A grave flag weighs as three; one that is only worth a look as a quarter.
SEVERITIES: Final = {1: 0.25, 2: 1.0, 3: 3.0}
HALF_AT: Final = 6.0  # weighted flags a minute at which the part is 0.5: one each ten seconds
SHORTEST: Final = 10.0  # seconds that a clip counts as, at least: one flag on a clip of a second is not sixty a minute


def flags(counts: Mapping[int, int], seconds: float) -> tuple[float, float]:
    """The part for open flags, and weighted flags a minute.

    Args:
        counts: open flags by severity, 1 to 3.
        seconds: length of the clip.
    """
    rate = sum(SEVERITIES[severity] * count for severity, count in counts.items()) * 60 / max(SHORTEST, seconds)
    return 1 / (1 + rate / HALF_AT), rate


def agreement(spans: Iterable[tuple[int, int]], frames: int) -> float:
    """Share of a clip's frames that lie in none of the spans [start, end), 0-1."""
    covered, reached = 0, 0
    for start, end in sorted(spans):
        covered += max(0, min(end, frames) - max(start, reached))
        reached = max(reached, end)
    return 1 - covered / frames


def composite(parts: Mapping[str, float | None], weights: Mapping[str, float]) -> float | None:
    """The weighted mean of the known parts, 0-1; None where none with a weight is known."""
    known = {name: value for name, value in parts.items() if value is not None and weights.get(name, 0) > 0}
    total = sum(weights[name] for name in known)
    return sum(weights[name] * value for name, value in known.items()) / total if total else None


def weights(given: Mapping[str, object]) -> dict[str, float]:
    """The usual weights with some set otherwise.

    Raises:
        ValueError: an unknown part, a weight that is no number of 0 or more, or all of them 0.
    """
    unknown = sorted(set(given) - set(WEIGHTS))
    if unknown:
        raise ValueError(f"Quality has no part {', '.join(unknown)}; it has {', '.join(WEIGHTS)}.")
    found = dict(WEIGHTS)
    for name, value in given.items():
        sound = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
        if not sound:
            raise ValueError(f"The weight of {name} is {value!r}, but it must be a number of 0 or more.")
        found[name] = float(value)  # type: ignore[arg-type]
    if not any(found.values()):
        raise ValueError("All weights are 0; at least one part must count.")
    return found
