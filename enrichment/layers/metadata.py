"""What the clip is and how good its frames are, as JSON for people and Parquet for SQL [E6]."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from enrichment.engines import quality
from enrichment.layer import ClipFacts, Context, Layer, Output, Product, Span
from enrichment.registry import register

SCHEMA_VERSION = 2
# Measures of the whole clip that stand in every row of the table, as `clip_<name>`.
IN_TABLE = ("completeness", "frozen_fraction", "lighting", "lighting_tone", "lighting_confidence")
JSON_FILE = "metadata.json"
TABLE_FILE = "metadata.parquet"


@dataclass(frozen=True)
class Parameters:
    """measure_every: one frame in so many is measured; 1 is all of them."""

    measure_every: int = 5

    def __post_init__(self) -> None:
        """Refuse what cannot be measured by."""
        if not isinstance(self.measure_every, int) or self.measure_every < 1:
            raise ValueError(f"measure_every is {self.measure_every}, but it must be a whole number of 1 or more.")


@register
class Metadata(Layer):
    """Container and clip facts, and sharpness, light, noise and compression of its frames."""

    name = "metadata"
    title = "Metadata and quality"
    version = "2"
    cost = 1
    outputs = (
        Output(JSON_FILE, "JSON", "seconds, pixels, bytes; measures as named in the file"),
        Output(TABLE_FILE, "one row per measured frame", "the same"),
    )
    engine = quality.NAME
    engine_version = quality.VERSION
    Parameters = Parameters
    batch_frames = 120

    def compute(self, context: Context, span: Span) -> None:
        """Measure the batch's share of frames, each against the frame before it."""
        every = context.parameters.measure_every
        measured = {number for number in range(span.start, span.end) if number % every == 0}
        looked_at = sorted(measured | {number - 1 for number in measured if number})
        before: NDArray[np.uint8] | None = None
        rows: list[dict[str, Any]] = []
        for number, picture in context.frames.pick(looked_at):
            if number in measured:
                rows.append({"frame": number, **quality.measure(picture, before)})
            before = picture
            context.keep_going()
        context.pieces.write_json(f"rows_{span.index:05d}.json", rows)

    def publish(self, context: Context) -> Product:
        """One JSON file and one table."""
        clip = context.clip
        rows = [
            row
            for span in self.spans(clip.frame_count)
            for row in context.pieces.read_json(f"rows_{span.index:05d}.json")
        ]
        summary = _summary(clip, rows, context.parameters.measure_every)
        facts = _facts(clip)
        content = {
            "schema_version": SCHEMA_VERSION,
            "clip": facts,
            "quality": {"engine": self.engine, "engine_version": self.engine_version, **summary},
            "thresholds": {
                "blurry_below": quality.BLURRY_BELOW,
                "dark_below": quality.DARK_BELOW,
                "bright_above": quality.BRIGHT_ABOVE,
            },
        }
        raw = json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        files = [
            context.folder.write(JSON_FILE, raw.encode()),
            context.folder.write(TABLE_FILE, _table(clip, facts | {key: summary[key] for key in IN_TABLE}, rows)),
        ]
        return Product(files, measure=float(summary["score"]))


def _facts(clip: ClipFacts) -> dict[str, Any]:
    facts = asdict(clip)
    del facts["seconds"], facts["about"]
    return {**facts, **clip.about}


def _summary(clip: ClipFacts, rows: list[dict[str, Any]], every: int) -> dict[str, Any]:
    measured = [{key: value for key, value in row.items() if key != "frame"} for row in rows]
    return dict(quality.summarise(measured, expected_frames=_expected(clip, len(rows), every)))  # type: ignore[arg-type]


def _expected(clip: ClipFacts, measured: int, every: int) -> int | None:
    """How many frames would have been measured if none were missing; nobody knows for a variable rate."""
    if clip.variable_rate or clip.timestamps_synthesised or len(clip.seconds) < 2:
        return None
    step = float(np.median(np.diff(clip.seconds)))
    whole = round((clip.seconds[-1] - clip.seconds[0]) / step) + 1
    return max(measured, -(-whole // every))


def _table(clip: ClipFacts, facts: dict[str, Any], rows: list[dict[str, Any]]) -> bytes:
    """One row per measured frame; the clip's facts stand in every row, so that many clips' tables are one in SQL."""
    columns: dict[str, list[Any]] = {
        "clip_id": [clip.id] * len(rows),
        **{f"clip_{key}": [_flat(value)] * len(rows) for key, value in sorted(facts.items()) if key != "id"},
        "frame": [row["frame"] for row in rows],
        "seconds": [clip.seconds[row["frame"]] for row in rows],
        **{key: [row[key] for row in rows] for key in quality.FrameQuality.__annotations__},
    }
    file = io.BytesIO()
    table = pa.table(columns).replace_schema_metadata({"schema_version": str(SCHEMA_VERSION)})
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()


def _flat(value: object) -> object:
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else value
