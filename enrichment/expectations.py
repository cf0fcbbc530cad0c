"""What a project wants of its layers, and with what each would be computed on a clip now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from annotation.models import Clip, Project
from enrichment import choosing, graph, recordings, registry, routing, versions
from enrichment.choosing import Choice
from enrichment.kept import Lying
from enrichment.layer import Layer
from enrichment.models import LayerSetting, PoseCorrection


@dataclass(frozen=True)
class Wanted:
    """A layer as a project has set it: what computes it, and what is set otherwise than by default, or by the
    project.

    refusable: whether the golden set refused any version of the layer, so that one must be looked up before it is used.
    """

    layer: Layer
    choice: Choice
    given: Mapping[str, object] = field(default_factory=dict)
    refusable: bool = True


@dataclass(frozen=True)
class Expected:
    """A layer as it would be computed on one clip now.

    kept: stands as it is, as its engine is not here any more, or as somebody made it current by hand.
    """

    wanted: Wanted
    parameters: dict[str, object]
    fingerprint: str
    kept: bool = False


def wanted(project: Project, names: Iterable[str], *, strict: bool = False) -> dict[str, Wanted]:
    """Layers as the project has set them, by name.

    Args:
        strict: raise when a chosen engine is not on this machine, instead of saying so in the choice.

    Raises:
        EngineMissing: see `strict`.
    """
    rows = {row.layer: row for row in LayerSetting.objects.filter(project=project)}
    refused = versions.refused_layers()
    found = {}
    for name in names:
        layer, row = registry.get(name), rows.get(name, LayerSetting())
        of_project = {parameter: getattr(project, field) for parameter, field in layer.from_project.items()}
        others = {key: rows[other].parameters.get(key) for key, other in layer.as_set_for.items() if other in rows}
        given = of_project | {key: value for key, value in others.items() if value is not None} | row.parameters
        found[name] = Wanted(layer, routing.choose(layer, row.engine, strict=strict), given, name in refused)
    return found


def expected(
    clip: Clip,
    names: Sequence[str],
    layers: Mapping[str, Wanted],
    done: Mapping[str, str] | None = None,
    pinned: Mapping[str, str] | None = None,
    lying: Lying | None = None,
) -> dict[str, Expected]:
    """What a clip's layers would be computed with now, by name.

    Args:
        names: layers, each after its inputs.
        layers: as `wanted` gives them.
        done: fingerprints of layers that are computed, by name; what was made by an engine that is not here any more
            stands, as nothing could make it again.
        pinned: fingerprints of layers that somebody made current by hand, by name.
        lying: the clip's folder, for who has looked into it already.
    """
    lying = lying or Lying(clip)
    found: dict[str, Expected] = {}
    for name in names:
        each = layers[name]
        upstream = {needed: found[needed].fingerprint for needed in each.layer.inputs}
        given = dict(each.given) | _of_clip(clip, each.layer, upstream, lying)
        parameters = choosing.parameters(each.layer, each.choice, given)
        stands = (pinned or {}).get(name) or (done or {}).get(name, "") * each.choice.missing
        if stands:
            found[name] = Expected(each, parameters, stands, kept=True)
            continue
        mark = graph.fingerprint(each.layer, each.choice, parameters=parameters, source=clip.sha256, upstream=upstream)
        found[name] = Expected(each, parameters, mark)
    return found


def _of_clip(clip: Clip, layer: Layer, upstream: Mapping[str, str], lying: Lying) -> dict[str, object]:
    """What people corrected of what the layer reads on this clip, and what stands for its recorded series."""
    found: dict[str, object] = {}
    if layer.from_people:
        found[layer.from_people] = PoseCorrection.objects.of(clip.pk, upstream[layer.inputs[0]])
    if layer.from_recording:
        found[layer.from_recording] = lying.of(recordings.RECORDED)
    return found
