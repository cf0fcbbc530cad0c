"""SAM 2 for video, with the weights that lie in LOUPE_WEIGHTS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from enrichment import weights
from enrichment.engines.checkpoints import of_kind
from enrichment.errors import UnknownCarrier
from enrichment.propagation.carrier import Carried, Carrier, Pictures, Stretch
from enrichment.propagation.registry import register


@register
class Sam2(Carrier):
    """Follows the object from the keyframe, with the far one in its memory too."""

    name = "sam2"
    title = "SAM 2 video"
    version = ""
    device = "either"
    packages = ("torch", "transformers")
    checkpoints = staticmethod(of_kind("sam2_video"))

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(folder)
        # Named and not imported: a page that lists carriers has no use for torch.
        self._model = weights.maker("enrichment.engines.sam2_video:loaded", self.title, UnknownCarrier)(folder)
        self.version = self._model.version

    def carry(self, pictures: Pictures, stretch: Stretch) -> Iterator[Carried]:
        """One mask a frame, each final; after an interruption it goes on behind the last one that came."""
        frames = list(stretch.frames)
        known = next((at for at, frame in enumerate(frames) if frame not in stretch.came), len(frames))
        if known == len(frames):
            return
        follower = self._model.follower(reverse=stretch.step < 0)
        for key in (stretch.far, stretch.near):
            if key is not None:
                _, picture = next(iter(pictures.walk(key.frame, key.frame)))
                follower.keyframe(key.frame, picture, key.mask)
        # What came before an interruption is looked at again as far as the model looks back, and no further.
        first = max(0, known - follower.recalls)
        for at, (frame, picture) in enumerate(pictures.walk(frames[first], frames[-1]), first):
            if at < known:
                follower.recall(frame, picture, stretch.came[frame].mask)
            else:
                mask, confidence = follower.step(frame, picture)
                yield Carried(frame, mask, confidence)
