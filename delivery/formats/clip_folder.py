"""The clip folder: a folder a clip with its video, every machine-made layer, and people's masks and actions.

```
clip_00000007/
  video.mp4  frames.npz  metadata.json  flow/…  …        as machines made them
  flow/gap_5/…                                           flow from frame n to n + 5, where a project asks for it
  segmentation/masks.json  segmentation/tracking.json    people's, in place of the engine's
  actions/segments.json                                   people's
  provenance.json  manifest.json  SHA256SUMS
```
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

from annotation.geometry import timebase
from annotation.geometry.rle import Rle
from annotation.media import manifest as manifests
from annotation.media.durable import digest_of
from annotation.media.manifest import LayerEntry, Manifest
from annotation.version import TOOL_VERSION
from delivery import sums
from delivery.dataset import Clip, Dataset, LayerFile, Mask, Track
from delivery.errors import Irreproducible
from delivery.formats import clip_folder_check
from delivery.formats.registry import EVERYTHING, Step, register
from delivery.json_stream import ObjectWriter, elements, line
from delivery.problems import Drawn, Pick, Problem

MASKS = "segmentation/masks.json"
TRACKING = "segmentation/tracking.json"
SEGMENTS = "actions/segments.json"
METADATA = "metadata.json"
PROVENANCE = "provenance.json"
VIDEO = "video.mp4"
MANIFEST = "manifest.json"
PEOPLE = "people"
# What people made stands in the place of what these layers proposed.
_BY_PEOPLE = {"segmentation": (MASKS, TRACKING), "actions": (SEGMENTS,)}
_PIECE = 1 << 20


@register
class ClipFolders:
    name: ClassVar[str] = "clip_folder"
    title: ClassVar[str] = "Clip folder"
    description: ClassVar[str] = (
        "A folder a clip: the video, every layer that machines made (flow over other gaps than one frame in a folder "
        "each, such as flow/gap_5), people's masks and actions, and a manifest with the SHA-256 of every file. For "
        "pipelines that want everything."
    )
    options: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    holds: ClassVar[frozenset[str]] = EVERYTHING

    def write(self, dataset: Dataset, root: Path, options: Mapping[str, str], step: Step) -> None:
        for done, clip in enumerate(dataset.clips):
            share = done / max(1, dataset.counts.clips)
            step(share, f"writing {clip.name}")
            _Writer(
                dataset, clip, root / clip.folder, lambda share=share, clip=clip: step(share, f"writing {clip.name}")
            )

    def check(self, root: Path, found: dict[str, int]) -> Iterator[Problem]:
        for folder in sorted(path for path in root.glob("clip_*") if path.is_dir()):
            for problem in clip_folder_check.check(folder, found):
                yield Problem(f"{folder.name}/{problem.path}", problem.sentence)

    def masks_on(self, root: Path, picks: Collection[Pick]) -> Iterator[tuple[Pick, Drawn]]:
        for folder in sorted({pick.folder for pick in picks}):
            size: list[int] = []
            for field, value in elements(root / folder / MASKS):
                if field == "size":
                    size.append(value)
                if field != "tracks":
                    continue
                for frame, mask in value["frames"].items():
                    if (pick := Pick(folder, int(frame))) in picks:
                        yield pick, Drawn(value["label"], value["track_id"], Rle(size=size, counts=mask["counts"]))


class _Writer:
    """Writes one clip's folder."""

    def __init__(self, dataset: Dataset, clip: Clip, root: Path, beat: Any) -> None:
        self._dataset = dataset
        self._clip = clip
        self._root = root
        self._beat = beat
        self._files: dict[str, manifests.FileEntry] = {}
        listed, entries = clip.source.files()
        self._layers: dict[str, LayerEntry] = {}
        root.mkdir()
        how = clip.source.as_mp4(root / VIDEO)
        self._enter(VIDEO, "video")
        for file in listed:
            # The video stands for the source; people's work for what was proposed to them.
            if file.layer not in _BY_PEOPLE and not file.path.startswith("source/"):
                self._copy(file)
        self._layers |= {name: _entry(**entry) for name, entry in entries.items() if name not in _BY_PEOPLE}
        self._write_people()
        self._write_facts(how)
        self._write_manifest()
        sums.write(root, beat)

    def _copy(self, file: LayerFile) -> None:
        target = self._root / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with self._clip.source.local(file.path).open("rb") as source, target.open("xb") as copy:
            while piece := source.read(_PIECE):
                digest.update(piece)
                copy.write(piece)
        if digest.hexdigest() != file.sha256:
            raise Irreproducible(
                f"{file.path} of {self._clip.name} is not the file that the layer {file.layer} wrote; run it again."
            )
        self._files[file.path] = {"sha256": file.sha256, "bytes": file.bytes, "layer": file.layer}
        self._beat()

    def _enter(self, relative: str, layer: str) -> None:
        digest, size = digest_of(self._root / relative)
        self._files[relative] = {"sha256": digest, "bytes": size, "layer": layer}
        self._beat()

    def _write_people(self) -> None:
        clip = self._clip
        for relative in (MASKS, SEGMENTS):
            (self._root / relative).parent.mkdir(parents=True, exist_ok=True)
        with ObjectWriter(self._root / MASKS) as file:
            file.field("engine", PEOPLE)
            file.field("size", [clip.height, clip.width])
            file.pieces("tracks", _tracks(clip, self._beat))
        with ObjectWriter(self._root / TRACKING) as file:
            file.field("engine", PEOPLE)
            file.field("size", [clip.height, clip.width])
            file.mapping("frames", _tracking(clip, self._beat))
        with ObjectWriter(self._root / SEGMENTS) as file:
            file.field("engine", PEOPLE)
            file.array("segments", _segments(clip))
        for layer, paths in _BY_PEOPLE.items():
            for path in paths:
                self._enter(path, layer)
            self._layers[layer] = self._people_entry(paths)

    def _people_entry(self, paths: Iterable[str]) -> LayerEntry:
        parameters = {
            "filters": self._dataset.filters,
            "taxonomy": self._dataset.taxonomy.number,
            "guideline": self._dataset.guideline,
            "snapshot": self._dataset.snapshot,
        }
        told = "".join(self._files[path]["sha256"] for path in paths)
        fingerprint = hashlib.sha256(told.encode()).hexdigest()
        return _entry(engine=PEOPLE, version="1", parameters=parameters, fingerprint=fingerprint)

    def _write_facts(self, how: str) -> None:
        clip = self._clip
        facts = _clip_facts(clip)
        if METADATA not in self._files:
            # No metadata layer has run; what is known from taking the clip in stands in its place.
            _write_json(self._root / METADATA, {"engine": "loupe", "clip": facts})
            self._enter(METADATA, "provenance")
        told = {
            "schema_version": 1,
            "clip": facts,
            "media": clip.media,
            "tasks": [
                {"start": task.start, "end": task.end, "frames": list(task.frames), "status": task.status}
                for task in clip.tasks
            ],
            "frames": list(clip.frames),
            "complete": sorted(clip.complete),
            "project": self._dataset.project,
            "filters": self._dataset.filters,
            "guideline": self._dataset.guideline,
            "taxonomy": _taxonomy(self._dataset),
            "snapshot": self._dataset.snapshot,
        }
        _write_json(self._root / PROVENANCE, told)
        self._enter(PROVENANCE, "provenance")
        self._layers["provenance"] = _entry(engine="loupe", engine_version=TOOL_VERSION, version="1")
        self._layers["video"] = _entry(
            engine="loupe", engine_version=TOOL_VERSION, version="1", parameters={"how": how}, fingerprint=clip.sha256
        )

    def _write_manifest(self) -> None:
        for name, reason in self._clip.absent.items():
            if name not in self._layers:
                self._layers[name] = _entry(engine="no engine", parameters={"reason": reason})
        content: Manifest = {
            "schema_version": manifests.SCHEMA_VERSION,
            "layers": self._layers,
            "files": self._files,
        }
        (self._root / MANIFEST).write_bytes(manifests.render(content))


