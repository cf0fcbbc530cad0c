"""What a project has set for its checks."""

from __future__ import annotations

from typing import Any

from enrichment import registry
from enrichment.layer import Layer
from enrichment.models import LayerSetting
from enrichment.parameters import filled


def of_layer(project_id: int, layer: str) -> Any:
    """The thresholds of a check by the layer that runs it on proposals; what is set there holds for people's work, too.

    Raises:
        RunRefused: what is set no longer fits.
    """
    setting = LayerSetting.objects.filter(project=project_id, layer=layer).first()
    return filled(registry.get(layer).Parameters, setting.parameters if setting else {}, layer)


def of_all(project_id: int) -> dict[str, Any]:
    """The thresholds of every check by its name: one query.

    Raises:
        RunRefused: what is set no longer fits.
    """
    given = dict(LayerSetting.objects.filter(project=project_id).values_list("layer", "parameters"))
    checks = {name: layer for name, layer in registry.every().items() if name.startswith("check_")}
    return {layer.engine: filled(layer.Parameters, given.get(name, {}), name) for name, layer in checks.items()}


def layer_of(check: str) -> Layer | None:
    """The layer that runs a check, by the check's name; its parameters are the thresholds."""
    layers = registry.every().values()
    return next((each for each in layers if each.name.startswith("check_") and each.engine == check), None)


def given(project_id: int, layer: str) -> dict[str, Any]:
    """What a project has set of a layer otherwise than by default."""
    setting = LayerSetting.objects.filter(project=project_id, layer=layer).first()
    return dict(setting.parameters) if setting else {}
