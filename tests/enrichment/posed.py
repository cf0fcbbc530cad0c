"""Keypoints as the layer pose writes them, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from annotation.media.clip_folder import ClipFolder
from enrichment import pose_files
from enrichment.engines import keypoints
from enrichment.engines.keypoints import Person


def write_pose(
    folder: ClipFolder, frames: Sequence[Sequence[Person]], seconds: Sequence[float], count: int, size: tuple[int, int]
) -> Path:
    """People by frame, who is who found out; size: (height, width) in pixels."""
    with folder.writing(pose_files.FILE) as file:
        pose_files.write(
            file,
            keypoints.coco_images(len(frames), size),
            keypoints.coco_category(count),
            keypoints.coco_annotations(keypoints.followed(frames, seconds)),
            {"engine": "posed", "engine_version": "1"},
        )
    return folder.local(pose_files.FILE)
