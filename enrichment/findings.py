"""What layers that are checks have in common: findings as pieces, then as a file and as news."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from annotation.media.clip_folder import ClipFolder
from annotation.media.mask_tracks import MaskTracks
from enrichment.checks.observed_motion import TrackMasks
from enrichment.checks.registry import Finding
from enrichment.layer import Context, Product, Span

# The engine without weights guesses labels that a project need not have; of these it can be said that they bend.
_BENDS = frozenset({"human_hand", "obstacle_deformable"})


def write_findings(context: Context, span: Span, found: Sequence[Finding], lacking: str = "") -> None:
    """Leave what was found in a batch for `publish_findings`.

    lacking: what the check did not look for beside it, and why, in a sentence.
    """
    _write(context, span, found, lacking=lacking)


def write_unjudged(context: Context, span: Span, why: str) -> None:
    """Leave for `publish_findings` that the check could not judge the clip, and why, in a sentence."""
    _write(context, span, (), unjudged=why)


def _write(context: Context, span: Span, found: Sequence[Finding], **said: str) -> None:
    context.pieces.write_json(_piece(span), {"findings": [finding.to_json() for finding in found], **said})


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
    said = {name: next((each[name] for each in left if each.get(name)), "") for name in ("unjudged", "lacking")}
    found = judged([Finding(**each) for piece in left for each in piece["findings"]])
    return publish_found(context, path, check, found, **said)


def publish_found(
    context: Context, path: str, check: str, found: Sequence[Finding], unjudged: str = "", lacking: str = ""
) -> Product:
    """As `publish_findings`, for a check that judges only once everything has been looked at.

    Args:
        context: of the layer.
        path: of the file.
        check: what found it.
        found: what counts.
        unjudged: why the check could not judge the clip, in a sentence; then `found` does not count.
        lacking: what it did not look for, and why, in a sentence; `found` counts all the same.
    """
    told = [] if unjudged else [finding.to_json() for finding in found]
    content = {"check": check, "findings": told, "unjudged": unjudged} | ({"lacking": lacking} if lacking else {})
    file = context.folder.write(path, (json.dumps(content, separators=(",", ":")) + "\n").encode())
    check, findings, why = _said(content)
    return Product([file], check=check, findings=findings, unjudged=why)


def of_the_sure(found: Sequence[Finding], reader: MaskTracks, least: float) -> list[Finding]:
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
    """The check, its findings and why it could not judge, or what it lacks, as a finished layer's files have them.

    Returns:
        None when the layer is no check; findings None when it could not judge.
    """
    for path in files:
        if path.startswith("checks/"):
            return _said(json.loads(folder.local(path).read_bytes()))
    return None


def _said(content: Mapping[str, Any]) -> tuple[str, list[dict[str, Any]] | None, str]:
    unjudged, lacking = str(content.get("unjudged", "")), str(content.get("lacking", ""))
    return str(content["check"]), None if unjudged else list(content["findings"]), unjudged or lacking


def tracks_of(reader: MaskTracks, rigidities: Mapping[str, str] | None = None) -> list[TrackMasks]:
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
