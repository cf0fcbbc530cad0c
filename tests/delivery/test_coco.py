"""COCO, read by the client that everybody uses."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from annotation import masks, tasks
from annotation.geometry import rle
from annotation.models import Clip, Mask, MaskRevision, Project, Task
from delivery.verify import verify
from tests.annotation.drawing import disc
from tests.delivery.conftest import Deliver, annotate, finish
from tests.factories import ClipFactory

FILE = "annotations/instances.json"


def read(root: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((root / FILE).read_text())
    return content


def rewrite(root: Path, change: Any) -> list[str]:
    """Change the delivered JSON as a careless program would; returns what the check then says of it."""
    content = read(root)
    change(content)
    (root / FILE).write_text(json.dumps(content))
    return [problem.sentence for problem in verify(root) if problem.path == FILE]


def test_cocoeval_scores_the_projects_own_masks_against_themselves_at_ap_1(
    drawn: list[Mask], deliver: Deliver, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = COCO(str(deliver("coco").folder / FILE))
    assert len(truth.anns) == 4
    results = [
        {name: each[name] for name in ("image_id", "category_id", "segmentation")} | {"score": 1.0}
        for each in truth.anns.values()
    ]
    scored = COCOeval(truth, truth.loadRes(results), iouType="segm")
    scored.evaluate()
    scored.accumulate()
    scored.summarize()
    assert scored.stats[0] == 1.0


def test_its_masks_are_those_that_were_drawn(drawn: list[Mask], deliver: Deliver, clip: Clip) -> None:
    truth = COCO(str(deliver("coco").folder / FILE))
    by_frame = {image["frame_index"]: number for number, image in truth.imgs.items()}
    (first,) = truth.imgToAnns[by_frame[0]]
    np.testing.assert_array_equal(truth.annToMask(first), disc(clip, x=20, radius=10))
    assert (first["area"], tuple(first["bbox"])) == (int(disc(clip, x=20, radius=10).sum()), (10, 22, 21, 21))
    assert truth.loadCats(first["category_id"])[0]["name"] == "target_object"


def test_how_far_a_mask_is_from_its_proposal_is_delivered_with_where_it_comes_from(
    drawn: list[Mask], deliver: Deliver
) -> None:
    MaskRevision.objects.filter(of=drawn[0]).update(edit_iou=0.75, edit_boundary=2.5)
    root = deliver("coco").folder
    told = [(each["attributes"]["edit_iou"], each["attributes"]["edit_boundary"]) for each in read(root)["annotations"]]
    assert told == [(0.75, 2.5), (None, None), (None, None), (None, None)]

    def lie(content: dict[str, Any]) -> None:
        content["annotations"][0]["attributes"] |= {"edit_iou": 1.5, "edit_boundary": -1.0}
        content["annotations"][1]["attributes"] |= {"edit_boundary": 3.0}

    first, second, third = (
        sentence for sentence in rewrite(root, lie) if "Its edit_" in sentence or "an edit_" in sentence
    )
    assert "edit_iou is 1.5" in first
    assert "edit_boundary is -1.0" in second
    assert third.startswith("Annotation 2: It has an edit_boundary without")


def test_tracks_go_through_frames_and_ids_count_from_1(drawn: list[Mask], deliver: Deliver) -> None:
    content = read(deliver("coco").folder)
    assert [each["id"] for each in content["annotations"]] == [1, 2, 3, 4]
    assert [each["track_id"] for each in content["annotations"]] == [1, 1, 1, 2]
    assert [each["attributes"]["track_id"] for each in content["annotations"]] == [1, 1, 1, 2]
    assert [(each["frame_index"], each["time"]) for each in content["images"]] == [(0, 0.0), (5, 5 / 12), (12, 1.0)]


def test_two_clips_share_no_image_or_track_id(
    project: Project, drawn: list[Mask], bob: Any, dana: Any, deliver: Deliver
) -> None:
    other = ClipFactory(project=project)
    second = Task.objects.get(clip=other)
    annotate(second, bob)
    finish(second, by=bob, reviewer=dana)
    content = read(deliver("coco").folder)
    assert [video["id"] for video in content["videos"]] == [drawn[0].task.clip_id, other.pk]
    assert {each["track_id"] for each in content["annotations"]} == {1, 2, 3, 4}
    assert len({each["id"] for each in content["images"]}) == len(content["images"]) == 6


def test_every_mask_says_where_it_comes_from_without_a_name(drawn: list[Mask], deliver: Deliver) -> None:
    folder = deliver("coco").folder
    origin = read(folder)["annotations"][0]["attributes"]
    assert (origin["method"], origin["status"], origin["guideline"], origin["taxonomy"]) == ("manual", "accepted", 1, 1)
    assert origin["revision"] == Mask.objects.get(pk=drawn[0].pk).head_id
    assert origin["author"].startswith("person-")
    assert all(b"bob" not in path.read_bytes() for path in folder.rglob("*.json"))


def test_the_action_segments_travel_with_it(drawn: list[Mask], deliver: Deliver) -> None:
    (segment,) = read(deliver("coco").folder)["action_segments"]
    assert (segment["start_frame"], segment["end_frame"], segment["action"], segment["phase"]) == (
        2,
        20,
        "pick",
        "grasp",
    )
    assert (segment["start_time"], segment["end_time"]) == (pytest.approx(2 / 12), pytest.approx(20 / 12))
    assert len(segment["instructions"]) == 3


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_its_pictures_are_ffmpegs_frames_of_the_source_pixel_for_pixel(
    drawn: list[Mask], deliver: Deliver, clip: Clip
) -> None:
    folder = deliver("coco").folder
    source = clip.folder / "source" / clip.source_name
    command = ["ffmpeg", "-v", "error", "-i", source, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    frames = np.frombuffer(raw, np.uint8).reshape(-1, clip.height, clip.width, 3)
    for image in read(folder)["images"]:
        written = np.asarray(Image.open(folder / "images" / image["file_name"]))
        np.testing.assert_array_equal(written, frames[image["frame_index"]])


def test_without_pictures_it_is_one_file(drawn: list[Mask], deliver: Deliver) -> None:
    folder = deliver("coco", options={"images": "none"}).folder
    assert not (folder / "images").exists()
    assert list(verify(folder)) == []


def test_a_finished_frame_without_a_mask_is_an_image_that_says_nothing_is_there(
    drawn: list[Mask], deliver: Deliver, task: Task
) -> None:
    Task.objects.filter(pk=task.pk).update(frames=[0, 12, 23])
    images = {each["frame_index"]: each for each in read(deliver("coco").folder)["images"]}
    assert sorted(images) == [0, 5, 12, 23]
    assert [images[frame]["complete"] for frame in sorted(images)] == [True, False, True, True]


def test_unfinished_frames_without_a_mask_are_no_images(task: Task, bob: Any, deliver: Deliver) -> None:
    annotate(task, bob)
    Task.objects.filter(pk=task.pk).update(frames=[0, 12, 23])
    images = read(deliver("coco", filters={"review_status": "any"}).folder)["images"]
    assert [(each["frame_index"], each["complete"]) for each in images] == [(0, False), (5, False), (12, False)]


def test_unreviewed_work_stays_out_unless_it_is_asked_for(task: Task, bob: Any, deliver: Deliver) -> None:
    annotate(task, bob)
    tasks.submit(task=task, user=bob)
    assert deliver("coco").counts["masks"] == 0
    assert deliver("coco", filters={"review_status": "submitted"}).counts["masks"] == 4


def test_one_label_alone_can_be_delivered(drawn: list[Mask], deliver: Deliver) -> None:
    content = read(deliver("coco", filters={"labels": ["gripper"]}).folder)
    names = {each["id"]: each["name"] for each in content["categories"]}
    assert [names[each["category_id"]] for each in content["annotations"]] == ["gripper"]


def test_one_clip_alone_can_be_delivered(project: Project, drawn: list[Mask], deliver: Deliver) -> None:
    other = ClipFactory(project=project)
    assert deliver("coco", filters={"clips": [other.pk], "review_status": "any"}).counts["masks"] == 0


def test_second_opinions_are_not_delivered(
    project: Project, drawn: list[Mask], task: Task, carol: Any, dana: Any, deliver: Deliver
) -> None:
    second = tasks.ask_second(task=task, by=dana)
    annotate(second, carol)
    assert deliver("coco", filters={"review_status": "any"}).counts["masks"] == 4


CARELESS = {
    "an id of 0": (lambda c: c["annotations"][0].update(id=0), "count from 1"),
    "an area that is not the mask's": (lambda c: c["annotations"][0].update(area=7), "its pixels say"),
    "counts of another size": (
        lambda c: c["annotations"][0]["segmentation"].update(counts=rle.encode(np.ones((4, 4), np.uint8))["counts"]),
        "add up to 16 pixels",
    ),
    "a category that is not there": (lambda c: c["annotations"][0].update(category_id=99), "category 99"),
    "an image that is not there": (lambda c: c["annotations"][3].update(image_id=99), "image 99"),
    "two masks of a track on one image": (
        lambda c: c["annotations"][1].update(image_id=c["annotations"][0]["image_id"]), "second one of track 1",
    ),
    "a track that changes its category": (lambda c: c["annotations"][1].update(category_id=2), "changes the category"),
    "a frame that the video does not have": (lambda c: c["images"][2].update(frame_index=24), "does not have"),
    "a picture of another size": (lambda c: c["images"][0].update(width=95), "video's size"),
    "a segment that ends outside": (lambda c: c["action_segments"][0].update(end_frame=25), "not within its video"),
    "a missing bbox": (lambda c: c["annotations"][2].pop("bbox"), "bbox is 'None'"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", CARELESS)
def test_the_check_finds(mistake: str, drawn: list[Mask], deliver: Deliver) -> None:
    change, said = CARELESS[mistake]
    sentences = rewrite(deliver("coco").folder, change)
    assert any(said in sentence for sentence in sentences), sentences


def test_the_check_finds_a_mask_that_was_left_out(drawn: list[Mask], deliver: Deliver) -> None:
    folder = deliver("coco").folder
    rewrite(folder, lambda content: content["annotations"].pop())
    assert any("promises 4 masks; the files hold 3" in problem.sentence for problem in verify(folder))


def test_whole_objects_go_along_where_somebody_outlined_them(
    task: Task, bob: User, dana: User, deliver: Deliver, clip: Clip
) -> None:
    seen, whole = disc(clip, x=20, radius=10), disc(clip, x=20, radius=14)
    made = annotate(task, bob)
    masks.save(
        task=task, id=made[0].pk, track_id=made[0].track_id, frame=0, counts=rle.encode(seen)["counts"],
        amodal=rle.encode(whole)["counts"], base_version=1, by=bob,
    )  # fmt: skip
    finish(task, by=bob, reviewer=dana)
    folder = deliver("coco").folder
    found = [each.get("amodal_segmentation") for each in read(folder)["annotations"]]
    assert found == [rle.encode(whole), None, None, None]

    def hide(content: Any) -> None:
        content["annotations"][0]["amodal_segmentation"] = rle.encode(disc(clip, x=20, radius=5))

    assert any("does not hold all that is seen of it" in said for said in rewrite(folder, hide))
    tracks = json.loads(next(deliver("clip_folder").folder.rglob("masks.json")).read_text())["tracks"]
    assert [mask.get("amodal") for mask in tracks[0]["frames"].values()] == [rle.encode(whole)["counts"], None, None]
