"""What layers that are checks have in common: findings as a piece, then as a file and as news."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from annotation.media.clip_folder import ClipFolder
from enrichment.checks.observed_motion import TrackMasks
from enrichment.checks.registry import Finding
from enrichment.layer import Context, Product
from enrichment.layers.segmentation import TrackReader

_PIECE = "judgement.json"
# The engine without weights guesses labels that a project need not have; of these it can be said that they bend.
_BENDS = frozenset({"human_hand", "obstacle_deformable"})


def write_findings(context: Context, found: Sequence[Finding]) -> None:
    """Leave them for `publish_findings`."""
    context.pieces.write_json(_PIECE, {"findings": [finding.to_json() for finding in found], "unjudged": ""})


def write_unjudged(context: Context, why: str) -> None:
    """Leave for `publish_findings` that the check could not judge the clip, and why, in a sentence."""
    context.pieces.write_json(_PIECE, {"findings": [], "unjudged": why})


def publish_findings(context: Context, path: str, check: str) -> Product:
    """The layer's one file, and what goes to the apps above."""
    left = context.pieces.read_json(_PIECE)
    content = json.dumps({"check": check, **left}, separators=(",", ":")) + "\n"
    findings = None if left["unjudged"] else left["findings"]
    file = context.folder.write(path, content.encode())
    return Product([file], check=check, findings=findings, unjudged=left["unjudged"])


def of_the_sure(found: Sequence[Finding], reader: TrackReader, least: float) -> list[Finding]:
    """Findings about proposals that claim a confidence of `least` or more, 0-1, and none graver than "probably wrong".

    A proposal that calls itself doubtful says already what a flag would say, and none of them is anybody's work yet.
    """
    return [
        replace(each, severity=min(each.severity, 2))
        for each in found
        if all(reader.confidence.get(number, 1.0) >= least for number in each.evidence.get("tracks", ()))
    ]


def written(folder: ClipFolder, files: Iterable[str]) -> tuple[str, list[dict[str, Any]] | None, str] | None:
    """The check, its findings and why it could not judge, as a finished layer's files have them.

    Returns:
        None when the layer is no check; findings None when it could not judge.
    """
    for path in files:
        if path.startswith("checks/"):
            content = json.loads(folder.local(path).read_bytes())
            unjudged = str(content.get("unjudged", ""))
            return str(content["check"]), None if unjudged else list(content["findings"]), unjudged
    return None


def tracks_of(reader: TrackReader, rigidities: Mapping[str, str] | None = None) -> list[TrackMasks]:
    """The proposed tracks as checks take them, all of them: what is not flagged itself still hides other things.

    rigidities: by label as the project's taxonomy has them; none for a check that does not ask.
    """
    known = dict.fromkeys(_BENDS, "deformable") | dict(rigidities or {})
    return [
        TrackMasks(
            track_id=number,
            label=label,
            rigidity=known.get(label, "rigid"),
            masks=reader.masks_of(number),
        )
        for number, label in sorted(reader.labels.items())
    ]
