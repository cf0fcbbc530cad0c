"""Weights that are published as pickles only, converted once by an explicit command; engines load safetensors."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from enrichment.engine import LayerEngine
from enrichment.engines import checkpoints
from enrichment.errors import EngineMissing
from enrichment.fetching import RECORD, Fetched

_SCRIPT = Path(checkpoints.__file__).with_name("unpickling.py")
_SECONDS = 600


def adopt(offer: LayerEngine, file: Path, weights: Path, name: str = "") -> Fetched:
    """Lay a pickled state dict into a folder of its own as safetensors.

    Args:
        offer: the engine that it is for.
        file: the pickle; its SHA-256 is written down.
        weights: the folder below which each engine's weights have their own.
        name: of the folder; the file's when empty.

    Raises:
        EngineMissing: the engine takes no pickles, the folder is taken, or the file is not what it should be.
    """
    if offer.adopt is None:
        raise EngineMissing(f"{offer.title} has weights as safetensors; `manage.py fetch_weights` gets them.")
    if not file.is_file():
        raise EngineMissing(f"There is no file {file}.")
    folder = weights / (name or file.stem)
    if folder.exists():
        raise EngineMissing(f"{folder} is there already; move it away, or choose another --name.")
    coming = weights / f".{folder.name}.coming"
    shutil.rmtree(coming, ignore_errors=True)
    coming.mkdir(parents=True)
    try:
        config = offer.adopt(_unpickled(file, coming / checkpoints.WEIGHTS))
        if config is None:
            raise EngineMissing(f"{file} holds the weights of another model than {offer.title}.")
        (coming / "config.json").write_text(json.dumps(config, indent=1) + "\n")
        with file.open("rb") as source:
            revision = hashlib.file_digest(source, "sha256").hexdigest()
        sha256 = checkpoints.digest(coming)
        record = {
            "hub": file.name,
            "revision": revision,
            "sha256": sha256,
            "licence": "as published",
            "fetched_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        (coming / RECORD).write_text(json.dumps(record, indent=1) + "\n")
        coming.rename(folder)
    finally:
        shutil.rmtree(coming, ignore_errors=True)
    return Fetched(folder, revision, sha256)


def _unpickled(file: Path, target: Path) -> set[str]:
    """The names of the tensors that a process of its own has taken out of a pickle."""
    done = subprocess.run(
        [sys.executable, "-I", str(_SCRIPT), str(file.resolve()), str(target.resolve())],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
        env={"PATH": os.defpath},
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise EngineMissing(f"{file} was not converted: {reason}")
    return set(json.loads(done.stdout))
