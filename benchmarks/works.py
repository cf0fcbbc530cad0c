"""The works that are timed: each of ours beside a bare loop over the libraries that does the same to the same input.

Run through benchmarks/processes.py, which gives each its own process and home.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from annotation.media.decode import FrameReader  # noqa: E402
from annotation.media.probe import inspect  # noqa: E402
from annotation.models import Clip, Task  # noqa: E402
from annotation.revisions import Origin, lock  # noqa: E402
from delivery import deliveries  # noqa: E402
from delivery.models import Delivery  # noqa: E402
from enrichment import compute, propagating, propagations, registry, runs, threads  # noqa: E402, F401 - for the other works
from enrichment.carriers.flow import Flow  # noqa: E402
from enrichment.engines import quality  # noqa: E402
from enrichment.engines.dis_flow import DisFlow  # noqa: E402
from enrichment.engines.mask_flow import MaskFlow  # noqa: E402
from enrichment.models import Run  # noqa: E402, F401 - for the other works
from enrichment.propagation.carrier import Keyframe, Stretch  # noqa: E402
from enrichment.propagation.pictures import Walk  # noqa: E402

Work = Callable[[int], tuple[int, float]]
TRACKS = 3


class _Clock:
    """Processor time of this process and its children, when the work began and what it took, in seconds."""

    began = 0.0
    cpu = 0.0


def _begin() -> float:
    _Clock.began = sum(os.times()[:4])
    return time.perf_counter()


def _since(began: float) -> float:
    _Clock.cpu = sum(os.times()[:4]) - _Clock.began
    return time.perf_counter() - began


def ingest(frames: int) -> tuple[int, float]:
    """Inspect, index, hash and take in a file."""
    path, by = video(frames, 1280, 720), person()
    project = projects.create(name="Bench", slug="bench", by=by)
    began = _begin()
    facts = inspect(path, limits=clips.limits())
    clip = clips.add(project=project, path=path, facts=facts, about={}, by=by)
    return clip.frame_count, _since(began)


def bare_decode(frames: int) -> tuple[int, float]:
    """PyAV decodes every frame, and nothing else happens."""
    path = video(frames, 1280, 720)
    began = _begin()
    with av.open(str(path)) as file:
        file.streams.video[0].thread_type = "AUTO"
        count = sum(1 for _ in file.decode(video=0))
    return count, _since(began)


def bare_index(frames: int) -> tuple[int, float]:
    """PyAV decodes every frame and a checksum goes over its planes: the least an index of proven frames can cost."""
    path = video(frames, 1280, 720)
    began = _begin()
    count = 0
    with av.open(str(path)) as file:
        file.streams.video[0].thread_type = "AUTO"
        for frame in file.decode(video=0):
            crc32(frame.to_ndarray())
            count += 1
    return count, _since(began)


def layers(clip: Clip, *names: str) -> float:
    """Seconds that layers take through the ledger: decode, compute, files with hashes, manifest."""
    began = _begin()
    run = runs.request(project=clip.project, by=None, layers=list(names), tell=False)
    runs.plan(run)
    compute.work_here(run)
    return _since(began)


def flow(frames: int, width: int = 320, height: int = 240) -> tuple[int, float]:
    """The flow layer."""
    clip = _clip(frames, width, height)
    return clip.frame_count - 1, layers(clip, "flow")


def flow_720(frames: int) -> tuple[int, float]:
    """The flow layer of a larger picture."""
    return flow(frames, 1280, 720)


def bare_flow(frames: int, width: int = 320, height: int = 240) -> tuple[int, float]:
    """Decode, reduce as the layer does, the same engine and np.save in a loop."""
    path = video(frames, width, height)
    scale = min(1.0, 640 / max(width, height))
    size = (round(width * scale), round(height * scale))
    engine = DisFlow()
    target = settings.HOME / "bare"
    target.mkdir()
    began, count, before = _begin(), 0, None
    with av.open(str(path)) as file:
        file.streams.video[0].thread_type = "AUTO"
        for frame in file.decode(video=0):
            picture = frame.to_ndarray(format="rgb24")
            if scale < 1:
                picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            if before is not None:
                np.save(target / f"flow_{count:03d}.npy", engine.flow(before, picture))
                count += 1
            before = picture
    return count, _since(began)


def bare_flow_720(frames: int) -> tuple[int, float]:
    """The same for a larger picture."""
    return bare_flow(frames, 1280, 720)


def quality_720(frames: int) -> tuple[int, float]:
    """The metadata layer."""
    clip = _clip(frames, 1280, 720)
    return clip.frame_count, layers(clip, "metadata")


def bare_quality_720(frames: int) -> tuple[int, float]:
    """Decode, measure every fifth frame against the one before it, write JSON."""
    path = video(frames, 1280, 720)
    began, before, found, count = _begin(), None, [], 0
    with av.open(str(path)) as file:
        file.streams.video[0].thread_type = "AUTO"
        for count, frame in enumerate(file.decode(video=0), 1):
            if (count - 1) % 5 in {0, 4}:
                picture = frame.to_ndarray(format="rgb24")
                if (count - 1) % 5 == 0:
                    found.append(quality.measure(picture, before))
                before = picture
    (settings.HOME / "bare.json").write_text(json.dumps(found))
    return count, _since(began)


def quick_layers(frames: int) -> tuple[int, float]:
    """Keyframes, metadata and flow of one clip, which look at the same frames."""
    clip = _clip(frames, 1280, 720)
    return clip.frame_count, layers(clip, "keyframes", "metadata", "flow")


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
    began = _begin()
    made = deliveries.run(delivery_id=asked.pk)
    seconds = _since(began)
    if made.state != Delivery.State.DONE:
        raise RuntimeError(made.reason)
    return frames * TRACKS, seconds


def bare_coco(frames: int) -> tuple[int, float]:
    """Pycocotools encodes, measures and json writes the same masks."""
    drawn = [np.asfortranarray(_disc(track, frame, 640, 480)) for frame in range(50) for track in range(TRACKS)]
    began, annotations = _begin(), []
    for n in range(frames * TRACKS):
        code = coco_mask.encode(drawn[n % len(drawn)])
        annotation = {"id": n + 1, "image_id": n // TRACKS + 1, "category_id": 1, "iscrowd": 0}
        annotation |= {"area": int(coco_mask.area(code)), "bbox": coco_mask.toBbox(code).tolist()}
        annotations.append(annotation | {"segmentation": {"size": [480, 640], "counts": code["counts"].decode()}})
    (settings.HOME / "bare.json").write_text(json.dumps({"annotations": annotations}))
    return frames * TRACKS, _since(began)


def carry(frames: int) -> tuple[int, float]:
    """A mask carried through a clip's file, forwards to its end, and between a keyframe there and one at the start."""
    clip, mask = table(frames)
    last = clip.frame_count - 1
    ways = [Stretch(Keyframe(0, mask), last), Stretch(Keyframe(last, mask), 1, Keyframe(0, mask))]
    came, began = 0, _begin()
    with clips.reader(clip) as reader:
        for stretch in ways:
            came += sum(1 for _ in Flow().carry(Walk(reader, (clip.height, clip.width)), stretch))
    if came < 3 * (last - 1):
        raise RuntimeError(f"The mask was lost after {came} frames; memory at {frames} frames would not be measured.")
    return came, _since(began)


