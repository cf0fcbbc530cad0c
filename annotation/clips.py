"""Clips: taken in from a file or a folder of pictures, and read back frame by frame.

A clip's files are first laid whole into a folder under a temporary name; then, in one short transaction, the row is
made and the folder gets its name. So a row always has its files, and nobody waits for a lock while a large file is
copied.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.module_loading import import_string

from annotation import about as abouts
from annotation import clip_leftovers, history, tasks
from annotation.errors import Duplicate, Refused
from annotation.events import announce, announce_change, clip_ready
from annotation.geometry import timebase
from annotation.media import keyframes, stills
from annotation.media.artifacts import Artifact, Mirror
from annotation.media.clip_folder import ClipFolder
from annotation.media.decode import FrameReader
from annotation.media.durable import make_directories, sync_directory
from annotation.media.errors import ClipFolderError
from annotation.media.facts import ClipFacts, Limits
from annotation.media.frame_index import FrameIndex
from annotation.media.probe import source_digest
from annotation.models import Clip, Project
from annotation.version import TOOL_VERSION

log = logging.getLogger(__name__)

LAYER = "source"
LAYER_VERSION = "1"
INDEX = "frames.npz"
# A folder of pictures is a clip too; its container is called so.
IMAGES = "images"
_AHEAD = 24
# A PNG takes longer to code, and whoever asked waits for all of them.
_AHEAD_LOSSLESS = 5
_STILL_LOCKS = [threading.Lock() for _ in range(64)]


@dataclass(frozen=True)
class Staged:
    """A clip's files, whole and hashed, in a folder that has no name yet."""

    root: Path
    name: str
    sha256: str
    facts: ClipFacts
    files: tuple[Artifact, ...]

    def discard(self) -> None:
        """Remove what was not entered; nothing is left to remove of what was."""
        shutil.rmtree(self.root, ignore_errors=True)


def limits() -> Limits:
    """What a file may be in this installation."""
    return Limits(
        max_bytes=settings.MAX_UPLOAD_BYTES,
        max_frames=settings.MAX_FRAMES,
        max_pixels=settings.MAX_PIXELS,
        wall_seconds=3600.0,
        cpu_seconds=3600,
    )


def add(
    *,
    project: Project,
    path: Path,
    facts: ClipFacts,
    about: Mapping[str, Any],
    by: User | None,
    name: str = "",
    move: bool = False,
) -> Clip:
    """Take an inspected file or folder of pictures in as a clip, with its first task.

    Args:
        path: the source; its bytes are kept untouched.
        facts: what `media.probe.inspect` said of this very file.
        about: scene, environment and so on, see `about.clean`.
        name: what the source is called; by default as the file is.
        move: remove the source once the clip stands.

    Raises:
        Duplicate: the project has a clip with these bytes; names it.
        Refused: something in `about` is not known or too long, or the file changed since it was inspected.
    """
    sha256, _ = source_digest(path)
    staged = stage(project=project, path=path, facts=facts, sha256=sha256, name=name or path.name)
    try:
        clip = enter(project=project, staged=staged, about=about, by=by)
    finally:
        staged.discard()
    if move:
        transaction.on_commit(lambda: remove_source(path))
    return clip


def find(*, project: Project, sha256: str) -> Clip | None:
    """The project's clip with these bytes."""
    return Clip.objects.filter(project=project, sha256=sha256).first()


