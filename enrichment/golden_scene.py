"""How far layers are from a rendered scene, of which everything is known to the pixel [E13]."""

from __future__ import annotations

import json
from collections.abc import Mapping
from statistics import fmean, median

import numpy as np
from numpy.typing import NDArray

from annotation import scene
from annotation.geometry import rle
from annotation.media.clip_folder import ClipFolder
from enrichment import golden_measures
from enrichment.box_files import BoxReader
from enrichment.golden_measures import Measure, Thing
from enrichment.layers import end_effector, keyframes, metadata
from enrichment.layers.depth import DepthReader
from enrichment.layers.flow import FlowReader
from enrichment.pose_files import PoseReader

# Pixels of a thing that is all but hidden; nobody outlines it.
LEAST_PIXELS = 40
# Of depth one frame in so many is read: it changes little from one to the next, and all of them take minutes.
DEPTH_EVERY = 5


def figures(spec: scene.SceneSpec, readers: Mapping[str, object], folder: ClipFolder) -> dict[Measure, float]:
    """A rendered scene's figures.

    Args:
        spec: of the scene.
        readers: what the finished layers opened, by name; layers that are missing are not measured.
        folder: the clip's.
    """
    truth = scene.describe(spec)
    labels = {each.instance: each.label for each in truth.objects}
    things: dict[int, list[Thing]] = {}
    flow, depth = readers.get("flow"), readers.get("depth")
    moved: list[float] = []
    far: dict[Measure, list[float]] = {}
    last: scene.SceneFrame | None = None
    for number, frame in enumerate(scene.render(spec)):
        if last is not None and isinstance(flow, FlowReader):
            error = np.linalg.norm(flow.full(number - 1) - last.flow, axis=2)
            moved.append(float(error[last.flow_valid].mean()))
        if isinstance(depth, DepthReader) and number % DEPTH_EVERY == 0:
            for measure, value in depth_errors(depth.read(number), frame.depth, metric=depth.metric).items():
                far.setdefault(measure, []).append(value)
        things[number] = _things(frame.instances, labels)
        last = frame
    spans = {
        level: [(each.phase or each.action, each.start / spec.fps, each.end / spec.fps) for each in segments]
        for level, segments in (("task", truth.tasks), ("primitive", truth.segments))
    }
    return {
        **({golden_measures.FLOW: fmean(moved)} if moved else {}),
        **{measure: fmean(values) for measure, values in far.items()},
        **golden_measures.of_truth(things, spans, readers, lambda frame: frame / spec.fps),
        **_of_nobody(readers, spec.frames),
        **_of_files(truth, readers, folder),
    }


def depth_errors(found: NDArray[np.float32], truth: NDArray[np.float32], *, metric: bool) -> dict[Measure, float]:
    """Mean of |found - truth| / truth over a frame.

    Args:
        found: (height, width) metres, 0 where nothing is known; relative inverse depth unless `metric`.
        truth: (height, width) metres, above 0.
        metric: whether `found` is metres, which are then judged as they are, too.

    Returns:
        As the numbers are, and aligned: with the scale and shift of inverse depth that fit the truth best, as relative
        engines leave both open. Where nothing is known the error is 1.
    """
    known = found > 0 if metric else np.isfinite(found)
    errors: dict[Measure, float] = {}
    if known.sum() < 2:
        return {golden_measures.DEPTH: 1.0, **({golden_measures.METRES: 1.0} if metric else {})}
    if metric:
        errors[golden_measures.METRES] = _mean(np.abs(found - truth) / truth, known)
    inverse = np.divide(1.0, found, out=np.zeros(found.shape, np.float64), where=known) if metric else found
    ones = np.stack([inverse[known], np.ones(int(known.sum()))], axis=1)
    fit, *_ = np.linalg.lstsq(ones, 1.0 / truth[known].astype(np.float64), rcond=None)
    # What the fit throws behind infinity lies at four times the farthest that there is.
    aligned = 1.0 / np.maximum(fit[0] * inverse + fit[1], 1.0 / (4.0 * float(truth.max())))
    return errors | {golden_measures.DEPTH: _mean(np.abs(aligned - truth) / truth, known)}


def _mean(errors: NDArray[np.floating], known: NDArray[np.bool_]) -> float:
    return float(np.where(known, errors, 1.0).mean())


def _things(instances: NDArray[np.uint8], labels: Mapping[int, str]) -> list[Thing]:
    found = []
    for instance in np.unique(instances).tolist():
        mask = instances == instance
        if labels[instance] != "background" and mask.sum() >= LEAST_PIXELS:
            found.append(Thing(labels[instance], rle.encode(mask)))
    return found


def _of_nobody(readers: Mapping[str, object], frames: int) -> dict[Measure, float]:
    """No scene has a person in it."""
    found: dict[Measure, float] = {}
    people, pose = readers.get("people"), readers.get("pose")
    if isinstance(people, BoxReader):
        found[golden_measures.PEOPLE] = sum(len(people.found(frame) or ()) for frame in people.frames) / frames
    if isinstance(pose, PoseReader):
        found[golden_measures.POSE] = len(pose.rows) / frames
    return found


def _of_files(truth: scene.SceneTruth, readers: Mapping[str, object], folder: ClipFolder) -> dict[Measure, float]:
    """What is read from the layers' files themselves, as their readers give less."""
    found: dict[Measure, float] = {}
    if "keyframes" in readers:
        rules = json.loads(folder.local(keyframes.FILE).read_bytes())["rules"]
        found[golden_measures.CUTS] = float(sum(frame > 0 for frame in rules["scene"]))
    if "metadata" in readers:
        # The renderer draws every frame sharp and in good light, and leaves none out.
        said = json.loads(folder.local(metadata.JSON_FILE).read_bytes())["quality"]
        bad = said["blurry_fraction"] + said["badly_exposed_fraction"] + 1.0 - said["completeness"]
        found[golden_measures.FAULTS] = float(bad)
    if "end_effector" in readers:
        tracks = json.loads(folder.local(end_effector.META_FILE).read_bytes())["tracks"]
        with folder.local(end_effector.PIXELS_FILE).open("rb") as file:
            pixels = np.load(file, allow_pickle=False)
        found[golden_measures.GRIPPER] = tip_error(pixels, [each["label"] for each in tracks], truth)
    return found


def tip_error(pixels: NDArray[np.float32], labels: list[str], truth: scene.SceneTruth) -> float:
    """Median over frames of how far the nearest gripper's tip is from the middle of the fingertips, in pixels.

    Args:
        pixels: (tracks, frames, 2), NaN where a track has no mask.
        labels: of the tracks.
        truth: the scene; a frame on which no tip is given counts with the picture's diagonal, one whose fingertips lie
            outside the picture not at all.
    """
    size = np.array([truth.spec.width, truth.spec.height])
    tips = truth.fingertips_px.mean(axis=1)
    seen = ((tips >= 0) & (tips < size)).all(axis=1)
    farthest = float(np.hypot(*size))
    grippers = [row for row, label in enumerate(labels) if label == "gripper"]
    away = np.linalg.norm(pixels[grippers] - tips[None], axis=2)
    nearest = np.where(np.isfinite(away), away, farthest).min(axis=0, initial=farthest)
    return float(median(nearest[seen].tolist() or [farthest]))
