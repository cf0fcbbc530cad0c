"""Which version of a layer a row is of, and whether the golden set lets it be used."""

from __future__ import annotations

import hashlib
import json

from enrichment.models import GoldenResult, LayerRun

# The short name of the project that the golden set's own scenes lie in.
GOLDEN = "golden"


def identity(row: LayerRun) -> str:
    """What makes two layer runs the same version, as one SHA-256 in hex: not the clip, and not what lies upstream."""
    said = [row.layer, row.version, row.engine, row.engine_version, row.parameters]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def refused_layers() -> set[str]:
    """The layers of which the golden set refused a version at some time; of the others nothing need be asked."""
    refused = GoldenResult.objects.filter(verdict=GoldenResult.Verdict.REFUSED).order_by()
    return set(refused.values_list("layer", flat=True).distinct())


def refusal(row: LayerRun) -> str:
    """Why a layer run must not be computed, empty when it may be. Golden clips always may: they are what measures."""
    last = GoldenResult.objects.filter(layer=row.layer, pipeline=identity(row)).first()
    if last is None or last.verdict == GoldenResult.Verdict.ACCEPTED or hasattr(row.clip, "golden"):
        return ""
    return (
        f"This version of {row.layer} was refused by the golden set: {last.reason} Go back to the version before, or "
        f"accept this one with `manage.py golden --accept {row.layer}:{last.short}`."
    )