def _entry(
    *,
    engine: str,
    engine_version: str = "",
    version: str = "",
    parameters: Mapping[str, Any] | None = None,
    fingerprint: str = "",
    created: str = "",
) -> LayerEntry:
    return {
        "engine": engine,
        "engine_version": engine_version,
        "version": version,
        "parameters": dict(parameters or {}),
        "fingerprint": fingerprint,
        "created": created,
    }


def _tracks(clip: Clip, beat: Any) -> Iterator[Iterator[str]]:
    for number, masks in groupby(clip.source.masks("track"), key=lambda mask: mask.track):
        beat()
        yield _track(clip.tracks[number - 1], masks)


def _track(track: Track, masks: Iterable[Mask]) -> Iterator[str]:
    """A track as JSON text in pieces, so that one as long as the clip is never held whole."""
    head = {"track_id": track.id, "number": track.number, "label": track.label, "z_order": track.z_order}
    told = line(head | {"provenance": track.provenance.as_dict()})
    yield f'{told[:-1]},"frames":{{'
    for place, mask in enumerate(masks):
        own = {
            "counts": mask.rle["counts"],
            "area": mask.area,
            "bbox": list(mask.bbox),
            "occluded": mask.occluded,
            "edit_iou": mask.edit_iou,
            "edit_boundary": mask.edit_boundary,
            "provenance": mask.provenance.as_dict(),
        }
        if mask.amodal:
            own["amodal"] = mask.amodal["counts"]
        yield f'{"," if place else ""}\n"{mask.frame}":{line(own)}'
    yield "}}"


def _tracking(clip: Clip, beat: Any) -> Iterator[tuple[str, object]]:
    for frame, masks in groupby(clip.source.masks("frame"), key=lambda mask: mask.frame):
        beat()
        yield (
            str(frame),
            [
                {"track_id": mask.track, "bbox": list(mask.bbox), "area": mask.area, "label": mask.label}
                for mask in masks
            ],
        )


def _segments(clip: Clip) -> Iterator[dict[str, Any]]:
    segments = clip.source.segments()
    seconds = clip.source.seconds()
    for segment in segments:
        start, end = timebase.span(seconds, segment.start, segment.end)
        yield {
            "id": segment.id,
            "start": segment.start,
            "end": segment.end,
            "start_time": start,
            "end_time": end,
            "level": segment.level,
            "action": segment.action,
            "phase": segment.phase,
            **segment.about(),
            "descriptions": list(segment.instructions),
            "confidence": segment.confidence,
            "provenance": segment.provenance.as_dict(),
        }


def _clip_facts(clip: Clip) -> dict[str, Any]:
    names = ["name", "source_name", "sha256", "width", "height", "frame_count", "fps", "duration", "variable_rate"]
    return {name: getattr(clip, name) for name in names} | dict(clip.about)


def _taxonomy(dataset: Dataset) -> dict[str, Any]:
    told: dict[str, Any] = {"number": dataset.taxonomy.number}
    for kind in ("labels", "actions", "phases"):
        told[kind] = [
            {"key": term.key, "definition": term.definition, "colour": term.colour, **term.more}
            for term in getattr(dataset.taxonomy, kind)
        ]
    return told


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    with ObjectWriter(path) as file:
        for name, value in content.items():
            file.field(name, value)
