"""Which engine computes a layer: what a project may choose on this machine, and what a choice means exactly."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from enrichment import engine as contract
from enrichment import weights
from enrichment.engine import LayerEngine
from enrichment.engines import checkpoints
from enrichment.errors import EngineInputError, EngineMissing
from enrichment.layer import Layer
from enrichment.loading import InHand
from enrichment.parameters import as_json, filled, names, refuse_unknown

_SHORT = 12


@dataclass(frozen=True)
class Pick:
    """One engine, and the folder of weights it is to work with; None for an engine without."""

    offer: LayerEngine
    folder: Path | None
    version: str

    @property
    def name(self) -> str:
        """As the setting names it."""
        return self.offer.name if self.folder is None else f"{self.offer.name}:{self.folder.name}"


@dataclass(frozen=True)
class Choice:
    """What computes a layer.

    engine, engine_version: as the fingerprint and the manifest name them; the version has the weights' SHA-256.
    no_engine: why nothing does; then `picks` is empty. device: "cpu", "gpu" or "either". picks: empty, too, for a layer
    that computes by itself. missing: whether something was chosen that is not here, in contrast to nothing chosen.
    """

    engine: str
    engine_version: str
    no_engine: str = ""
    device: str = "cpu"
    picks: tuple[Pick, ...] = ()
    missing: bool = False

    @property
    def signature(self) -> str:
        """Engine and version on one short line, for what is proposed to people."""
        return f"{self.engine} {short(self.engine_version)}".strip()[:80]


def choose(layer: Layer, chosen: str, folder: Path) -> Choice:
    """What a setting means on this machine.

    Args:
        layer: the layer that is to be computed.
        chosen: "name", "name:folder", or several with commas for a layer that takes several; empty for its own.
        folder: below which each engine's weights have their own.

    Raises:
        EngineMissing: there is no such engine for the layer, or its weights, packages or keys are not here.
    """
    offered = contract.of_layer(layer.name)
    if chosen in {"", layer.engine} and layer.engine not in offered:
        return Choice(layer.engine, layer.engine_version, layer.no_engine, layer.device)
    parts = [part.strip() for part in (chosen or layer.engine).split(",") if part.strip()]
    if len(parts) > 1 and not layer.several:
        raise EngineMissing(f"{layer.title} is computed by one engine at a time, not by {', '.join(parts)}.")
    if len({part.partition(":")[0] for part in parts}) < len(parts):
        raise EngineMissing(f"{layer.title} is given an engine twice: {', '.join(parts)}; name each one once.")
    return of([_pick(layer, part, offered, folder) for part in parts])


def of(picks: Sequence[Pick]) -> Choice:
    """The choice that these engines make together."""
    return Choice(
        engine=",".join(pick.name for pick in picks),
        engine_version=",".join(pick.version for pick in picks),
        device=_together([pick.offer.device for pick in picks]),
        picks=tuple(picks),
    )


def device(layer: Layer, engine: str) -> str:
    """Where a layer run is computed, cpu, gpu or either, by the engine in the ledger; nothing need be here for that."""
    offered = contract.of_layer(layer.name)
    parts = [part.partition(":")[0] for part in engine.split(",")]
    return _together([offered[name].device if name in offered else layer.device for name in parts])


def folder_of(value: str, weights: str) -> Path | None:
    """Where an engine's weights lie below a folder; None for an engine without."""
    name = value.partition(":")[2]
    return Path(weights) / name if name else None


def own(layer: Layer) -> Choice:
    """What computes a layer when nothing is chosen; needs no weights."""
    return choose(layer, "", Path())


def choose_or_say(layer: Layer, chosen: str, folder: Path) -> Choice:
    """Like `choose`, but what is missing is said in the choice instead of raised."""
    try:
        return choose(layer, chosen, folder)
    except EngineMissing as error:
        return Choice(chosen, "", str(error), missing=True)


def options(layer: Layer, folder: Path) -> list[tuple[str, str]]:
    """(value of the setting, title) of every engine that could compute a layer here, without the empty choice."""
    offered = contract.of_layer(layer.name)
    by_itself = [(layer.engine, f"{layer.engine}, no weights")] if layer.engine and layer.engine not in offered else []
    return by_itself + weights.choices(offered.values(), folder)


