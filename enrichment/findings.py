"""What layers that are checks have in common: findings as pieces, then as a file and as news."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from annotation.media.clip_folder import ClipFolder
from enrichment.checks.observed_motion import TrackMasks
from enrichment.checks.registry import Finding
from enrichment.layer import Context, Product, Span
from enrichment.layers.segmentation import TrackReader

# The engine without weights guesses labels that a project need not have; of these it can be said that they bend.
_BENDS = frozenset({"human_hand", "obstacle_deformable"})


def write_findings(context: Context, span: Span, found: Sequence[Finding]) -> None:
    """Leave what was found in a batch for `publish_findings`."""
    _write(context, span, found, "")


def write_unjudged(context: Context, span: Span, why: str) -> None:
    """Leave for `publish_findings` that the check could not judge the clip, and why, in a sentence."""
    _write(context, span, (), why)


def _write(context: Context, span: Span, found: Sequence[Finding], why: str) -> None:
    context.pieces.write_json(_piece(span), {"findings": [finding.to_json() for finding in found], "unjudged": why})


def publish_findings(
    context: Context,
    path: str,
    check: str,
    spans: Sequence[Span],
    judged: Callable[[list[Finding]], Sequence[Finding]] = lambda found: found,
) -> Product:
    """The layer's one file, and what goes to the apps above.

    Args:
        context: with the pieces that all batches left.
        path: of the file.
        check: what found it.
        spans: the batches.
        judged: what all of them found, in their order, to what counts; for checks that judge over the whole clip.
    """
    left = [context.pieces.read_json(_piece(span)) for span in spans]
    unjudged = next((each["unjudged"] for each in left if each["unjudged"]), "")
    found = judged([Finding(**each) for piece in left for each in piece["findings"]])
    return publish_found(context, path, check, found, unjudged)


def publish_found(context: Context, path: str, check: str, found: Sequence[Finding], unjudged: str = "") -> Product:
    """As `publish_findings`, for a check that judges only once everything has been looked at.

    unjudged: why the check could not judge the clip, in a sentence; then `found` does not count.
    """
    told = [] if unjudged else [finding.to_json() for finding in found]
    content = json.dumps({"check": check, "findings": told, "unjudged": unjudged}, separators=(",", ":")) + "\n"
    file = context.folder.write(path, content.encode())
    return Product([file], check=check, findings=None if unjudged else told, unjudged=unjudged)


def of_the_sure(found: Sequence[Finding], reader: TrackReader, least: float) -> list[Finding]:
    """Findings about proposals that claim a confidence of `least` or more, 0-1; before any are joined.

    A proposal that calls itself doubtful says already what a flag would say.
    """
    return [
        each
        for each in found
        if all(reader.confidence.get(number, 1.0) >= least for number in each.evidence.get("tracks", ()))
    ]


def of_proposals(found: Sequence[Finding]) -> list[Finding]:
    """The findings, none graver than "probably wrong": a proposal is nobody's work yet."""
    return [replace(each, severity=min(each.severity, 2)) for each in found]


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


def _piece(span: Span) -> str:
    return f"findings_{span.index:05d}.json"
