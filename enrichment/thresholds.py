"""What a project has set for its checks."""

from __future__ import annotations

from typing import Any

from enrichment import registry
from enrichment.errors import RunRefused
from enrichment.layer import Layer
from enrichment.models import LayerSetting
from enrichment.parameters import filled, names


def of_layer(project_id: int, layer: str) -> Any:
    """The thresholds of a check by the layer that runs it on proposals; what is set there holds for people's work, too.

    Raises:
        RunRefused: what is set no longer fits.
    """
    return filled(registry.get(layer).Parameters, given(project_id, layer), layer)


def unfit(project_id: int, layer: str) -> list[str]:
    """What a project has set of a layer that does not fit, by name; all of it where only the whole does not."""
    kind, there = registry.get(layer).Parameters, given(project_id, layer)
    wrong = [name for name, value in there.items() if name not in names(kind) or not _fits(kind, {name: value}, layer)]
    return sorted(wrong if wrong or _fits(kind, there, layer) else there)


def layer_of(check: str) -> Layer | None:
    """The layer that runs a check, by the check's name; its parameters are the thresholds."""
    layers = registry.every().values()
    return next((each for each in layers if each.name.startswith("check_") and each.engine == check), None)


def given(project_id: int, layer: str) -> dict[str, Any]:
    """What a project has set of a layer otherwise than by default."""
    setting = LayerSetting.objects.filter(project=project_id, layer=layer).first()
    return dict(setting.parameters) if setting else {}


def _fits(kind: type, there: dict[str, Any], layer: str) -> bool:
    try:
        filled(kind, there, layer)
    except RunRefused:
        return False
    return True