def stage(*, project: Project, path: Path, facts: ClipFacts, sha256: str, name: str, link: bool = False) -> Staged:
    """Lay a clip's files down under a temporary name, outside of any transaction.

    With `link` the file is not copied but gets a second name, where the disk can; for sources that nobody writes to.

    Raises:
        Duplicate: the project has a clip with these bytes.
        Refused: the bytes are not those that were hashed before, or a name inside the folder cannot be kept.
    """
    _refuse_twin(project, sha256, name)
    root = settings.CLIPS_DIR / f"{clip_leftovers.INCOMING}{secrets.token_hex(8)}"
    make_directories(settings.CLIPS_DIR)
    folder = ClipFolder(root)
    name = abouts.file_name(name)
    try:
        files = _copy(folder, path, facts, name, link=link)
        digest = files[0].sha256 if facts.container != IMAGES else _listing_digest(files, facts)
        if digest != sha256:
            raise Refused(f"{name} changed while it was being read; nothing was stored. Try again when it is whole.")
        with folder.writing_path(INDEX) as pending:
            facts.index.save(pending.path)
        files.append(pending.whole)
        _commit(folder, files, sha256, facts)
    except ClipFolderError as error:
        shutil.rmtree(root, ignore_errors=True)
        raise Refused(f"{name} cannot be stored: {error}") from error
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)
        raise
    return Staged(root, name, sha256, facts, tuple(files))


@transaction.atomic
def enter(*, project: Project, staged: Staged, about: Mapping[str, Any], by: User | None) -> Clip:
    """Make the row, give the folder its name, make the clip's first task and tell the layers.

    Raises:
        Duplicate: someone else brought the same bytes in the meantime.
        Refused: something in `about` is not known or too long.
    """
    facts = staged.facts
    given = abouts.clean(about)
    clip = Clip(
        project=project,
        source_name=staged.name,
        sha256=staged.sha256,
        size=facts.bytes,
        container=facts.container,
        codec=facts.codec,
        width=facts.width,
        height=facts.height,
        rotation=facts.rotation,
        frame_count=len(facts.index),
        duration=facts.duration,
        fps=facts.fps,
        variable_rate=facts.variable_rate,
        timestamps_synthesised=facts.timestamps_synthesised,
        keyframes=keyframes.uniform(facts.index.seconds, per_second=project.keyframes_per_second),
        added_by=by,
        **{"name": Path(staged.name).stem if facts.container != IMAGES else staged.name, **given},
    )
    _refuse_twin(project, staged.sha256, staged.name)
    try:
        with transaction.atomic():
            clip.save()
    except IntegrityError as error:
        _refuse_twin(project, staged.sha256, staged.name)
        raise error
    if clip.folder.exists():
        # Left by a transaction that was rolled back after this point; SQLite gives the same number again.
        clip_leftovers.set_aside(clip.folder)
    staged.root.rename(clip.folder)
    try:
        sync_directory(clip.folder.parent)
        _mirror_files(clip, staged)
        tasks.create(project=project, clip=clip, by=by)
        history.record(project=project, actor=by, verb="added", subject=clip, name=clip.name, sha256=clip.sha256)
    except BaseException:
        clip.folder.rename(staged.root)
        raise
    announce(clip_ready, clip_id=clip.pk)
    announce_change(project_id=project.pk, kind="clip", object_id=clip.pk)
    return clip


def folder(clip: Clip) -> ClipFolder:
    """The clip's folder on disk, with the object storage behind it where there is one."""
    return ClipFolder(clip.folder, mirror())


def source(clip: Clip) -> Path:
    """The file or folder of pictures as it came, fetched from the object storage if this machine lacks it."""
    inside = f"{LAYER}/{clip.source_name}"
    if clip.container != IMAGES:
        return folder(clip).local(inside)
    held = folder(clip)
    for name in index(clip).names:
        held.local(f"{inside}/{name}")
    return held.path(inside)


def index(clip: Clip) -> FrameIndex:
    """The clip's frame index. The last ones asked for are kept in memory; 24 bytes a frame."""
    return _index(clip.folder, clip.sha256)


def reader(clip: Clip) -> FrameReader:
    """A new reader of the clip's frames; close it, and keep it to one thread."""
    return FrameReader(source(clip), index(clip))


