"""Find out what a file is before anything of it is stored."""

import hashlib
import json
import tempfile
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

from annotation.media import sandbox
from annotation.media.durable import digest_of
from annotation.media.errors import MediaRefused
from annotation.media.facts import ClipFacts, Limits
from annotation.media.frame_index import FrameIndex
from annotation.media.image_folder import DEFAULT_RATE, pictures
from annotation.media.scan import Progress

_DEFAULT_LIMITS = Limits()


def inspect(
    source: Path,
    *,
    limits: Limits = _DEFAULT_LIMITS,
    rate: Fraction = DEFAULT_RATE,
    progress: Progress | None = None,
) -> ClipFacts:
    """Look through a video file or a folder of pictures, decoding every frame, in a guarded process.

    Args:
        source: the file or folder; it is only read.
        limits: what it may be and may cost.
        rate: frames per second of a folder of pictures; a video has its own times.
        progress: called now and then with (frames done, frames estimated, 0 when unknown).

    Returns:
        The facts with the frame index. The frames are those that a player shows: edit lists applied, in presentation
        order.

    Raises:
        MediaRefused: with a code and a sentence: empty, disguised, truncated, corrupt, no_video, no_frames, outsized,
            unsupported or slow. A file that makes the decoder crash is corrupt, one that needs too much memory
            outsized.
        FileNotFoundError: there is no such file or folder.
    """
    if not source.exists():
        raise FileNotFoundError(f"There is no {source}.")
    answers: dict[str, Any] = {}

    def line(told: str) -> None:
        message = json.loads(told)
        if "progress" in message and progress is not None:
            progress(*message["progress"])
        answers.update(message)

    with tempfile.TemporaryDirectory(prefix="loupe-probe-") as scratch:
        index = Path(scratch) / "index.npz"
        job = {"source": str(source.resolve()), "index": str(index), "rate": str(rate), "limits": asdict(limits)}
        ended = sandbox.run(
            "annotation.media.inspect_worker",
            [json.dumps(job)],
            wall_seconds=limits.wall_seconds,
            silent_seconds=limits.silent_seconds,
            line=line,
        )
        if "refused" in answers:
            raise MediaRefused(*answers["refused"])
        if ended.code != 0 or "facts" not in answers:
            raise _fallen(source.name, ended, limits)
        return ClipFacts(**answers["facts"], index=FrameIndex.load(index))


def source_digest(source: Path) -> tuple[str, int]:
    """SHA-256 in hex and length in bytes; of a folder, the hash of its `sha256sum` listing in frame order."""
    if source.is_file():
        return digest_of(source)
    listing, size = hashlib.sha256(), 0
    for name in pictures(source):
        digest, length = digest_of(source / name)
        listing.update(f"{digest}  {name}\n".encode())
        size += length
    return listing.hexdigest(), size


def _fallen(name: str, ended: sandbox.Ended, limits: Limits) -> MediaRefused:
    if ended.timed_out or ended.code == -24:  # SIGXCPU
        return MediaRefused(
            "slow", f"{name} takes longer to look through than is allowed, or the decoder is stuck on it."
        )
    if "MemoryError" in ended.complaint or "Cannot allocate memory" in ended.complaint:
        return MediaRefused(
            "outsized", f"{name} needs more memory than the {limits.memory_bytes // 2**20:,} MiB allowed."
        )
    return MediaRefused("corrupt", f"{name} is damaged: the decoder stopped working on it (exit code {ended.code}).")
