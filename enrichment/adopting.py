"""Weights that are published as pickles only, converted once by an explicit command; engines load safetensors."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path

from enrichment.conversion import Conversion, Shapes
from enrichment.engine import LayerEngine
from enrichment.engines import checkpoints
from enrichment.errors import EngineMissing
from enrichment.fetching import RECORD, Fetched

_SCRIPTS = Path(checkpoints.__file__).parent
_SECONDS = 600


def adopt(offer: LayerEngine, file: Path, weights: Path, name: str = "") -> Fetched:
    """Lay a pickled state dict into a folder of its own as safetensors.

    Args:
        offer: the engine that it is for.
        file: the pickle; its SHA-256 is written down. What the engine wants beside it is taken along.
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
        there = _unpickled(file, coming / checkpoints.WEIGHTS)
        conversion = offer.adopt(there)
        if conversion is None:
            raise EngineMissing(f"{file} holds the weights of another model than {offer.title}.")
        _rearrange(conversion, there, coming)
        for title, content in {"config.json": conversion.config, **conversion.files}.items():
            (coming / title).write_text(json.dumps(content, indent=1) + "\n")
        for title in conversion.beside:
            if file.with_name(title).is_file():
                shutil.copyfile(file.with_name(title), coming / title)
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


def _unpickled(file: Path, target: Path) -> Shapes:
    """The shapes by name of the tensors that a process of its own has taken out of a pickle."""
    said = json.loads(_apart("unpickling.py", file, target))
    return {name: tuple(shape) for name, shape in said.items()}


def _rearrange(conversion: Conversion, there: Shapes, folder: Path) -> None:
    """The tensors as the engine names them, where it does not take them as they were published."""
    if conversion.tensors is None:
        return
    lacking = sorted({rows.name for parts in conversion.tensors.values() for rows in parts} - set(there))
    if lacking:
        raise EngineMissing(f"The file lacks {len(lacking)} tensors of its model, such as {lacking[0]}.")
    plan = {name: [astuple(rows) for rows in parts] for name, parts in conversion.tensors.items()}
    published = folder / "published.safetensors"
    (folder / checkpoints.WEIGHTS).rename(published)
    _apart("rearranging.py", published, folder / checkpoints.WEIGHTS, json.dumps(plan))
    published.unlink()


def _apart(script: str, source: Path, target: Path, said: str = "") -> str:
    """What a script of the engines prints, in a process of its own that has no use for the project's environment."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(_SCRIPTS / script), str(source.resolve()), str(target.resolve())],
            input=said,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
            env={"PATH": os.defpath},
        )
    except subprocess.TimeoutExpired as error:
        raise EngineMissing(
            f"{source} was not converted: it took longer than {_SECONDS:g} s. Try again when the machine has less to "
            "do, or convert it on a faster one and lay the folder below LOUPE_WEIGHTS."
        ) from error
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise EngineMissing(f"{source} was not converted: {reason}")
    return done.stdout
