"""What is on this machine: which engines could compute a layer here, with which weights, and how fast they were."""

from __future__ import annotations

import json
import logging
import platform
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from enrichment import choosing, engine, failures, registry
from enrichment.engine import LayerEngine, Picture

log = logging.getLogger(__name__)

# What speeds are told for: a picture as most cameras make them.
HEIGHT, WIDTH = 720, 1280
# What engines that are asked for labels look for; every label takes some of them as long again.
LABELS = ("cup", "bowl", "block", "drawer", "gripper")
_TIMES = 3
_LONG_ENOUGH = 30.0  # seconds, after which a slow engine is not asked again


@dataclass(frozen=True)
class Speed:
    """seconds: for one 720p picture with default parameters and five labels, the best of up to three."""

    seconds: float
    device: str
    measured_at: str


@dataclass(frozen=True)
class Found:
    """One engine with one folder of weights, or without any. value: what a project's setting would say."""

    value: str
    checkpoint: str
    speed: Speed | None
    origin: str = ""


@dataclass(frozen=True)
class Measured:
    """What came of measuring an engine. error: why there is no speed, as a sentence."""

    found: Found
    speed: Speed | None
    error: str = ""


@dataclass(frozen=True)
class Row:
    """An engine of a layer on this machine. lacks: why it cannot be chosen here; empty when it can."""

    offer: LayerEngine
    layer_title: str
    found: tuple[Found, ...]
    lacks: str
    how: str

    @property
    def works(self) -> bool:
        """Whether a project could choose it now."""
        return bool(self.found) and not self.lacks


def report(weights: Path, speeds: Path) -> list[Row]:
    """Every engine of every layer.

    Args:
        weights: the folder below which each engine's weights have their own.
        speeds: the file with what was measured on this machine.
    """
    measured = _speeds(speeds)
    rows = []
    for offer in engine.every.every().values():
        names = [""] if offer.checkpoints is None else offer.checkpoints(weights)
        found = tuple(_found(offer, name, weights, measured) for name in names)
        rows.append(
            Row(offer, registry.get(offer.layer).title, found, choosing.lacking(offer), how_to_get(offer, weights))
        )
    return rows


def how_to_get(offer: LayerEngine, weights: Path) -> str:
    """Where weights are looked for and how they come there, in a sentence or two; empty for an engine without."""
    if offer.checkpoints is None:
        return ""
    looked = f"Looked for in {weights}, one folder each with config.json and *.safetensors."
    if offer.hub:
        return f"{looked} With internet: manage.py fetch_weights {offer.hub[0].id}. {offer.note}".strip()
    return f"{looked} {offer.note}".strip()


def measure(rows: Iterable[Row], weights: Path, speeds: Path) -> Iterable[Measured]:
    """Time every engine that works here on a synthetic 720p picture, and keep the figures; one after the other.

    Services over the network are left out. An engine that fails keeps no other from being measured.
    """
    picture = synthetic()
    for row in rows:
        if not row.works or row.offer.remote:
            continue
        for each in row.found:
            try:
                speed = _speed_of(row.offer, each.value, weights, picture)
            except Exception as error:
                log.exception("%s could not be measured.", each.value)
                yield Measured(each, None, f"{each.value} could not be measured: {failures.sentence(error)}")
                continue
            _keep(speeds, f"{row.offer.key}:{each.checkpoint}", speed)
            yield Measured(each, speed)


def synthetic(height: int = HEIGHT, width: int = WIDTH) -> Picture:
    """(height, width, 3) uint8 RGB with edges and texture of several sizes; always the same."""
    drawn = np.zeros((height, width, 3), np.float32)
    numbers = np.random.default_rng(0)
    for cells in (6, 24, 96):
        coarse = numbers.random((cells, cells * 16 // 9, 3), dtype=np.float32)
        drawn += np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    return np.asarray(np.clip(drawn * 85, 0, 255), dtype=np.uint8)


def device_name() -> str:
    """What models run on here, for people."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    threads = f", {torch.get_num_threads()} threads" if torch is not None else ""
    return f"{platform.processor() or platform.machine()}{threads}"


def _speed_of(offer: LayerEngine, value: str, weights: Path, picture: Picture) -> Speed:
    layer = registry.get(offer.layer)
    choice = choosing.choose(layer, value, weights)
    best, spent = float("inf"), 0.0
    hand = choosing.in_hand(layer, choice, {"labels": LABELS})[0]
    with hand.model() as model:
        model.rehearse(picture)
        for _ in range(_TIMES):
            began = time.perf_counter()
            if isinstance(model, engine.Working):
                model.work(picture, hand.parameters)
            else:
                model.rehearse(picture)
            took = time.perf_counter() - began
            best, spent = min(best, took), spent + took
            if spent > _LONG_ENOUGH:
                break
    return Speed(best, device_name(), datetime.now(UTC).isoformat(timespec="seconds"))


def _found(offer: LayerEngine, name: str, weights: Path, measured: dict[str, Any]) -> Found:
    said = measured.get(f"{offer.key}:{name}")
    return Found(
        value=f"{offer.name}:{name}" if name else offer.name,
        checkpoint=name,
        speed=Speed(**said) if said and not offer.remote else None,
        origin=_origin(weights / name) if name else "",
    )


def _origin(folder: Path) -> str:
    """Where weights were fetched from, as `fetch_weights` wrote it down."""
    try:
        said = json.loads((folder / "loupe.json").read_text())
        return f"{said['hub']} at {said['revision'][:12]}, {said['licence']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _speeds(file: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(file.read_text()))
    except (OSError, ValueError):
        return {}


def _keep(file: Path, key: str, speed: Speed) -> None:
    known = _speeds(file) | {key: asdict(speed)}
    pending = file.with_suffix(".new")
    pending.write_text(json.dumps(known, indent=1, sort_keys=True))
    pending.replace(file)
