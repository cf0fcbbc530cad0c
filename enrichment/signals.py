"""The series of a clip that a time axis shows under its rows: what layers measured and what was recorded with it.

Numbers that came with a clip are CSV files in its folder, `signals/<name>.csv`; see `engines.series.read_csv`. They are
entered in the manifest by `take_in`, which reads other formats too (`engines.series_files`); a CSV file that was only
laid there is read as well.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from annotation import clips
from annotation.errors import Refused
from annotation.media.durable import make_directories, replace_file
from annotation.media.errors import ClipFolderError
from annotation.models import Clip
from enrichment import registry, runs
from enrichment.engines import series, series_files
from enrichment.engines.loudness import SILENCE
from enrichment.engines.motion_actions import smoothed_velocity
from enrichment.engines.motion_features import MotionSeries
from enrichment.engines.series import Moment, Values
from enrichment.errors import EngineInputError
from enrichment.layers.actions import MOTION_FILE, motion_in
from enrichment.layers.audio import VALUES_FILE as LOUDNESS_FILE
from enrichment.models import LayerRun
from enrichment.recordings import RECORDED, recorded

# Series whose jumps are events of the hand or gripper; of fifty joint angles the events would only be noise.
_EVENTFUL = ("grip", "grasp", "contact", "force", "touch", "suction")
_SMOOTHING = 0.04  # seconds, as the action engine has it
_CHANGE = 0.07  # seconds


@dataclass(frozen=True)
class Lane:
    """One series: `name` for programs, `title` and `unit` for people, (frames,) float32 with NaN where unknown."""

    name: str
    title: str
    unit: str
    source: str
    values: Values

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The least and the greatest value; None when nothing is known."""
        if not np.isfinite(self.values).any():
            return None
        return float(np.nanmin(self.values)), float(np.nanmax(self.values))


@dataclass(frozen=True)
class Signals:
    """All lanes of a clip, the moments that boundaries snap to, and sentences about files that cannot be read."""

    lanes: tuple[Lane, ...]
    moments: tuple[Moment, ...]
    problems: tuple[str, ...]

    def lane(self, name: str) -> Lane | None:
        """The lane of that name."""
        return next((lane for lane in self.lanes if lane.name == name), None)


def of_clip(clip: Clip) -> Signals:
    """What is known of a clip now; kept in memory until one of its files changes."""
    folder = clips.folder(clip)
    files = []
    for relative in (MOTION_FILE, LOUDNESS_FILE, *recorded(folder)):
        try:
            status = folder.local(relative).stat()
        except (ClipFolderError, OSError):
            continue
        files.append((relative, status.st_mtime_ns, status.st_size))
    return _read(clip.pk, clip.sha256, tuple(files))


def take_in(*, clip: Clip, paths: Sequence[Path]) -> list[str]:
    """Lay files of series into the clip's folder as CSV, beside those that are there; returns their lanes' titles.

    Layers that read what was recorded are asked for again.

    Raises:
        Refused: a file cannot be read as series, or two would have one name; nothing is laid there.
    """
    folder, seconds = clips.folder(clip), clips.index(clip).seconds.tolist()
    try:
        given = {f"{path.stem}.csv": series_files.as_csv(path, len(seconds)) for path in paths}
        if len(given) < len(paths):
            raise Refused("Two of the files differ in their ending alone; they would be one in the clip's folder.")
        titles = [
            each.name for name, text in given.items() for each in series.read_csv(io.BytesIO(text), seconds, name)
        ]
        kept = [
            artifact
            for relative in recorded(folder)
            if Path(relative).name not in given
            if (artifact := folder.artifact(relative)) is not None
        ]
        new = [folder.write(f"{RECORDED}/{name}", text) for name, text in given.items()]
        digest = "-".join(sorted(file.sha256[:16] for file in (*kept, *new)))
        folder.commit(RECORDED, engine="recorded", version="1", parameters={}, fingerprint=digest, files=[*kept, *new])
    except (EngineInputError, ClipFolderError) as error:
        raise Refused(str(error)) from error
    of_clip(clip)
    reading = [name for name, layer in registry.every().items() if layer.from_recording]
    there = LayerRun.objects.current().filter(clip=clip, layer__in=reading).values_list("layer", flat=True)
    if names := sorted(there):
        runs.request(project=clip.project, by=None, clips=[clip], layers=names)
    return titles


