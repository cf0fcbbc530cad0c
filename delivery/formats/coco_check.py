"""Is a COCO file sound? Clients read most mistakes without a word, so all that they take on trust is checked."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from annotation.geometry import rle
from delivery.json_stream import JsonError, elements
from delivery.problems import Problem

_IMAGE: dict[str, type | tuple[type, ...]] = {
    "id": int, "file_name": str, "width": int, "height": int, "video_id": int, "frame_index": int, "time": (int, float),
}  # fmt: skip
_ANNOTATION: dict[str, type | tuple[type, ...]] = {
    "id": int, "image_id": int, "category_id": int, "video_id": int, "track_id": int, "iscrowd": int, "area": int,
    "bbox": list, "segmentation": dict, "attributes": dict,
}  # fmt: skip
_SEGMENT: dict[str, type | tuple[type, ...]] = {
    "id": int, "video_id": int, "start_frame": int, "end_frame": int, "start_time": (int, float),
    "end_time": (int, float), "level": str, "instructions": list,
}  # fmt: skip


def check(root: Path, file: str, images: str, found: dict[str, int]) -> Iterator[Problem]:
    """Every problem of the file and of the pictures it names, in memory that does not grow with the masks."""
    checker = _Checker(root, images, found)
    fields: set[str] = set()
    try:
        for field, value in elements(root / file):
            fields.add(field)
            for sentence in checker.look(field, value):
                yield Problem(file, sentence)
    except (JsonError, OSError) as error:
        yield Problem(file, str(error))
        return
    if missing := sorted({"info", "categories"} - fields):
        yield Problem(file, f"The field {', '.join(missing)} is missing.")
    found["tracks"] = len(checker.tracks)


class _Checker:
    def __init__(self, root: Path, images: str, found: dict[str, int]) -> None:
        self._root = root
        self._images = root / images
        self._found = found
        self._videos: dict[int, dict[str, Any]] = {}
        self._categories: set[int] = set()
        # The video of image n is at n - 1: four bytes an image.
        self._video_of = array("q")
        self._last_image = (0, -1)
        self._last = (0, 0)
        self.tracks: dict[int, tuple[int, int]] = {}

    def look(self, field: str, value: Any) -> Iterator[str]:
        looks = {
            "videos": self._video,
            "categories": self._category,
            "images": self._image,
            "annotations": self._annotation,
            "action_segments": self._segment,
        }
        if field in looks:
            if isinstance(value, dict):
                yield from looks[field](value)
            else:
                yield f"{field} holds {str(value)[:40]!r}, which is no object."

    def _video(self, video: dict[str, Any]) -> Iterator[str]:
        wanted = {"id": int, "folder": str, "width": int, "height": int, "length": int}
        wrong = _wrong(video, wanted)
        if wrong:
            yield f"A video's {wrong}."
        elif video["id"] in self._videos:
            yield f"The video {video['id']} is there twice."
        else:
            self._videos[video["id"]] = {name: video[name] for name in wanted}
            self._found["clips"] += 1

    def _category(self, category: dict[str, Any]) -> Iterator[str]:
        wrong = _wrong(category, {"id": int, "name": str})
        if wrong:
            yield f"A category's {wrong}."
        elif category["id"] in self._categories or category["id"] < 1:
            yield f"The category {category['id']} is there twice or below 1."
        else:
            self._categories.add(category["id"])

    def _image(self, image: dict[str, Any]) -> Iterator[str]:
        self._found["frames"] += 1
        number = self._found["frames"]
        wrong = _wrong(image, _IMAGE)
        if wrong:
            self._video_of.append(0)
            yield f"Image {number}'s {wrong}."
            return
        self._video_of.append(image["video_id"])
        video = self._videos.get(image["video_id"])
        if image["id"] != number:
            yield f"Image {number} has the id {image['id']}; ids count from 1 without a gap."
        if video is None:
            yield f"Image {number} is of video {image['video_id']}, which is not there."
            return
        if (image["width"], image["height"]) != (video["width"], video["height"]):
            yield f"Image {number} is not of its video's size."
        place = (image["video_id"], image["frame_index"])
        if not 0 <= image["frame_index"] < video["length"] or place <= self._last_image:
            yield f"Image {number} is frame {image['frame_index']}, which its video does not have, or is out of order."
        self._last_image = place
        if self._images.is_dir():
            yield from self._picture(image, number)

    def _picture(self, image: dict[str, Any], number: int) -> Iterator[str]:
        try:
            with Image.open(self._images / image["file_name"]) as picture:
                size = picture.size
        except (OSError, UnidentifiedImageError, ValueError, Image.DecompressionBombError) as error:
            yield f"The picture {image['file_name']} of image {number} cannot be read: {error}"
            return
        if size != (image["width"], image["height"]):
            yield f"The picture {image['file_name']} is {size[0]} x {size[1]}, not as image {number} says."

    def _annotation(self, each: dict[str, Any]) -> Iterator[str]:
        self._found["masks"] += 1
        number = self._found["masks"]
        wrong = _wrong(each, _ANNOTATION)
        if wrong:
            yield f"Annotation {number}'s {wrong}."
            return
        if each["id"] != number:
            yield f"Annotation {number} has the id {each['id']}; ids count from 1 without a gap."
        if each["category_id"] not in self._categories:
            yield f"Annotation {number} is of category {each['category_id']}, which is not there."
        if each["iscrowd"] != 0 or each["attributes"].get("track_id") != each["track_id"]:
            yield f"Annotation {number} is a crowd, or its two track ids differ."
        # Sorted, so that a second mask of a track on one image shows without remembering all.
        place = (each["image_id"], each["track_id"])
        if place <= self._last:
            yield f"Annotation {number} is a second one of track {place[1]} on image {place[0]}, or out of order."
        self._last = place
        kept = self.tracks.setdefault(each["track_id"], (each["category_id"], each["video_id"]))
        if kept != (each["category_id"], each["video_id"]):
            yield f"Annotation {number} changes the category or video of track {each['track_id']}."
        yield from self._pixels(each, number)

    def _pixels(self, each: dict[str, Any], number: int) -> Iterator[str]:
        if not 1 <= each["image_id"] <= len(self._video_of):
            yield f"Annotation {number} is on image {each['image_id']}, which is not there."
            return
        video = self._videos.get(self._video_of[each["image_id"] - 1])
        if video is None or video["id"] != each["video_id"]:
            yield f"Annotation {number} is of video {each['video_id']}, its image is not."
            return
        for sentence in mask_sentences(each["segmentation"], video["height"], video["width"], each):
            yield f"Annotation {number}: {sentence}"
        for sentence in edit_sentences(each["attributes"]):
            yield f"Annotation {number}: {sentence}"
        if "amodal_segmentation" in each:
            for sentence in amodal_sentences(each["segmentation"], each["amodal_segmentation"]):
                yield f"Annotation {number}: {sentence}"

    def _segment(self, each: dict[str, Any]) -> Iterator[str]:
        self._found["segments"] += 1
        number = self._found["segments"]
        wrong = _wrong(each, _SEGMENT)
        if wrong:
            yield f"Action segment {number}'s {wrong}."
            return
        video = self._videos.get(each["video_id"])
        if video is None:
            yield f"Action segment {number} is of video {each['video_id']}, which is not there."
        elif not 0 <= each["start_frame"] < each["end_frame"] <= video["length"]:
            yield f"Action segment {number} is [{each['start_frame']}, {each['end_frame']}), not within its video."
        if each["id"] != number or not each["start_time"] < each["end_time"]:
            yield f"Action segment {number} has the id {each['id']} or ends before it starts."


def mask_sentences(mask: Any, height: int, width: int, said: dict[str, Any]) -> Iterator[str]:
    """What is wrong with a run-length mask and with the area and bbox that are said of it."""
    try:
        sound = rle.validate(mask, height=height, width=width)
    except rle.RleError as error:
        yield str(error)
        return
    area, box = rle.area(sound), list(rle.bbox(sound))
    if not area:
        yield "The mask has no pixels; erase it or draw it."
    if said["area"] != area or said["bbox"] != box:
        yield f"It says area {said['area']} and bbox {said['bbox']}; its pixels say {area} and {box}."


def edit_sentences(said: dict[str, Any]) -> Iterator[str]:
    """What is wrong with what is said of how far a mask is from its proposal; nothing need be said."""
    share, distance = said.get("edit_iou"), said.get("edit_boundary")
    if share is not None and not (isinstance(share, int | float) and 0 <= share <= 1):
        yield f"Its edit_iou is {str(share)[:40]}, but an IoU lies between 0 and 1."
    if distance is not None and not (isinstance(distance, int | float) and distance >= 0):
        yield f"Its edit_boundary is {str(distance)[:40]}, but a distance in pixels is 0 or more."
    if distance is not None and share is None:
        yield "It has an edit_boundary without an edit_iou."


def amodal_sentences(mask: Any, whole: Any) -> Iterator[str]:
    """What is wrong with a whole object beside the mask of what is seen of it."""
    try:
        height, width = mask["size"]
        sound = rle.validate(whole, height=height, width=width)
        hidden = bool((rle.decode(mask) & ~rle.decode(sound) & 1).any())
    except (rle.RleError, TypeError, KeyError, ValueError) as error:
        yield f"Its whole object is no mask of that size: {error}"
        return
    if hidden:
        yield "Its whole object does not hold all that is seen of it."


def _wrong(value: dict[str, Any], wanted: dict[str, Any]) -> str:
    """The first field that is missing or of another type; True and False are no numbers here."""
    for name, kind in wanted.items():
        there = value.get(name)
        if not isinstance(there, kind) or isinstance(there, bool):
            return f"{name} is {str(there)[:40]!r}"
    return ""
