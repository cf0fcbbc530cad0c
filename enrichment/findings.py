"""What layers that are checks have in common: findings as a piece, then as a file and as news."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from annotation.media.clip_folder import ClipFolder
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


def of_the_sure(found: Sequence[Finding], reader: TrackReader, least: float) -> list[Finding]:
    """Findings about proposals that claim a confidence of `least` or more, 0-1, and none graver than "probably wrong".

    A proposal that calls itself doubtful says already what a flag would say, and none of them is anybody's work yet.
    """
    return [
        replace(each, severity=min(each.severity, 2))
        for each in found
        if all(reader.confidence.get(number, 1.0) >= least for number in each.evidence.get("tracks", ()))
    ]


def written(folder: ClipFolder, files: Iterable[str]) -> tuple[str, list[dict[str, Any]]] | None:
    """The check and its findings as a finished layer's files have them; None when the layer is no check."""
    for path in files:
        if path.startswith("checks/"):
            content = json.loads(folder.local(path).read_bytes())
            return str(content["check"]), list(content["findings"])
    return None


def tracks_of(reader: TrackReader) -> list[TrackMasks]:
    """The proposed tracks as checks take them, all of them: what is not flagged itself still hides other things."""
    return [
        TrackMasks(
            track_id=number,
            label=label,
            rigidity="deformable" if label in _BENDS else "rigid",
            masks=reader.masks_of(number),
        )
        for number, label in sorted(reader.labels.items())
    ]
