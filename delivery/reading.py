"""A snapshot read back as a dataset: the pinned revisions, whatever was edited since."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from annotation import clips as annotation_clips
from annotation.geometry.rle import Rle
from annotation.media.clip_folder import ClipFolder
from annotation.media.manifest import Manifest
from annotation.media.video_mp4 import as_mp4
from annotation.models import Clip as ClipRow
from annotation.models import MaskRevision, SegmentRevision, TaxonomyVersion, TrackRevision
from delivery.dataset import (
    Clip,
    Counts,
    Dataset,
    LayerFile,
    Linked,
    Mask,
    Order,
    Picture,
    Provenance,
    Segment,
    Task,
    Taxonomy,
    Term,
    Track,
)
from delivery.errors import Irreproducible
from delivery.models import Snapshot, SnapshotClip
from delivery.snapshots import annotated, layer_digests

_MASKS_AT_ONCE = 400
_CLIPS_AT_ONCE = 50
# What every revision says about itself, in the order in which `_provenance` takes it.
_ORIGIN = (
    "pk", "number", "author_id", "method", "engine", "guideline_version", "taxonomy_version", "created_at",
    "seconds_spent",
)  # fmt: skip
# What a segment says of the things in the picture.
_LINKS = ("object_id", "object_name", "hand_id", "hand_side", "outcome")
# The layers that a clip folder has by its specification, so that it can say which are absent.
KNOWN_LAYERS = ("depth", "pose", "segmentation", "flow", "actions", "metadata", "captions", "embeddings", "detections")


def open_snapshot(snapshot: Snapshot) -> Dataset:
    """The dataset that a snapshot pinned.

    Raises:
        Irreproducible: at once or while walking, when something pinned is gone; the sentence says what.
    """
    header = snapshot.header
    if not snapshot.digest:
        raise Irreproducible("The snapshot was never completed; make the delivery again.")
    return Dataset(
        project=header["project"],
        name=header["name"],
        description=header["description"],
        filters=header["filters"],
        guideline=header["guideline"],
        taxonomy=_taxonomy(snapshot),
        snapshot=snapshot.digest,
        counts=Counts(**header["counts"]),
        clips=PinnedClips(snapshot),
    )


@dataclass(frozen=True)
class PinnedClips:
    """The clips of a snapshot, a few at a time, as often as they are asked for."""

    snapshot: Snapshot

    def __iter__(self) -> Iterator[Clip]:
        last = 0
        rows = SnapshotClip.objects.filter(snapshot=self.snapshot).order_by("clip_id")
        # By key instead of with a cursor: a cursor would hold a transaction open for as long as frames are decoded.
        while piece := list(rows.filter(clip_id__gt=last)[:_CLIPS_AT_ONCE]):
            for row in piece:
                yield _clip(row, self.snapshot.header)
            last = piece[-1].clip_id


class PinnedClip:
    """The large things of one pinned clip; implements `dataset.ClipSource`."""

    def __init__(self, row: SnapshotClip, people: Mapping[str, str]) -> None:
        self._row = row
        self._people = people
        self._status = {task["id"]: str(task["status"]) for task in row.facts["tasks"]}

    @cached_property
    def tracks(self) -> tuple[Track, ...]:
        pinned = self._row.facts["tracks"]
        revisions = [track["revision"] for track in pinned]
        found = {each[0]: each for each in TrackRevision.objects.filter(pk__in=revisions).values_list(*_ORIGIN)}
        self._must_have(revisions, found, "track")
        return tuple(
            Track(
                id=number,
                number=track["number"],
                label=track["label"],
                z_order=track["z_order"],
                masks=len(track["masks"]),
                provenance=self._provenance(found[track["revision"]], track["task"]),
            )
            for number, track in enumerate(pinned, start=1)
        )

    def masks(self, order: Order) -> Iterator[Mask]:
        pinned = self._row.facts["tracks"]
        lengths = [len(track["masks"]) for track in pinned]
        owners = np.repeat(np.arange(len(pinned)), lengths)
        revisions = np.fromiter((each for track in pinned for each in track["masks"]), np.int64, sum(lengths))
        frames = np.fromiter((each for track in pinned for each in track["frames"]), np.int64, sum(lengths))
        turn = np.lexsort((owners, frames) if order == "frame" else (frames, owners))
        for start in range(0, len(turn), _MASKS_AT_ONCE):
            piece = turn[start : start + _MASKS_AT_ONCE]
            wanted = revisions[piece].tolist()
            shape = ("counts", "area", "x", "y", "w", "h", "occluded", "edit_iou", "edit_boundary", "amodal")
            fields = (*_ORIGIN, *shape)
            found = {each[0]: each for each in MaskRevision.objects.filter(pk__in=wanted).values_list(*fields)}
            self._must_have(wanted, found, "mask")
            for at, revision in zip(piece.tolist(), wanted, strict=True):
                yield self._mask(found[revision], int(owners[at]), int(frames[at]))

    def segments(self) -> tuple[Segment, ...]:
        task_of = dict(self._row.facts["segments"])
        fields = ("start", "end", "level", "action__key", "phase__key", "instructions", "confidence", *_LINKS)
        rows = SegmentRevision.objects.filter(pk__in=task_of).values_list(*_ORIGIN, *fields)
        found = {each[0]: each for each in rows}
        self._must_have(list(task_of), found, "segment")
        number = count(1)
        return tuple(self._segment(next(number), found[revision], task) for revision, task in task_of.items())

    def seconds(self) -> npt.NDArray[np.float64]:
        return annotation_clips.index(self._clip).seconds

    def pictures(self, frames: Iterable[int]) -> Iterator[tuple[int, Picture]]:
        with annotation_clips.reader(self._clip) as reader:
            for frame in frames:
                yield frame, reader.read(frame)

    def files(self) -> tuple[tuple[LayerFile, ...], Mapping[str, Mapping[str, Any]]]:
        manifest: Manifest = self._folder.manifest()
        now = layer_digests(manifest)
        for name, digest in self._row.layers.items():
            if now.get(name) != digest:
                raise Irreproducible(
                    f"The layer {name} of {self._clip.name} was computed anew after this snapshot was taken, and the "
                    "files it pinned are gone; make a new delivery."
                )
        listed = tuple(
            LayerFile(path, entry["sha256"], entry["bytes"], entry["layer"])
            for path, entry in sorted(manifest["files"].items())
            if entry["layer"] in self._row.layers
        )
        return listed, {name: dict(manifest["layers"][name]) for name in sorted(self._row.layers)}

    def local(self, path: str) -> Path:
        return self._folder.local(path)

    def as_mp4(self, destination: Path) -> str:
        return str(as_mp4(annotation_clips.source(self._clip), destination, annotation_clips.index(self._clip)))

    @cached_property
    def _folder(self) -> ClipFolder:
        # One for all files of a clip: each new one would ask the mirror whether anything has changed.
        return annotation_clips.folder(self._clip)

    @cached_property
    def _clip(self) -> ClipRow:
        clip = ClipRow.objects.filter(pk=self._row.clip_id).first()
        if clip is None:
            name = self._row.facts["clip"]["name"]
            raise Irreproducible(f"The clip {name}, which this snapshot pinned, was deleted; make a new delivery.")
        return clip

    def _mask(self, row: Sequence[Any], owner: int, frame: int) -> Mask:
        counts, area, x, y, w, h, occluded, edit_iou, edit_boundary, amodal = row[len(_ORIGIN) :]
        facts, track = self._row.facts["clip"], self._row.facts["tracks"][owner]
        size = [facts["height"], facts["width"]]
        return Mask(
            track=owner + 1,
            label=track["label"],
            frame=frame,
            rle=Rle(size=size, counts=counts),
            area=area,
            bbox=(x, y, w, h),
            occluded=occluded,
            edit_iou=edit_iou,
            edit_boundary=edit_boundary,
            provenance=self._provenance(row, track["task"]),
            amodal=Rle(size=size, counts=amodal) if amodal else None,
        )

    def _segment(self, number: int, row: Sequence[Any], task: int) -> Segment:
        start, end, level, action, phase, instructions, confidence, *links = row[len(_ORIGIN) :]
        thing, thing_name, hand, side, outcome = links
        return Segment(
            id=number,
            start=start,
            end=end,
            level=level,
            action=action or "",
            phase=phase or "",
            instructions=tuple(instructions),
            confidence=confidence,
            provenance=self._provenance(row, task),
            object=self._linked.get(thing),
            object_name=thing_name,
            hand=self._linked.get(hand),
            hand_side=side,
            outcome=outcome,
        )

    @cached_property
    def _linked(self) -> dict[Any, Linked]:
        """The pinned tracks by their key in the database: a segment names a track, and not one of its revisions."""
        pinned = enumerate(self._row.facts["tracks"], start=1)
        number_of = {track["revision"]: (place, track["number"]) for place, track in pinned}
        pairs = TrackRevision.objects.filter(pk__in=number_of).values_list("pk", "of_id")
        return {track: Linked(*number_of[revision]) for revision, track in pairs}

    def _provenance(self, row: Sequence[Any], task: int) -> Provenance:
        revision, number, author, method, engine, guideline, taxonomy, made, seconds = row[: len(_ORIGIN)]
        return Provenance(
            revision=revision,
            version=number,
            author=self._people[str(author)],
            method=method,
            engine=engine,
            guideline=guideline,
            taxonomy=taxonomy,
            made=_instant(made),
            seconds=seconds,
            status=self._status[task],
        )

    def _must_have(self, wanted: Sequence[int], found: Mapping[int, object], kind: str) -> None:
        missing = [each for each in wanted if each not in found]
        if missing:
            name = self._row.facts["clip"]["name"]
            raise Irreproducible(
                f"{len(missing)} {kind} revisions of {name}, which this snapshot pinned, are gone (the first is "
                f"{missing[0]}); make a new delivery."
            )


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _clip(row: SnapshotClip, header: Mapping[str, Any]) -> Clip:
    facts, source = row.facts["clip"], PinnedClip(row, header["people"])
    frames, complete = annotated(row.facts)
    absent = {
        name: header["no_engine"].get(name, "not run on this clip") for name in KNOWN_LAYERS if name not in row.layers
    }
    tasks = tuple(
        Task(task["start"], task["end"], tuple(task["frames"]), str(task["status"])) for task in row.facts["tasks"]
    )
    plain = {name: value for name, value in facts.items() if name in Clip.__slots__}
    return Clip(
        **plain,
        tasks=tasks,
        tracks=source.tracks,
        frames=tuple(frames),
        complete=complete,
        mask_count=sum(len(track["masks"]) for track in row.facts["tracks"]),
        segment_count=len(row.facts["segments"]),
        absent=absent,
        source=source,
    )


def _taxonomy(snapshot: Snapshot) -> Taxonomy:
    number = snapshot.header["taxonomy"]
    version = TaxonomyVersion.objects.filter(project=snapshot.project_id, number=number).first()
    if version is None:
        raise Irreproducible(f"Taxonomy {number}, which this snapshot pinned, is gone; make a new delivery.")
    terms = {
        kind: tuple(_term(place, word) for place, word in enumerate(version.content[kind], start=1))
        for kind in ("labels", "actions", "phases")
    }
    return Taxonomy(number=number, **terms)


def _term(number: int, word: Mapping[str, Any]) -> Term:
    own = {"key", "definition", "colour", "retired"}
    return Term(
        number=number,
        key=word["key"],
        definition=word["definition"],
        colour=word["colour"],
        retired=word["retired"],
        more={name: value for name, value in word.items() if name not in own},
    )