@lru_cache(maxsize=4)
def _read(clip_id: int, sha256: str, files: tuple[tuple[str, int, int], ...]) -> Signals:
    """The hash and the files' times are part of the key only: they say when to read again."""
    clip = Clip.objects.get(pk=clip_id)
    folder, seconds = clips.folder(clip), clips.index(clip).seconds
    rate = 1.0 / float(np.median(np.diff(seconds))) if len(seconds) > 1 else clip.fps or 1.0
    lanes: list[Lane] = []
    moments: list[Moment] = []
    problems: list[str] = []
    for relative, *stamps in files:
        stamp = "-".join(map(str, stamps))
        try:
            if relative == MOTION_FILE:
                found = list(_motion_lanes(motion_in(folder), rate, clip.frame_count))
                speed = next(lane.values for lane in found if lane.name == "motion.speed")
                moments += series.strokes(speed, least=0.0015 * float(np.hypot(clip.height, clip.width)) * rate)
            elif relative == LOUDNESS_FILE:
                level = np.load(folder.local(relative), allow_pickle=False)
                found = [Lane("audio.loudness", "Loudness", "dBFS", "audio", _whole(level, clip.frame_count))]
            else:
                # Fifty columns of an hour take seconds to read as text.
                cache = settings.STILLS_DIR / f"{clip.folder_name}-{sha256[:12]}" / f"{Path(relative).stem}-{stamp}.npz"
                found = _recorded_lanes(folder.local(relative), seconds.tolist(), cache)
                for lane in found:
                    if any(word in lane.title.lower() for word in _EVENTFUL):
                        moments += series.changes(lane.values, _CHANGE * rate)
        except (EngineInputError, ClipFolderError, OSError, ValueError) as error:
            problems.append(str(error))
            continue
        lanes += [lane for lane in found if np.nanmax(lane.values, initial=-np.inf) > _nothing(lane)]
    ordered = tuple(sorted(moments, key=lambda moment: (moment.frame, moment.kind)))
    return Signals(tuple(lanes), ordered, tuple(problems))


def _nothing(lane: Lane) -> float:
    """What a lane must exceed somewhere to be worth showing: a silent sound track is none."""
    return SILENCE if lane.source == "audio" else -math.inf


def _motion_lanes(motion: MotionSeries, rate: float, count: int) -> Iterator[Lane]:
    per_second = np.float32(rate)
    yield Lane("motion.energy", "Motion energy", "px/s", "actions", _whole(motion.energy * per_second, count))
    speed = np.linalg.norm(smoothed_velocity(motion, rate, _SMOOTHING), axis=1) * per_second if len(motion) else []
    yield Lane("motion.speed", "Hand or gripper speed", "px/s", "actions", _whole(speed, count))
    if len(motion.tracks):
        apart = np.linalg.norm(motion.centres - motion.tip[None], axis=2)
        yield Lane("motion.distance", "Hand to nearest object", "px", "actions", _whole(_nearest(apart), count))


def _nearest(apart: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n,) the least of (k, n) distances, NaN where none is known."""
    return np.asarray(np.fmin.reduce(apart, axis=0), dtype=np.float32)


def _recorded_lanes(path: Path, seconds: Sequence[float], cache: Path) -> list[Lane]:
    try:
        columns = series.load(cache)
    except (OSError, EngineInputError):
        columns = series.read_csv(path, seconds)
        make_directories(cache.parent)
        replace_file(cache, series.dump(columns))
    return [
        Lane(f"{path.stem}.{column.name}", column.name.replace("_", " "), column.unit, path.name, column.values)
        for column in columns
    ]


def _whole(values: Sequence[float] | NDArray[np.floating], count: int) -> Values:
    """(count,) float32, whatever the length of the series: what it lacks is not known."""
    whole = np.full(count, np.nan, dtype=np.float32)
    known = np.asarray(values, dtype=np.float32)[:count]
    whole[: len(known)] = known
    return whole
