"""What every benchmark prints."""

from __future__ import annotations

from typing import Any


def skipped(name: str, reason: str) -> dict[str, Any]:
    """A figure that could not be measured here, and why."""
    return {"name": name, "value": None, "unit": "", "against": reason, "ratio": None}


def row(name: str, value: float, unit: str, *, against: str = "", ratio: float | None = None) -> dict[str, Any]:
    """One figure; `against` names the peer or the limit, `ratio` is value over peer in the same run."""
    rounded = None if ratio is None else round(ratio, 3)
    return {"name": name, "value": round(value, 4), "unit": unit, "against": against, "ratio": rounded}
