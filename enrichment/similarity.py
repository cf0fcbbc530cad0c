"""A project's keyframes beside each other: clusters, near-duplicates, and how diverse each episode is [E12].

It is computed from the embeddings of all clips and kept as one table beside the clips, so that SQL and people can read
it; computed again it is replaced whole.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from numpy.typing import NDArray

from annotation import clips, history
from annotation.media.errors import ClipFolderError
from annotation.models import Project
from enrichment.engines import similarity
from enrichment.errors import EngineInputError, RunRefused
from enrichment.layers.embeddings import VectorReader
from enrichment.models import LayerRun
from enrichment.models.ledger import LayerRunQuerySet

METHODS: Final = ("kmeans", "hdbscan")
DEFAULT_CLUSTERS: Final = 20
LEAST_IN_CLUSTER: Final = 5

SCHEMA: Final = pa.schema(
    [
        pa.field("clip_id", pa.int64(), metadata={"about": "of the clip"}),
        pa.field("clip_name", pa.string(), metadata={"about": "of the clip"}),
        pa.field("frame", pa.int64(), metadata={"about": "keyframe, 0-based"}),
        pa.field("seconds", pa.float64(), metadata={"about": "of presentation"}),
        pa.field("cluster", pa.int64(), metadata={"about": "0 is the largest; -1 belongs to none (HDBSCAN)"}),
        pa.field("duplicate_of_clip", pa.int64(), metadata={"about": "clip of the keyframe that it nearly repeats"}),
        pa.field("duplicate_of_frame", pa.int64(), metadata={"about": "that keyframe; null where it repeats none"}),
        pa.field("cosine", pa.float32(), metadata={"about": "with that keyframe; null where it repeats none"}),
    ]
)


@dataclass(frozen=True)
class Gathered:
    """Vectors of one engine. left_out: names of clips whose vectors are of another engine or version, or missing."""

    engine: str
    engine_version: str
    keyframes: list[tuple[int, str, int, float]]
    vectors: NDArray[np.float32]
    left_out: list[str]


def survey(
    *,
    project: Project,
    by: User | None,
    engine: str = "",
    method: str = "kmeans",
    clusters: int = DEFAULT_CLUSTERS,
    threshold: float = similarity.NEAR,
) -> dict[str, Any]:
    """Compare all keyframes of a project and keep what comes of it.

    Args:
        engine: as the embeddings name it; the one that most clips have when empty.
        method: kmeans or hdbscan.
        clusters: for kmeans, how many; for hdbscan they come of themselves.
        threshold: a cosine above this is a near-duplicate.

    Raises:
        RunRefused: there is no such method, no clip has embeddings of that engine, or the numbers do not fit.
    """
    if method not in METHODS:
        raise RunRefused(f"There is no way of clustering called {method!r}; there are {', '.join(METHODS)}.")
    if not 0 < threshold < 1:
        raise RunRefused(f"The threshold is {threshold}, but it must lie between 0 and 1.")
    found = gather(project, engine)
    try:
        labels = (
            similarity.kmeans(found.vectors, clusters)
            if method == "kmeans"
            else similarity.hdbscan(found.vectors, LEAST_IN_CLUSTER)
        )
        of, cosine = similarity.near_duplicates(found.vectors, threshold)
    except EngineInputError as error:
        raise RunRefused(str(error)) from error
    summary = {
        "at": timezone.now().isoformat(),
        "engine": found.engine,
        "engine_version": found.engine_version,
        "method": method,
        "threshold": threshold,
        "keyframes": len(found.vectors),
        "duplicates": int((of >= 0).sum()),
        "clusters": _clusters(found, labels),
        "diversity": _diversity(found, of),
        "left_out": found.left_out,
    }
    _write(project, _table(found, labels, of, cosine), summary)
    told = {name: summary[name] for name in ("engine", "method", "keyframes", "duplicates")}
    history.record(project=project, actor=by, verb="surveyed", subject=project, **told)
    return summary


def gather(project: Project, engine: str = "") -> Gathered:
    """The embeddings of all of a project's clips by one engine; raises RunRefused when no clip has them."""
    readers: list[tuple[LayerRun, VectorReader]] = []
    left_out: list[str] = []
    for row in embedded(project).select_related("clip").order_by("clip"):
        try:
            readers.append((row, VectorReader(clips.folder(row.clip).expecting(row.fingerprint))))
        except (ClipFolderError, KeyError):
            left_out.append(row.clip.name)
    votes = Counter(
        (each["engine"], each["engine_version"]) for _, reader in readers for each in reader.meta["engines"]
    )
    of_engine = {pair: count for pair, count in votes.items() if engine in {"", pair[0]}}
    if not of_engine:
        known = ", ".join(sorted({name for name, _ in votes})) or "none yet"
        raise RunRefused(
            f"No clip of {project.name} has embeddings{f' of {engine}' * bool(engine)}; there are: {known}."
        )
    chosen = max(sorted(of_engine), key=lambda pair: of_engine[pair])
    keyframes: list[tuple[int, str, int, float]] = []
    vectors = []
    for row, reader in readers:
        if chosen not in {(each["engine"], each["engine_version"]) for each in reader.meta["engines"]}:
            left_out.append(row.clip.name)
            continue
        vectors.append(reader.read(chosen[0]))
        pairs = zip(reader.frames, reader.meta["seconds"], strict=True)
        keyframes += [(row.clip_id, row.clip.name, frame, seconds) for frame, seconds in pairs]
    return Gathered(*chosen, keyframes, np.concatenate(vectors), left_out)


