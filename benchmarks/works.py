"""The works that are timed: each of ours beside a bare loop over the libraries that does the same to the same input.

Run through benchmarks/processes.py, which gives each its own process and home.
"""

from __future__ import annotations

import json
import resource
import sys
import threading
import time
import uuid
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from zlib import crc32

import av
import cv2
import django
import numpy as np
from pycocotools import mask as coco_mask

from annotation import scene
from annotation.scene.numbered import write_numbered_video
from annotation.scene.video import PictureWriter

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402

from annotation import clips, masks, projects, tasks, tracks  # noqa: E402
from annotation.geometry import rle  # noqa: E402
from annotation.media.probe import inspect  # noqa: E402
from annotation.models import Clip, Task  # noqa: E402
from annotation.revisions import Origin, lock  # noqa: E402
from delivery import deliveries  # noqa: E402
from delivery.models import Delivery  # noqa: E402
from enrichment import compute, runs  # noqa: E402
from enrichment.carriers.flow import Flow  # noqa: E402
from enrichment.propagation.carrier import Keyframe, Stretch  # noqa: E402
from enrichment.propagation.pictures import Walk  # noqa: E402

Work = Callable[[int], tuple[int, float]]
TRACKS = 3


def ingest(frames: int) -> tuple[int, float]:
    """Inspect, index, hash and take in a file."""
    path, by = _video(frames, 1280, 720), _person()
    project = projects.create(name="Bench", slug="bench", by=by)
    began = time.perf_counter()
    facts = inspect(path, limits=clips.limits())
    clip = clips.add(project=project, path=path, facts=facts, about={}, by=by)
    return clip.frame_count, time.perf_counter() - began


def bare_decode(frames: int) -> tuple[int, float]:
    """PyAV decodes every frame, and nothing else happens."""
    path = _video(frames, 1280, 720)
    began = time.perf_counter()
    with av.open(str(path)) as file:
        file.streams.video[0].thread_type = "AUTO"
        count = sum(1 for _ in file.decode(video=0))
    return count, time.perf_counter() - began


def bare_index(frames: int) -> tuple[int, float]:
    """PyAV decodes every frame and a checksum goes over its planes: the least an index of proven frames can cost."""
    path = _video(frames, 1280, 720)
    began = time.perf_counter()
    count = 0
    with av.open(str(path)) as file:
        file.streams.video[0].thread_type = "AUTO"
        for frame in file.decode(video=0):
            crc32(frame.to_ndarray())
            count += 1
    return count, time.perf_counter() - began


def flow(frames: int) -> tuple[int, float]:
    """The flow layer through the ledger: decode, DIS, files with hashes, manifest."""
    clip = _clip(frames)
    began = time.perf_counter()
    run = runs.request(project=clip.project, by=None, layers=["flow"], tell=False)
    runs.plan(run)
    compute.work_here(run)
    return clip.frame_count - 1, time.perf_counter() - began


def bare_flow(frames: int) -> tuple[int, float]:
    """Decode, DIS medium and np.save in a loop."""
    path = _video(frames, 320, 240)
    engine = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    target = settings.HOME / "bare"
    target.mkdir()
    began, count, before = time.perf_counter(), 0, None
    with av.open(str(path)) as file:
        for frame in file.decode(video=0):
            grey = cv2.cvtColor(frame.to_ndarray(format="rgb24"), cv2.COLOR_RGB2GRAY)
            if before is not None:
                np.save(target / f"flow_{count:03d}.npy", engine.calc(before, grey, None))
                count += 1
            before = grey
    return count, time.perf_counter() - began


def coco(frames: int) -> tuple[int, float]:
    """A COCO delivery without pictures: snapshot, file, verification, publication."""
    clip = _annotated(frames)
    asked = deliveries.request(
        project=clip.project,
        format="coco",
        filters={"review_status": "any"},
        by=None,
        options={"images": "none"},
        destination=str(settings.HOME / "out"),
    )
    began = time.perf_counter()
    made = deliveries.run(delivery_id=asked.pk)
    seconds = time.perf_counter() - began
    if made.state != Delivery.State.DONE:
        raise RuntimeError(made.reason)
    return frames * TRACKS, seconds


