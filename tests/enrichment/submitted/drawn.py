"""What somebody draws and labels in a scene whose truth is known, and hands in."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from django.contrib.auth.models import User

from annotation import clips, segments, tracks
from annotation import masks as mask_verbs
from annotation.geometry import rle
from annotation.models import Clip, Task
from annotation.scene import SceneSpec, describe
from enrichment import compute, runs, task_checks
from enrichment.engines.motion_features import MotionFeatures
from enrichment.layers.actions import MOTION_FILE
from enrichment.layers.segmentation import MASKS_FILE
from enrichment.models import LayerRun

SPEC = SceneSpec(seed=1, frames=150, width=240, height=176)


def submit(task: Task) -> None:
    """As `tasks.submit`, without what tier 1 would ask for in addition."""
    Task.objects.filter(pk=task.pk).update(state=Task.State.SUBMITTED, version=task.version + 1)
    task_checks.ask(task.pk)


def compute_layers(clip: Clip, *layers: str) -> None:
    run = runs.request(project=clip.project, by=clip.added_by, clips=[clip], layers=layers, tell=False)
    runs.plan(run)
    compute.work_here(run)


def know_motion(clip: Clip, frames: list[Any], strength: float = 1.0, *, guided: bool = True) -> None:
    """The motion that the actions layer would have measured, here from the scene's own truth, which costs less."""
    labels = {thing.instance: thing.label for thing in describe(SPEC).objects}
    features = MotionFeatures(SPEC.height, SPEC.width)
    shown: dict[int, dict[str, Any]] = {number: {} for number in labels}
    for frame in frames:
        masks = {number: frame.instances == number for number in labels}
        features.add(frame.flow if frame.index < SPEC.frames - 1 else None, masks, labels)
        for number, mask in masks.items():
            if guided and mask.any():
                shown[number][str(frame.index)] = {"counts": rle.encode(mask)["counts"]}
    motion = features.series()
    with clips.folder(clip).writing(MOTION_FILE) as file:
        np.savez(file, **replace(motion, velocity=motion.velocity * np.float32(strength)).arrays())
    proposed = [
        {"track_id": number, "label": labels[number], "confidence": 0.9, "frames": each}
        for number, each in shown.items()
    ]
    content = {"size": [SPEC.height, SPEC.width], "tracks": proposed}
    clips.folder(clip).write(MASKS_FILE, json.dumps(content).encode())
    LayerRun.objects.create(clip=clip, layer="actions", fingerprint="x", version="1", state=LayerRun.State.DONE)


def draw(
    task: Task, by: User, frames: list[Any], instance: int, label: str, shown_at: Callable[[int], Any], every: int = 5
) -> None:
    """Masks of one instance, on every fifth frame unless told; `shown_at` says from which picture."""
    track = uuid.uuid4()
    tracks.save(task=task, id=track, base_version=0, by=by, label=label)
    for number in range(0, len(frames), every):
        mask = shown_at(number).instances == instance
        if mask.sum() > 100:
            counts = rle.encode(mask)["counts"]
            mask_verbs.save(
                task=task, id=uuid.uuid4(), base_version=0, by=by, track_id=track, frame=number, counts=counts
            )


def label_phases(task: Task, by: User, found: Any) -> None:
    for segment in found:
        if segment.phase:
            segments.save(
                task=task,
                id=uuid.uuid4(),
                base_version=0,
                by=by,
                start=segment.start,
                end=segment.end,
                action="pick_and_place",
                phase=segment.phase,
                instructions=["One.", "Two.", "Three."],
            )
