"""What layers that are checks have in common: findings as a piece, then as a file and as news."""

from __future__ import annotations

import json
from collections.abc import Sequence

from enrichment.checks.observed_motion import TrackMasks
from enrichment.checks.registry import Finding
from enrichment.layer import Context, Product
from enrichment.layers.segmentation import TrackReader

_PIECE = "findings.json"
# The engine only guesses labels; of these it can be said that they bend.
_BENDS = frozenset({"human_hand", "obstacle_deformable"})


def write_findings(context: Context, found: Sequence[Finding]) -> None:
    """Leave them for `publish_findings`."""
    context.pieces.write_json(_PIECE, [finding.to_json() for finding in found])


def publish_findings(context: Context, path: str, check: str) -> Product:
    """The layer's one file, and what goes to the apps above."""
    found = context.pieces.read_json(_PIECE)
    content = json.dumps({"check": check, "findings": found}, separators=(",", ":")) + "\n"
    return Product([context.folder.write(path, content.encode())], check=check, findings=found)


def tracks_of(reader: TrackReader) -> list[TrackMasks]:
    """The proposed tracks as checks take them."""
    return [
        TrackMasks(
            track_id=number,
            label=label,
            rigidity="deformable" if label in _BENDS else "rigid",
            masks=reader.masks_of(number),
        )
        for number, label in sorted(reader.labels.items())
    ]