def bare_coco(frames: int) -> tuple[int, float]:
    """Pycocotools encodes, measures and json writes the same masks."""
    drawn = [np.asfortranarray(_disc(track, frame, 640, 480)) for frame in range(50) for track in range(TRACKS)]
    began, annotations = time.perf_counter(), []
    for n in range(frames * TRACKS):
        code = coco_mask.encode(drawn[n % len(drawn)])
        annotation = {"id": n + 1, "image_id": n // TRACKS + 1, "category_id": 1, "iscrowd": 0}
        annotation |= {"area": int(coco_mask.area(code)), "bbox": coco_mask.toBbox(code).tolist()}
        annotations.append(annotation | {"segmentation": {"size": [480, 640], "counts": code["counts"].decode()}})
    (settings.HOME / "bare.json").write_text(json.dumps({"annotations": annotations}))
    return frames * TRACKS, time.perf_counter() - began


def carry(frames: int) -> tuple[int, float]:
    """A mask carried through a clip's file, forwards to its end, and between a keyframe there and one at the start."""
    clip, mask = _table(frames)
    last = clip.frame_count - 1
    ways = [Stretch(Keyframe(0, mask), last), Stretch(Keyframe(last, mask), 1, Keyframe(0, mask))]
    came, began = 0, time.perf_counter()
    with clips.reader(clip) as reader:
        for stretch in ways:
            came += sum(1 for _ in Flow().carry(Walk(reader, (clip.height, clip.width)), stretch))
    if came < 3 * (last - 1):
        raise RuntimeError(f"The mask was lost after {came} frames; memory at {frames} frames would not be measured.")
    return came, time.perf_counter() - began


WORKS: dict[str, Work] = {
    work.__name__: work for work in (ingest, bare_decode, bare_index, flow, bare_flow, coco, bare_coco, carry)
}


def _video(frames: int, width: int, height: int) -> Path:
    settings.HOME.mkdir(parents=True, exist_ok=True)
    path = settings.HOME / "bench.mp4"
    write_numbered_video(path, frames=frames, width=width, height=height, fps=30.0)
    return path


def _person() -> User:
    call_command("migrate", verbosity=0, interactive=False)
    return User.objects.create(username="bench")


def _clip(frames: int, width: int = 320, height: int = 240) -> Clip:
    path, by = _video(frames, width, height), _person()
    project = projects.create(name="Bench", slug="bench", by=by)
    return clips.add(project=project, path=path, facts=inspect(path, limits=clips.limits()), about={}, by=by)


def _table(frames: int) -> tuple[Clip, np.ndarray[tuple[int, int], np.dtype[np.bool_]]]:
    """The beginning of the demo scene, to and fro, and the container's mask on its first frame."""
    shown = list(islice(scene.render(spec := scene.SceneSpec(seed=100)), 20))
    path, by = settings.HOME / "table.mp4", _person()
    ways = {"codec": "libx264", "size": (spec.width, spec.height), "b_frames": 2, "gop": 30}
    with PictureWriter(path, fps=spec.fps, options={"crf": "18"}, **ways) as file:
        for number, each in enumerate(islice(cycle(shown + shown[::-1]), frames)):
            file.write(each.image, number / spec.fps)
    project = projects.create(name="Bench", slug="bench", by=by)
    clip = clips.add(project=project, path=path, facts=inspect(path, limits=clips.limits()), about={}, by=by)
    thing = next(each.instance for each in scene.describe(spec).objects if each.label == "container")
    return clip, shown[0].instances == thing


def _annotated(frames: int) -> Clip:
    clip = _clip(frames, 640, 480)
    by = User.objects.get(username="bench")
    task = lock(tasks.claim(task=Task.objects.get(clip=clip), user=by), by=by)
    for number in range(TRACKS):
        track = tracks.save(task=task, id=uuid.uuid4(), base_version=0, by=by, label="target_object").mine.of
        counts = {frame: rle.encode(_disc(number, frame, 640, 480))["counts"] for frame in range(frames)}
        masks.lay(task=task, track=track, counts=counts, by=by, origin=Origin())
    return clip


def _disc(track: int, frame: int, width: int, height: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    mask = np.zeros((height, width), np.uint8)
    centre = (80 + 200 * track + frame % 50, height // 2)
    return cv2.circle(mask, centre, 60, 1, -1)  # type: ignore[return-value]


class _Peak:
    """The most memory resident while the work ran: sampled, because a process's own record counts its set-up too."""

    def __init__(self) -> None:
        self.bytes = 0
        self._over = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> _Peak:
        self._sampler.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._sampler.join()

    def _sample(self) -> None:
        while not self._over.wait(0.05):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self.bytes = max(self.bytes, pages * resource.getpagesize())


def main(name: str, frames: int) -> None:
    with _Peak() as peak:
        units, seconds = WORKS[name](frames)
    print(json.dumps({"units": units, "seconds": seconds, "peak": peak.bytes}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
