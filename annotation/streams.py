"""A clip's coded stream, for browsers that decode it themselves instead of asking for every picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from annotation import clips
from annotation.errors import Refused
from annotation.media import packets
from annotation.media.colour_sums import LAYOUTS, ColourSums, sums_of
from annotation.media.decode import FrameReader
from annotation.media.errors import MediaError
from annotation.media.scan import open_video
from annotation.models import Clip


@dataclass(frozen=True)
class Stream:
    """How a browser decodes a clip to exactly our pixels; `refusal` says why it cannot, and the rest is then empty.

    codec: as WebCodecs names it. description: the decoder's set-up, may be empty. width, height: in pixels, before
    turning. rotation: clockwise in degrees. layout: of the decoded planes, "I420" or "I422".
    """

    refusal: str = ""
    codec: str = ""
    description: bytes = b""
    width: int = 0
    height: int = 0
    rotation: int = 0
    layout: str = ""
    colour: ColourSums | None = None


def describe(clip: Clip) -> Stream:
    """How the clip's packets are decoded; the last ones asked for are kept in memory."""
    if clip.container == clips.IMAGES:
        return Stream("The clip is a folder of pictures.")
    if clip.timestamps_synthesised:
        return Stream("The source has no times of its own, so its packets do not say which frame they show.")
    return _described(clip.pk, clip.sha256)


def stretch(clip: Clip, frame: int) -> bytes:
    """The packets that one frame and its neighbours are decoded from, in the form of `media.packets`.

    Raises:
        IndexError: the clip has no such frame.
        Refused: they can't be handed out; the pictures can.
    """
    index = clips.index(clip)
    if index.names or index.synthesised:
        raise Refused(f"{clip.name} has no packets that say which frame they show; ask for its pictures.")
    try:
        return packets.read_stretch(clips.source(clip), index, frame).to_bytes(index)
    except MediaError as error:
        raise Refused(str(error)) from error


@lru_cache(maxsize=256)
def _described(pk: int, sha256: str) -> Stream:
    # The hash is part of the key only: another clip may come to stand under the same number.
    clip = Clip.objects.get(pk=pk)
    source, index = clips.source(clip), clips.index(clip)
    try:
        with FrameReader(source, index) as reader:
            sample = reader.decoded(0)
            sums = sums_of(sample)
        container, _ = open_video(source)
        with container:
            video = packets.stream_of(container, index, source)
            codec, description = packets.codec_string(video), packets.description(video)
    except MediaError as error:
        return Stream(str(error))
    if not codec:
        return Stream(f"Browsers do not decode {clip.codec}.")
    if sums is None:
        return Stream(f"Pictures in {sample.format.name}, {sample.height} lines high, are converted on the server.")
    layout, _, _ = LAYOUTS[sample.format.name]
    return Stream(
        codec=codec,
        description=description,
        width=sample.width,
        height=sample.height,
        rotation=clip.rotation,
        layout=layout,
        colour=sums,
    )