def read(project: Project) -> dict[str, Any] | None:
    """The summary of the last survey; None before the first."""
    try:
        return dict(json.loads((folder(project) / "summary.json").read_text()))
    except FileNotFoundError:
        return None


def folder(project: Project) -> Path:
    """Where a project's survey lies: similarity.parquet and summary.json."""
    return settings.CLIPS_DIR / ".surveys" / f"{project.pk:08d}"


def embedded(project: Project) -> LayerRunQuerySet:
    """The embeddings of a project's clips that are there."""
    return LayerRun.objects.current().filter(clip__project=project, layer="embeddings", state=LayerRun.State.DONE)


def _clusters(found: Gathered, labels: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Each cluster's size, in how many clips it is, and the keyframes nearest to its middle."""
    told = []
    for number in range(int(labels.max(initial=-1)) + 1):
        rows = np.flatnonzero(labels == number)
        middle = found.vectors[rows].mean(axis=0)
        nearest = rows[np.argsort(-(found.vectors[rows] @ middle), kind="stable")[:6]]
        told.append(
            {
                "cluster": number,
                "keyframes": len(rows),
                "clips": len({found.keyframes[row][0] for row in rows}),
                "typical": [{"clip": found.keyframes[row][0], "frame": found.keyframes[row][2]} for row in nearest],
            }
        )
    return told


def _diversity(found: Gathered, of: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Each clip's diversity, the least diverse first."""
    rows: dict[int, list[int]] = defaultdict(list)
    for number, (clip_id, *_) in enumerate(found.keyframes):
        rows[clip_id].append(number)
    told = []
    for clip_id, mine in rows.items():
        distance, vendi = similarity.diversity(found.vectors[mine])
        told.append(
            {
                "clip": clip_id,
                "name": found.keyframes[mine[0]][1],
                "keyframes": len(mine),
                "mean_distance": round(distance, 4),
                "vendi": round(vendi, 2),
                "repeated": int((of[mine] >= 0).sum()),
            }
        )
    return sorted(told, key=lambda each: (each["mean_distance"], each["clip"]))


def _table(found: Gathered, labels: NDArray[np.int64], of: NDArray[np.int64], cosine: NDArray[np.float32]) -> pa.Table:
    repeats = [found.keyframes[row] if row >= 0 else None for row in of]
    clip_ids, names, frames, seconds = zip(*found.keyframes, strict=True)
    columns = [
        clip_ids,
        names,
        frames,
        seconds,
        labels,
        [each[0] if each else None for each in repeats],
        [each[2] if each else None for each in repeats],
        [float(value) if each else None for value, each in zip(cosine, repeats, strict=True)],
    ]
    return pa.table([pa.array(column, type=field.type) for column, field in zip(columns, SCHEMA, strict=True)], SCHEMA)


def _write(project: Project, table: pa.Table, summary: dict[str, Any]) -> None:
    there = folder(project)
    there.mkdir(parents=True, exist_ok=True)
    # In a folder of its own: the command may write beside a worker, and a killed one leaves halves.
    with TemporaryDirectory(dir=there, prefix=".new-") as held:
        table_file, summary_file = Path(held) / "similarity.parquet", Path(held) / "summary.json"
        pq.write_table(table, table_file, compression="zstd")
        summary_file.write_text(json.dumps(summary, indent=1))
        for file in (table_file, summary_file):
            file.replace(there / file.name)
