"""A folder of pictures as a clip: one picture a frame, in the order in which a person would count them."""

import re
import warnings
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from annotation.media.errors import MediaError, MediaRefused
from annotation.media.facts import ClipFacts, Limits
from annotation.media.frame_index import FrameIndex
from annotation.media.scan import Progress

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
DEFAULT_RATE = Fraction(30)


def pictures(folder: Path) -> list[str]:
    """The names of a folder's pictures in natural order, frame_2 before frame_10; hidden files are not seen."""
    names = [
        path.name
        for path in folder.iterdir()
        if path.is_file() and path.suffix.lower() in ENDINGS and not path.name.startswith(".")
    ]
    return sorted(names, key=_natural)


def read_picture(path: Path, *, max_pixels: int) -> npt.NDArray[np.uint8]:
    """Decode one picture as a person sees it, turned as its EXIF says.

    Args:
        path: PNG, JPEG, WebP, BMP or TIFF. 16-bit greys are cut to their upper eight bits, transparency is dropped.
        max_pixels: pictures that declare more are refused before they are decoded.

    Returns:
        (height, width, 3) uint8 RGB.

    Raises:
        MediaRefused: outsized, truncated, or no picture.
    """
    try:
        with warnings.catch_warnings():
            # Pillow only warns below twice its limit; ours is checked on the declared size, right after opening.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            opened = Image.open(path, formats=_FORMATS)
        with opened as picture:
            width, height = picture.size
            if width * height > max_pixels:
                raise MediaRefused(
                    "outsized",
                    f"{path.name} has {width} x {height} pixels; at most {max_pixels:,} are taken. Scale it down.",
                )
            upright = ImageOps.exif_transpose(picture)
            if upright.mode.startswith("I;16") or upright.mode == "I":
                grey = (np.asarray(upright).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
                return np.repeat(grey[:, :, None], 3, axis=2)
            return np.array(upright.convert("RGB"), dtype=np.uint8)
    except Image.DecompressionBombError as error:
        raise MediaRefused("outsized", f"{path.name} is far larger than the {max_pixels:,} pixels taken.") from error
    except UnidentifiedImageError as error:
        raise MediaRefused("disguised", f"{path.name} is not a picture, whatever its name says.") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise MediaRefused("corrupt", f"{path.name} cannot be read as a picture ({error}); copy it again.") from error


def crc32_of(picture: npt.NDArray[np.uint8]) -> int:
    """CRC-32 of the RGB pixels, row by row."""
    return zlib.crc32(np.ascontiguousarray(picture).data)


def scan_folder(folder: Path, *, limits: Limits, progress: Progress, rate: Fraction = DEFAULT_RATE) -> ClipFacts:
    """Decode every picture of a folder once.

    Args:
        folder: pictures of one size; other files in it are ignored.
        limits: as for a video; max_bytes is for all pictures together.
        progress: called with (pictures done, pictures in all).
        rate: frames per second; pictures have no times of their own.

    Returns:
        The facts, timestamps_synthesised always true.

    Raises:
        MediaRefused: no_frames, outsized, mixed sizes (unsupported), or a picture that cannot be read.
    """
    names = pictures(folder)
    if not names:
        endings = ", ".join(sorted(ending[1:] for ending in ENDINGS))
        raise MediaRefused("no_frames", f"The folder {folder.name} holds no pictures ({endings}).")
    if len(names) > limits.max_frames:
        raise MediaRefused(
            "outsized", f"{folder.name} holds {len(names):,} pictures; at most {limits.max_frames:,} are taken."
        )
    size = sum((folder / name).stat().st_size for name in names)
    if size > limits.max_bytes:
        raise MediaRefused("outsized", f"{folder.name} holds {size:,} bytes; at most {limits.max_bytes:,} are taken.")
    checksums = np.zeros(len(names), dtype=np.uint32)
    shape: tuple[int, ...] = ()
    for number, name in enumerate(names):
        picture = read_picture(folder / name, max_pixels=limits.max_pixels)
        shape = shape or picture.shape
        if picture.shape != shape:
            raise MediaRefused(
                "unsupported",
                f"{name} is {picture.shape[1]} x {picture.shape[0]} pixels but {names[0]} is {shape[1]} x {shape[0]}; "
                "the pictures of a clip must have one size.",
            )
        checksums[number] = crc32_of(picture)
        progress(number + 1, len(names))
    index = FrameIndex(
        pts=np.arange(len(names), dtype=np.int64),
        time_base=1 / rate,
        crc32=checksums,
        keys=np.ones(len(names), dtype=bool),
        synthesised=True,
        names=tuple(names),
    )
    return ClipFacts(
        width=shape[1],
        height=shape[0],
        rotation=0,
        codec=(folder / names[0]).suffix[1:].lower().replace("jpeg", "jpg"),
        container="images",
        pixel_format="rgb24",
        fps=float(rate),
        variable_rate=False,
        timestamps_synthesised=True,
        duration=len(names) / float(rate),
        has_b_frames=False,
        bytes=size,
        index=index,
    )


def _natural(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Digits compare as numbers; the name itself breaks ties such as 01 and 1."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts], name


def check_names(index: FrameIndex, folder: Path) -> None:
    """Say early, with a sentence, that pictures of an indexed folder are gone.

    Raises:
        MediaError: at least one is.
    """
    missing = [name for name in index.names if not (folder / name).is_file()]
    if missing:
        raise MediaError(f"{len(missing)} pictures of {folder.name} are gone, the first is {missing[0]}; restore them.")