def parameters(layer: Layer, choice: Choice, given: Mapping[str, object]) -> dict[str, object]:
    """All parameters of a layer and its engines as plain values, some set otherwise than by default.

    What is given for an engine that is not chosen has no say and is left out; see `check` for what nobody has.

    Raises:
        RunRefused: a value does not fit.
    """
    told = as_json(filled(layer.Parameters, given, layer.name))
    for pick in choice.picks:
        told |= as_json(filled(pick.offer.Parameters, given, pick.offer.title))
    return told


def check(layer: Layer, choice: Choice, given: Mapping[str, object]) -> None:
    """Refuse parameters that neither the layer nor any of its engines has, and values that do not fit.

    Raises:
        RunRefused: the sentence says which there are.
    """
    offered = [pick.offer for pick in choice.picks] or list(contract.of_layer(layer.name).values())
    known = (names(layer.Parameters) - {layer.from_people, layer.from_recording}).union(
        *(names(each.Parameters) for each in offered)
    )
    refuse_unknown(given, known, f"The layer {layer.name}")
    parameters(layer, choice, given)


def in_hand(layer: Layer, choice: Choice, given: Mapping[str, object]) -> tuple[InHand, ...]:
    """The chosen engines as a layer gets them; nothing is loaded yet."""
    return tuple(
        InHand(
            offer=pick.offer,
            folder=pick.folder,
            name=pick.name,
            version=pick.version,
            parameters=filled(pick.offer.Parameters, given, pick.offer.title),
            needs=layer.needs,
        )
        for pick in choice.picks
    )


def lacking(offer: LayerEngine) -> str:
    """What beside weights an engine lacks on this machine, as a sentence; empty when nothing."""
    absent = [name for name in offer.packages if importlib.util.find_spec(name) is None]
    if absent:
        return f"{offer.title} needs {' and '.join(absent)}, which is not installed; `make models` installs it."
    return offer.lacks() if offer.lacks is not None else ""


def short(version: str) -> str:
    """A version with the SHA-256 of weights cut to what people compare."""
    return ",".join(_shortened(part) for part in version.split(","))


def sha256_of(folder: Path) -> str:
    """SHA-256 of a folder of weights; computed again only when one of its files has changed.

    Raises:
        EngineMissing: the folder holds no safetensors.
    """
    files = [folder / "config.json", *sorted(folder.glob("*.safetensors"))]
    stamp = tuple((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files if path.is_file())
    return _sha256(folder, stamp)


@lru_cache(maxsize=64)
def _sha256(folder: Path, stamp: tuple[tuple[str, int, int], ...]) -> str:
    try:
        return checkpoints.digest(folder)
    except (EngineInputError, OSError) as error:
        raise EngineMissing(str(error)) from error


def _pick(layer: Layer, chosen: str, offered: Mapping[str, LayerEngine], folder: Path) -> Pick:
    name = chosen.partition(":")[0]
    if name not in offered:
        known = ", ".join(offered) or "none"
        raise EngineMissing(f"{layer.title} has no engine {name!r}; there are: {known}.")
    offer = offered[name]
    lacks = lacking(offer)
    if lacks:
        raise EngineMissing(lacks)
    there = offer.checkpoints(folder) if offer.checkpoints is not None else []
    exact = weights.matching(chosen, [f"{name}:{each}" for each in there]) or chosen
    lies = weights.folder(offer, exact, folder, EngineMissing)
    if lies is None:
        return Pick(offer, lies, offer.version)
    digest = sha256_of(lies)
    pinned = checkpoints.pinned(lies)
    if pinned not in {"", digest}:
        raise EngineMissing(
            f"{lies} is not what was fetched: its SHA-256 was {pinned[:_SHORT]} and is {digest[:_SHORT]}. Fetch it "
            "again with `manage.py fetch_weights`, or lay weights of your own into a folder without loupe.json."
        )
    return Pick(offer, lies, f"{offer.version} sha256:{digest}")


def _together(devices: Sequence[str]) -> str:
    kinds = set(devices)
    return kinds.pop() if len(kinds) == 1 else "either" if "either" in kinds else "gpu"


def _shortened(part: str) -> str:
    head, mark, digest = part.partition("sha256:")
    return f"{head}{mark}{digest[:_SHORT]}"