def propagation(frames: int) -> tuple[int, float]:
    """A mask carried to a clip's end by a worker: claimed, handed in frame by frame, and ended."""
    clip, mask = table(frames)
    by = User.objects.get(username="bench")
    task = lock(tasks.claim(task=Task.objects.get(clip=clip), user=by), by=by)
    track = tracks.save(task=task, id=uuid.uuid4(), base_version=0, by=by, label="target_object").mine.of
    drawn = {"id": uuid.uuid4(), "track_id": track.pk, "frame": 0, "counts": rle.encode(mask)["counts"]}
    masks.save(task=task, **drawn, base_version=0, by=by, keyframe=True)  # type: ignore[arg-type]
    asked = propagations.ask(task=task, by=by, track_id=track.pk, frame=0, to=clip.frame_count - 1, engine="flow")
    began = _begin()
    propagating.run(asked.pk)
    seconds = _since(began)
    return asked.masks.count(), seconds


def bare_propagation(frames: int) -> tuple[int, float]:
    """Decode, the same engine and RLE in a loop, one JSON file at the end."""
    clip, mask = table(frames)
    came: dict[int, str] = {}
    began, follower = _begin(), None
    with av.open(str(clips.source(clip))) as file:
        file.streams.video[0].thread_type = "AUTO"
        for number, frame in enumerate(file.decode(video=0)):
            picture = frame.to_ndarray(format="rgb24")
            if follower is None:
                follower = MaskFlow(picture, mask)
                continue
            came[number] = rle.encode(follower.step(picture).mask)["counts"]
    (settings.HOME / "bare.json").write_text(json.dumps(came))
    return len(came), _since(began)


