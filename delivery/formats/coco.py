"""COCO instances: run-length masks with tracks, and the annotated frames as pictures.

One file, annotations/instances.json. What COCO has no field for is in extra ones, which its clients pass over:
`videos`, `images[].video_id`, `frame_index` and `time`, `track_id`, `attributes` with the provenance,
`amodal_segmentation` (the whole object, where somebody outlined it) and `action_segments`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np

from annotation.geometry import timebase
from delivery.dataset import Clip, Dataset, Mask, Picture, Segment, Term
from delivery.errors import DeliveryFailed
from delivery.formats import coco_check
from delivery.formats.registry import EVERYTHING, Step, register
from delivery.json_stream import ObjectWriter, elements
from delivery.problems import Drawn, Pick, Problem

FILE = "annotations/instances.json"
IMAGES = "images"
_ENCODING: dict[str, list[int]] = {
    # Three times as fast as the usual 3, and a tenth larger.
    "png": [cv2.IMWRITE_PNG_COMPRESSION, 1],
    "jpg": [cv2.IMWRITE_JPEG_QUALITY, 95],
}


@register
class Coco:
    name: ClassVar[str] = "coco"
    title: ClassVar[str] = "COCO"
    description: ClassVar[str] = (
        "One JSON file of instance masks with tracks and action segments, and the annotated frames as pictures. "
        "For pycocotools, detectron2, MMDetection and most training code."
    )
    options: ClassVar[Mapping[str, tuple[str, ...]]] = {"images": ("png", "jpg", "none")}
    holds: ClassVar[frozenset[str]] = EVERYTHING

    def write(self, dataset: Dataset, root: Path, options: Mapping[str, str], step: Step) -> None:
        ending = options["images"]
        shown = "png" if ending == "none" else ending
        (root / FILE).parent.mkdir()
        with ObjectWriter(root / FILE) as file:
            file.field("info", _info(dataset))
            file.field("licenses", _licences(dataset))
            file.array("categories", (_category(label) for label in dataset.taxonomy.labels))
            file.array("videos", (_video(clip) for clip in dataset.clips))
            file.array("images", _images(dataset, shown))
            file.array("annotations", _annotations(dataset, step, share=0.3 if ending != "none" else 1.0))
            file.array("action_segments", _segments(dataset))
        if ending != "none":
            _pictures(dataset, root / IMAGES, ending, step)

    def check(self, root: Path, found: dict[str, int]) -> Iterator[Problem]:
        yield from coco_check.check(root, FILE, IMAGES, found)

    def masks_on(self, root: Path, picks: Collection[Pick]) -> Iterator[tuple[Pick, Drawn]]:
        folders: dict[int, str] = {}
        labels: dict[int, str] = {}
        wanted: dict[int, Pick] = {}
        for field, value in elements(root / FILE):
            if field == "categories":
                labels[value["id"]] = value["name"]
            elif field == "videos":
                folders[value["id"]] = value["folder"]
            elif field == "images":
                pick = Pick(folders[value["video_id"]], value["frame_index"])
                if pick in picks:
                    wanted[value["id"]] = pick
            elif field == "annotations" and value["image_id"] in wanted:
                drawn = Drawn(labels[value["category_id"]], value["track_id"], value["segmentation"])
                yield wanted[value["image_id"]], drawn


def _info(dataset: Dataset) -> dict[str, Any]:
    return {
        "description": dataset.description or dataset.name,
        "version": "1.0",
        "contributor": dataset.name,
        "project": dataset.project,
        "snapshot": dataset.snapshot,
        "filters": dataset.filters,
        "taxonomy": dataset.taxonomy.number,
        "guideline": dataset.guideline,
        "conventions": (
            "Frames count from 0 in the order in which a player shows them; segments are [start, end); boxes are "
            "[x, y, width, height] in pixels from the top left; times are seconds after the first frame."
        ),
    }


def _licences(dataset: Dataset) -> list[dict[str, Any]]:
    return [{"id": number, "name": name, "url": ""} for name, number in _licence_numbers(dataset).items()]


def _licence_numbers(dataset: Dataset) -> dict[str, int]:
    names = {str(clip.about["licence"]) for clip in dataset.clips if clip.about["licence"]}
    return {name: number for number, name in enumerate(sorted(names), start=1)}


def _category(label: Term) -> dict[str, Any]:
    own = {"definition": label.definition, "colour": label.colour, "retired": label.retired}
    return {"id": label.number, "name": label.key, "supercategory": "object", **own, **label.more}


def _video(clip: Clip) -> dict[str, Any]:
    return {
        "id": clip.id,
        "name": clip.name,
        "folder": clip.folder,
        "file_name": clip.source_name,
        "sha256": clip.sha256,
        "width": clip.width,
        "height": clip.height,
        "length": clip.frame_count,
        "fps": clip.fps,
        "variable_rate": clip.variable_rate,
        **clip.about,
    }


def _images(dataset: Dataset, ending: str) -> Iterator[dict[str, Any]]:
    licences, number = _licence_numbers(dataset), 0
    for clip in dataset.clips:
        seconds = clip.source.seconds()
        for frame in clip.frames:
            number += 1
            image = {
                "id": number,
                "file_name": f"{clip.folder}/{picture_name(frame, ending)}",
                "width": clip.width,
                "height": clip.height,
                "video_id": clip.id,
                "frame_index": frame,
                "time": timebase.time_of(seconds, frame),
                "complete": frame in clip.complete,
                "review_status": clip.status_of(frame),
            }
            if clip.about["licence"]:
                image["license"] = licences[str(clip.about["licence"])]
            yield image


def _annotations(dataset: Dataset, step: Step, *, share: float) -> Iterator[dict[str, Any]]:
    categories = {label.key: label.number for label in dataset.taxonomy.labels}
    number = images = tracks = 0
    for clip in dataset.clips:
        image_of = {frame: images + place for place, frame in enumerate(clip.frames, start=1)}
        # Ids from 1 on: COCOeval takes annotation 0 for none.
        for mask in clip.source.masks("frame"):
            number += 1
            z_order = clip.tracks[mask.track - 1].z_order
            told = {"image_id": image_of[mask.frame], "video_id": clip.id, "category_id": categories[mask.label]}
            yield {"id": number, **told, **_mask(mask, tracks + mask.track, z_order)}
            if number % 50 == 0:
                step(share * number / max(1, dataset.counts.masks), "writing masks")
        images += len(clip.frames)
        tracks += len(clip.tracks)


def _mask(mask: Mask, track: int, z_order: int) -> dict[str, Any]:
    whole = {"amodal_segmentation": mask.amodal} if mask.amodal else {}
    return whole | {
        "segmentation": mask.rle,
        "area": mask.area,
        "bbox": list(mask.bbox),
        "iscrowd": 0,
        "track_id": track,
        "attributes": {
            "track_id": track,
            "occluded": mask.occluded,
            "z_order": z_order,
            "edit_iou": mask.edit_iou,
            "edit_boundary": mask.edit_boundary,
            **mask.provenance.as_dict(),
        },
    }


def _segments(dataset: Dataset) -> Iterator[dict[str, Any]]:
    number = 0
    for clip in dataset.clips:
        seconds = clip.source.seconds() if clip.segment_count else np.zeros(0)
        for segment in clip.source.segments():
            number += 1
            start, end = timebase.span(seconds, segment.start, segment.end)
            yield {"id": number, "video_id": clip.id, "start_time": start, "end_time": end, **_segment(segment)}


def _segment(segment: Segment) -> dict[str, Any]:
    return {
        "start_frame": segment.start,
        "end_frame": segment.end,
        "level": segment.level,
        "action": segment.action,
        "phase": segment.phase,
        **segment.about(),
        "instructions": list(segment.instructions),
        "confidence": segment.confidence,
        "attributes": segment.provenance.as_dict(),
    }


def picture_name(frame: int, ending: str) -> str:
    return f"frame_{frame:06d}.{ending}"


def _pictures(dataset: Dataset, root: Path, ending: str, step: Step) -> None:
    done = 0
    for clip in dataset.clips:
        folder = root / clip.folder
        folder.mkdir(parents=True)
        for frame, picture in clip.source.pictures(clip.frames):
            write_picture(folder / picture_name(frame, ending), picture)
            done += 1
            step(0.3 + 0.7 * done / max(1, dataset.counts.frames), "writing pictures")


def write_picture(path: Path, picture: Picture) -> None:
    """Write (height, width, 3) uint8 RGB as PNG (exact) or JPEG by the ending of the name.

    Raises:
        OSError: the disk is full or not writable; OpenCV's own writer would only answer False.
    """
    worked, coded = cv2.imencode(path.suffix, np.ascontiguousarray(picture[..., ::-1]), _ENCODING[path.suffix[1:]])
    if not worked:
        raise DeliveryFailed(f"The picture {path.name} could not be coded.", kind="error")
    path.write_bytes(coded.tobytes())