def still(clip: Clip, frame: int, *, max_side: int | None = None, lossless: bool = False, alone: bool = False) -> Path:
    """A frame as a JPEG or PNG file; a full-size one brings some that follow, because a player asks for them next.

    With `alone` nothing follows: whoever asks decodes the others by themselves and only waits for this one.

    Raises:
        IndexError: the clip has no such frame.
        FrameMismatch: the source was changed or damaged.
    """
    if not 0 <= frame < clip.frame_count:
        raise IndexError(f"{clip.name} has no frame {frame}; its frames are 0 to {clip.frame_count - 1}.")
    # The hash is in the name because another clip may come to stand under the same number.
    cache = settings.STILLS_DIR / f"{clip.folder_name}-{clip.sha256[:12]}"
    wanted = stills.still_path(cache, frame, max_side=max_side, lossless=lossless)
    if wanted.is_file():
        return wanted
    ahead = 0 if max_side or alone else _AHEAD_LOSSLESS if lossless else _AHEAD
    # A browser asks for several frames at once: the first request decodes, the others find theirs made.
    with _STILL_LOCKS[clip.pk % len(_STILL_LOCKS)]:
        if wanted.is_file():
            return wanted
        with reader(clip) as frames:
            return stills.still(frames, cache, frame, max_side=max_side, ahead=ahead, lossless=lossless)


def seconds(clip: Clip, frame: int) -> float:
    """When a frame appears, in seconds; frame_count itself gives the clip's end.

    Raises:
        IndexError: the clip has no such frame.
    """
    times = index(clip).seconds
    if frame == len(times):
        return timebase.span(times, 0, len(times))[1]
    return timebase.time_of(times, frame)


def remove_source(path: Path) -> None:
    """Remove a source that is no longer needed where it was."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@lru_cache(maxsize=1)
def mirror() -> Mirror | None:
    """The object storage, where the settings name one."""
    if not settings.CLIP_MIRROR:
        return None
    made: Mirror = import_string(settings.CLIP_MIRROR)()
    return made


@lru_cache(maxsize=64)
def _index(root: Path, sha256: str) -> FrameIndex:
    # The hash is part of the key only: another clip may come to stand under the same number.
    return FrameIndex.load(ClipFolder(root, mirror()).local(INDEX))


def _copy(folder: ClipFolder, path: Path, facts: ClipFacts, name: str, *, link: bool) -> list[Artifact]:
    if facts.container != IMAGES:
        return [_copy_file(folder, path, f"{LAYER}/{name}", link=link)]
    return [_copy_file(folder, path / picture, f"{LAYER}/{name}/{picture}") for picture in facts.index.names]


def _copy_file(folder: ClipFolder, path: Path, relative: str, *, link: bool = False) -> Artifact:
    with folder.writing_path(relative) as pending:
        if not (link and _linked(path, pending.path)):
            shutil.copyfile(path, pending.path)
    return pending.whole


def _linked(path: Path, other: Path) -> bool:
    """Give a file a second name; False where the two lie on different disks."""
    try:
        os.link(path, other)
    except OSError:
        return False
    return True


def _listing_digest(files: list[Artifact], facts: ClipFacts) -> str:
    """The hash of a folder of pictures, as `media.probe.source_digest` defines it."""
    lines = (f"{file.sha256}  {name}\n" for file, name in zip(files, facts.index.names, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _commit(folder: ClipFolder, files: list[Artifact] | tuple[Artifact, ...], sha256: str, facts: ClipFacts) -> None:
    folder.commit(
        LAYER,
        engine="loupe",
        engine_version=TOOL_VERSION,
        version=LAYER_VERSION,
        parameters={"sha256": sha256, "frames": len(facts.index), "container": facts.container, "codec": facts.codec},
        fingerprint=hashlib.sha256(f"{LAYER} {LAYER_VERSION} {sha256} {facts.index.digest}".encode()).hexdigest(),
        files=files,
    )


def _mirror_files(clip: Clip, staged: Staged) -> None:
    behind = mirror()
    if behind is None:
        return
    for file in staged.files:
        behind.push(clip.folder / file.path, f"{clip.folder_name}/{file.path}")
    _commit(folder(clip), staged.files, staged.sha256, staged.facts)


def _refuse_twin(project: Project, sha256: str, name: str) -> None:
    twin = find(project=project, sha256=sha256)
    if twin is not None:
        raise Duplicate(f"{name} is already here as clip {twin.pk} ({twin.name}).", clip=twin)