WORKS: dict[str, Work] = {
    work.__name__: work
    for work in (
        ingest,
        bare_decode,
        bare_index,
        flow,
        flow_720,
        bare_flow,
        bare_flow_720,
        quality_720,
        bare_quality_720,
        quick_layers,
        coco,
        bare_coco,
        carry,
        propagation,
        bare_propagation,
    )
}


def video(frames: int, width: int, height: int, name: str = "bench.mp4") -> Path:
    """A clip whose frames show their numbers, in this process's home."""
    settings.HOME.mkdir(parents=True, exist_ok=True)
    path = settings.HOME / name
    write_numbered_video(path, frames=frames, width=width, height=height, fps=30.0)
    return path


def ready() -> None:
    """Have the tables that the works need."""
    call_command("migrate", verbosity=0, interactive=False)


def person() -> User:
    """Whoever asks for things here."""
    ready()
    return User.objects.create(username="bench")


def _clip(frames: int, width: int = 320, height: int = 240) -> Clip:
    path, by = video(frames, width, height), person()
    project = projects.create(name="Bench", slug="bench", by=by)
    return clips.add(project=project, path=path, facts=inspect(path, limits=clips.limits()), about={}, by=by)


def table(frames: int) -> tuple[Clip, np.ndarray[tuple[int, int], np.dtype[np.bool_]]]:
    """The beginning of the demo scene, to and fro, and the container's mask on its first frame."""
    shown = list(islice(scene.render(spec := scene.SceneSpec(seed=100)), 20))
    path, by = settings.HOME / "table.mp4", person()
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


@contextmanager
def _decoding() -> Iterator[list[int]]:
    """How many frames our readers get out of decoders meanwhile."""
    count, usual = [0], FrameReader._numbered

    def counting(*args: object) -> Iterator[tuple[int, av.VideoFrame]]:
        for each in usual(*args):  # type: ignore[arg-type]
            count[0] += 1
            yield each

    FrameReader._numbered = counting  # type: ignore[method-assign, assignment]
    yield count
    FrameReader._numbered = usual  # type: ignore[method-assign]


def main(work: Work, frames: int) -> None:
    """Do a work and print what it took, as benchmarks/processes.py reads it."""
    with _Peak() as peak, _decoding() as decoded:
        units, seconds = work(frames)
    measured = {"units": units, "seconds": seconds, "cpu": _Clock.cpu, "peak": peak.bytes, "decoded": decoded[0]}
    print(json.dumps(measured))


if __name__ == "__main__":
    main(WORKS[sys.argv[1]], int(sys.argv[2]))
