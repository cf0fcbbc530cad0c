"""Which findings on proposals become flags."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from annotation.media.clip_folder import ClipFolder
from annotation.media.mask_tracks import MaskTracks
from enrichment.checks.registry import Finding
from enrichment.findings import of_proposals, of_the_sure
from enrichment.layers.segmentation import MASKS_FILE


@pytest.fixture
def reader(tmp_path: Path) -> MaskTracks:
    folder = ClipFolder(tmp_path / "clip")
    tracks = [
        {"track_id": number, "label": "target_object", "confidence": confidence, "frames": {}}
        for number, confidence in ((1, 0.9), (2, 0.5))
    ]
    folder.write(MASKS_FILE, json.dumps({"size": [4, 4], "tracks": tracks}).encode())
    return MaskTracks(folder.local(MASKS_FILE))


def about(*tracks: int, severity: int = 3) -> Finding:
    return Finding("flow_vs_segmentation", 0, 2, severity, "It moved.", {"tracks": list(tracks)})


def test_a_proposal_that_doubts_itself_raises_no_flag_and_a_sure_one_is_not_called_surely_wrong(
    reader: MaskTracks,
) -> None:
    found = [about(1), about(2), about(1, severity=1)]
    sure = of_proposals(of_the_sure(found, reader, 0.75))
    assert [(each.evidence["tracks"], each.severity) for each in sure] == [([1], 2), ([1], 1)]
    assert len(of_the_sure(found, reader, 0.0)) == 3
