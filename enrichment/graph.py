"""The order of layers, and what makes a result the same result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from enrichment import registry
from enrichment.choosing import Choice
from enrichment.errors import CircularLayers
from enrichment.layer import Layer


def order(names: Iterable[str], known: Mapping[str, Layer] | None = None) -> list[str]:
    """The named layers and everything they need, each after its inputs.

    Args:
        names: layers asked for.
        known: layers by name; the registry's when None.

    Returns:
        Names; among layers that are free to go in either order the alphabet decides, so that it is always the same.

    Raises:
        UnknownLayer: a layer, or an input of one, is not registered.
        CircularLayers: layers wait for each other.
    """
    done: dict[str, None] = {}
    path: list[str] = []

    def visit(name: str) -> None:
        if name in done:
            return
        if name in path:
            circle = " → ".join([*path[path.index(name) :], name])
            raise CircularLayers(f"Layers wait for each other: {circle}; remove one of these inputs.")
        path.append(name)
        layer = known[name] if known is not None and name in known else registry.get(name)
        for needed in sorted(layer.inputs):
            visit(needed)
        path.pop()
        done[name] = None

    for name in sorted(names):
        visit(name)
    return list(done)


def dependants(name: str, known: Mapping[str, Layer] | None = None) -> set[str]:
    """Every layer that needs this one, directly or through others."""
    layers = registry.every() if known is None else known
    found: set[str] = set()
    fresh = {name}
    while fresh:
        fresh = {each for each, layer in layers.items() if fresh & set(layer.inputs)} - found
        found |= fresh
    return found


def fingerprint(
    layer: Layer, choice: Choice, *, parameters: Mapping[str, object], source: str, upstream: Mapping[str, str]
) -> str:
    """What a result depends on, as one SHA-256 in hex: same fingerprint, same files.

    Args:
        layer: gives its name and version.
        choice: gives the engine and its version, with the SHA-256 of weights.
        parameters: its parameters as plain values.
        source: SHA-256 of the clip's source.
        upstream: fingerprints of its inputs by name.
    """
    said = {
        "layer": layer.name,
        "version": layer.version,
        "engine": choice.engine,
        "engine_version": choice.engine_version,
        "parameters": dict(parameters),
        "source": source,
        "upstream": dict(upstream),
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
