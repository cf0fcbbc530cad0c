"""The contract of an engine that computes a layer: what is said of it before it is loaded, and what it must do then.

How to add one:

1. The numerics are one file per model family, `enrichment/engines/<family>.py`; only files there import torch and
   transformers. Its class is made with the folder of its weights, or with nothing when it has none:

       class DepthAnything:
           def __init__(self, folder: Path) -> None: ...          # load it, with torch_models.load
           def rehearse(self, picture: Picture) -> None: ...      # do on one picture what it is for
           def estimate(self, pictures, parameters): ...          # what the layer asks of it

   `rehearse` warms the model up after loading. `manage.py engines --measure` times it too, unless the layer asks for
   more than that and the model has `work` beside (see `Working`). A model sees no Django,
   no settings and no database, keeps nothing between calls, and gets its parameters (an instance of the `Parameters`
   that its description names) with every call, so that two projects can share one loaded model. It raises
   EngineInputError, and lets running out of memory pass (MemoryError, torch.OutOfMemoryError): the caller asks again
   with half as many pictures.

2. What there is to say of it without loading it is one file per family, `enrichment/offers/<family>.py`, which imports
   neither torch nor the numerics:

       register(LayerEngine(layer="depth", name="depth_anything", title="Depth Anything V2",
                            make="enrichment.engines.depth_anything:DepthAnything", kinds=("depth_anything",), …))

   A family that serves several layers registers once for each.

3. The layer says which Protocol it needs (`Layer.needs`, a runtime-checkable Protocol in the layer's own file), and
   gets the chosen engine in `Context.engine` (enrichment/loading.py). It never sees a folder:

       for (frame, _), depth in context.engine.over(context.frames.iterate(span.start, span.end), estimate): …

   where `estimate(model, items)` gets as many items as fit into memory and returns as many results. A layer without an
   engine of its own leaves `engine` empty and says why in `no_engine`; what people see then is that sentence. A layer
   whose own engine needs no weights offers that too, in the same way, under the name in `Layer.engine`.

Who chooses: `LayerSetting.engine`, "depth_anything:Depth-Anything-V2-Small-hf" (the folder below LOUPE_WEIGHTS), set on
the project's engines page or by `manage.py enrich --engine depth=depth_anything:…`. What was chosen, with the SHA-256
of its weights, is in the fingerprint and in the manifest (choosing.py). Tests: save a tiny random checkpoint to disk
with `save_pretrained` and go the whole way (tests/enrichment/engines/).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from annotation.plugins import Registry
from enrichment import offers
from enrichment.conversion import Conversion, Shapes
from enrichment.engines.checkpoints import of_kind
from enrichment.parameters import NoParameters
from enrichment.weights import Checkpoints

Picture = NDArray[np.uint8]

GIB: Final = 1024**3
MIB: Final = 1024**2
DEVICES: Final = ("cpu", "gpu", "either")


class Model(Protocol):
    """What every engine's class has, beside what its layer needs."""

    def rehearse(self, picture: Picture, /) -> None:
        """Do on one picture (height, width, 3) uint8 RGB what it is for, and throw the result away."""


@runtime_checkable
class Working(Protocol):
    """What an engine has beside whose rehearsal is less than a layer asks of it."""

    def work(self, picture: Picture, parameters: Any, /) -> None:
        """Do on one picture (height, width, 3) uint8 RGB all that a layer asks of it with these parameters."""


@dataclass(frozen=True)
class Hub:
    """Where weights come from, for those who have internet.

    id: on the Hugging Face hub. revision: the commit that is fetched; empty: the newest, which is then written down
    beside the weights. licence: of the weights, by its short name. gated: the hub wants an account that agreed to it.
    """

    id: str
    licence: str
    revision: str = ""
    gated: bool = False

    @property
    def folder(self) -> str:
        """What the folder below LOUPE_WEIGHTS is called."""
        return self.id.rpartition("/")[2]


@dataclass(frozen=True)
class LayerEngine:
    """One way to compute one layer.

    layer, name: what it computes, and what the project's setting calls it. title: for people. make: dotted path
    "module:class". version: raised when its own code changes the result. kinds: `model_type` in the config.json of
    folders of weights that fit; empty for an engine without weights. hub: where such weights are found. device: "cpu",
    "gpu", or "either", then on the GPU where there is one. memory: bytes of the model itself. picture_memory: bytes for
    each 720p picture that it looks at in one go. batch: at most so many in one go. packages: what must be installed.
    Parameters: what can be set, beside what the layer has. note: how to get the weights where the hub has none.
    lacks: says in a sentence what else is missing here, such as a key; empty when nothing is. remote: it is a
    service over the network, whose speed is not this machine's and costs money to measure. adopt: where weights are
    published as a pickled state dict only, how one with tensors of these shapes becomes a folder of weights; None when
    it is another model's.
    """

    layer: str
    name: str
    title: str
    make: str
    version: str = "1"
    kinds: tuple[str, ...] = ()
    hub: tuple[Hub, ...] = ()
    device: str = "cpu"
    memory: int = 0
    picture_memory: int = 0
    batch: int = 1
    packages: tuple[str, ...] = ()
    Parameters: type = NoParameters
    note: str = ""
    lacks: Callable[[], str] | None = None
    remote: bool = False
    adopt: Callable[[Shapes], Conversion | None] | None = None

    def __post_init__(self) -> None:
        """Refuse what nothing could make sense of."""
        if self.device not in DEVICES:
            raise ValueError(f"{self.name} runs on {self.device!r}; a device is one of {', '.join(DEVICES)}.")
        if self.batch < 1 or any(sign in self.name for sign in ":,/ "):
            raise ValueError(f"An engine's batch is 1 or more, and its name has no : , / or space: {self.name!r}.")

    @property
    def checkpoints(self) -> Checkpoints | None:
        """Lists the folders below the weights folder that fit, by name; None for an engine without weights."""
        return of_kind(*self.kinds) if self.kinds else None

    @property
    def key(self) -> str:
        """Its name among all engines of all layers."""
        return f"{self.layer}/{self.name}"


every: Registry[LayerEngine] = Registry("engine of a layer", offers)


def register(engine: LayerEngine) -> LayerEngine:
    """Make an engine known for its layer.

    Raises:
        DuplicatePlugin: another file has registered that name for that layer.
    """
    return every.register(engine.key, engine)


def of_layer(layer: str) -> dict[str, LayerEngine]:
    """The engines that can compute a layer, by name."""
    return {engine.name: engine for engine in every.every().values() if engine.layer == layer}


def takes(model: Any, needs: type | None) -> bool:
    """Whether a loaded engine has what a layer asks for."""
    return needs is None or isinstance(model, needs)
