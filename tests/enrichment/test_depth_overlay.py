"""Depth laid over the picture, on a machine that did not compute it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from annotation.media.clip_folder import ClipFolder
from enrichment import registry
from enrichment.layers.depth import META_FILE, RELATIVE, file_of
from tests.annotation.media.test_clip_folder import FolderMirror, commit


def test_relative_depth_is_told_from_metres_where_only_the_mirror_has_its_files(tmp_path: Path) -> None:
    mirror = FolderMirror(tmp_path / "mirror")
    here, there = (ClipFolder(tmp_path / name / "clip_00000001", mirror) for name in ("here", "there"))
    slope = np.tile(np.arange(1000, 33000, 1000, dtype=np.uint16), (32, 1))
    meta = {"kind": RELATIVE, "scale": [1.0]}
    files = [
        here.write(file_of(0), cv2.imencode(".png", slope)[1].tobytes()),
        here.write(META_FILE, json.dumps(meta).encode()),
    ]
    commit(here, "depth", files)
    of_clip: Any = None
    drawn = [registry.get("depth").overlay(folder, of_clip, 0) for folder in (here, there)]
    assert drawn[0] is not None
    assert np.array_equal(drawn[0], drawn[1])  # type: ignore[arg-type]
