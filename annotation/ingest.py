"""Taking in many files at once, from the machine that the server runs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User

from annotation import about as abouts
from annotation import clips
from annotation.errors import Duplicate, Refused
from annotation.media.errors import MediaRefused
from annotation.media.image_folder import DEFAULT_RATE, pictures
from annotation.media.probe import inspect, source_digest
from annotation.models import Clip, Project

# What is looked for in folders. A file that is named itself is looked into whatever it is called.
VIDEO_ENDINGS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts"})

Progress = Callable[[Path, int, int], None]


@dataclass(frozen=True)
class Outcome:
    """What became of one file or folder of pictures: "added", "here" (already) or "refused", and a sentence."""

    path: Path
    verdict: str
    sentence: str
    clip: Clip | None = None


def ingest(
    *,
    project: Project,
    paths: Sequence[Path],
    about: Mapping[str, Any],
    by: User | None,
    rate: Fraction = DEFAULT_RATE,
    progress: Progress | None = None,
) -> Iterator[Outcome]:
    """Inspect and add files and folders one after the other; nothing of a refused one is stored.

    Folders are searched to the bottom for videos; a folder that holds pictures and no video is one clip.

    Args:
        about: for every clip alike, see `about.clean`.
        rate: frames per second of folders of pictures.
        progress: called with (path, frames done, frames estimated) while a file is inspected.

    Yields:
        An outcome for each, as soon as it is known.

    Raises:
        Refused: something in `about` is not known or too long; before the first file.
    """
    known = abouts.clean(about)
    for given in paths:
        found = list(sources(given))
        if not found:
            yield Outcome(given, "refused", f"{given} holds neither videos nor pictures.")
        for path in found:
            yield _take(project, path, known, by, rate, progress)


def sources(given: Path) -> Iterator[Path]:
    """What a path stands for: itself, or the videos and folders of pictures below it, sorted, hidden ones left out."""
    if not given.is_dir():
        yield given
        return
    inside = sorted(path for path in given.iterdir() if not path.name.startswith("."))
    videos = [path for path in inside if path.is_file() and path.suffix.lower() in VIDEO_ENDINGS]
    if not videos and pictures(given):
        yield given
    yield from videos
    for path in inside:
        # A link to a folder may lead in a circle.
        if path.is_dir() and not path.is_symlink():
            yield from sources(path)


def _take(
    project: Project, path: Path, about: Mapping[str, Any], by: User | None, rate: Fraction, progress: Progress | None
) -> Outcome:
    try:
        # Hashing is far quicker than decoding, so a file that is here already costs little.
        twin = clips.find(project=project, sha256=source_digest(path)[0])
        if twin is not None:
            return Outcome(path, "here", f"already here as clip {twin.pk} ({twin.name})", twin)
        facts = inspect(
            path,
            limits=clips.limits(),
            rate=rate,
            progress=(lambda done, total: progress(path, done, total)) if progress else None,
        )
        clip = clips.add(project=project, path=path, facts=facts, about=about, by=by)
    except Duplicate as error:
        return Outcome(path, "here", f"already here as clip {error.clip.pk} ({error.clip.name})", error.clip)
    except (MediaRefused, Refused) as error:
        return Outcome(path, "refused", str(error))
    except FileNotFoundError:
        return Outcome(path, "refused", f"There is no file or folder {path}.")
    except OSError as error:
        return Outcome(path, "refused", f"{path} could not be taken in: {error.strerror or error}.")
    return Outcome(path, "added", f"clip {clip.pk}, {clip.frame_count} frames, {clip.duration:.2f} s", clip)
