"""Procedural textures: wood, plaster, toy blocks, metal. All are float32 (height, width, 3), linear light, 0 to 1."""

import cv2
import numpy as np

from annotation.scene.spec import F32, U8

Colour = tuple[int, int, int]


def linear(colour: Colour) -> F32:
    """(3,) float32 linear light of an sRGB colour, with the display taken as a square law to keep encoding cheap."""
    return np.square(np.array(colour, dtype=np.float32) / 255)


def cloud(rng: np.random.Generator, size: tuple[int, int], cells: tuple[float, float], octaves: int = 3) -> F32:
    """(height, width) value noise of about unit amplitude with `cells` blobs (down, across) in the lowest octave."""
    height, width = size
    total = np.zeros((height, width), dtype=np.float32)
    for octave in range(octaves):
        rows, columns = (max(2, int(c * 2**octave) + 1) for c in cells)
        grid = rng.standard_normal((min(rows, height), min(columns, width)), dtype=np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(0.5**octave)
    return total


def wood(rng: np.random.Generator, size: tuple[int, int], metres: tuple[float, float], colour: Colour) -> F32:
    """Planks along x with grain, rings and joints. metres: extent (down, across)."""
    height = size[0]
    plank = 0.13
    y = (np.arange(height, dtype=np.float32) + 0.5)[:, None] * np.float32(metres[0] / height)
    row = np.floor(y / plank).astype(int)
    count = int(row.max()) + 1
    tone = rng.normal(1.0, 0.09, count).astype(np.float32)[row]
    phase = rng.uniform(0, 9, count).astype(np.float32)[row]
    bend = cloud(rng, size, (metres[0] * 14, metres[1] * 2.2), 2)
    rings = np.sin((y / plank) * 22 + bend * 3.2 + phase * 7)
    fibre = cloud(rng, size, (metres[0] * 260, metres[1] * 9), 2)
    speck = cloud(rng, size, (metres[0] * 500, metres[1] * 40), 1)
    shade = tone * (1 + 0.1 * rings * np.abs(rings) + 0.075 * fibre + 0.05 * speck + 0.05 * bend)
    joint = np.abs((y / plank) % 1 - 0.5) > 0.5 - 0.0012 / plank
    shade = np.where(joint, shade * 0.45, shade)
    warm = np.stack([shade, shade**1.12, shade**1.3], axis=-1)
    picture: F32 = np.clip(linear(colour) * warm, 0, 1).astype(np.float32)
    return picture


def plaster(rng: np.random.Generator, size: tuple[int, int], metres: tuple[float, float], colour: Colour) -> F32:
    """A painted wall, rolled unevenly. metres: extent (down, across)."""
    shade = 1 + 0.05 * cloud(rng, size, (metres[0] * 3, metres[1] * 3), 3)
    shade += 0.045 * cloud(rng, size, (metres[0] * 90, metres[1] * 90), 2)
    return np.clip(linear(colour) * shade[..., None], 0, 1).astype(np.float32)


def tiles(rng: np.random.Generator, size: tuple[int, int], metres: tuple[float, float], colour: Colour) -> F32:
    """Glazed wall tiles in running bond with pale grout. metres: extent (down, across)."""
    height, width = size
    y = (np.arange(height, dtype=np.float32) + 0.5)[:, None] * np.float32(metres[0] / height / 0.075)
    x = (np.arange(width, dtype=np.float32) + 0.5)[None, :] * np.float32(metres[1] / width / 0.15)
    row = np.floor(y).astype(int)
    x = x + 0.5 * (row % 2)
    column = np.floor(x).astype(int)
    tone = rng.normal(1.0, 0.05, (int(row.max()) + 1, int(column.max()) + 1)).astype(np.float32)[row, column]
    edge = np.minimum(np.minimum(x % 1, 1 - x % 1) * 0.15, np.minimum(y % 1, 1 - y % 1) * 0.075)
    glaze = np.clip((edge - 0.0015) / 0.003, 0, 1)
    mottle = 1 + 0.035 * cloud(rng, size, (metres[0] * 70, metres[1] * 70), 2)
    face = linear(colour) * (tone * mottle * (0.92 + 0.08 * glaze))[..., None]
    grout = linear((176, 172, 164))
    return np.clip(np.where((edge < 0.0018)[..., None], grout, face), 0, 1).astype(np.float32)


def block_face(
    rng: np.random.Generator, size: tuple[int, int], colour: Colour, letter: str, pattern: str, scale: int = 4
) -> F32:
    """A painted face with a frame and a letter, stripes, dots or checks in it. Drawn `scale` times too large first."""
    height, width = size[0] * scale, size[1] * scale
    picture: U8 = np.empty((height, width, 3), dtype=np.uint8)
    picture[:] = colour
    bright = sum(colour) > 400
    ink = (44, 40, 44) if bright else (246, 240, 224)
    short = min(height, width)
    rim = max(1, round(short * 0.05))
    inset = round(short * 0.1)
    cv2.rectangle(picture, (inset, inset), (width - inset - 1, height - inset - 1), ink, rim)
    inner = np.zeros((height, width), dtype=bool)
    keep = inset + 2 * rim
    inner[keep : height - keep, keep : width - keep] = True
    rows, columns = np.mgrid[:height, :width] / short
    if pattern == "letter":
        _draw_letter(picture, letter, ink, short)
    elif pattern == "stripes":
        picture[inner & (((rows + columns) * 5) % 1 < 0.45)] = ink
    elif pattern == "checks":
        picture[inner & ((np.floor(rows * 6) + np.floor(columns * 6)) % 2 == 0)] = ink
    else:
        picture[inner & (np.hypot((rows * 4) % 1 - 0.5, (columns * 4) % 1 - 0.5) < 0.28)] = ink
    face = np.square(picture.astype(np.float32) / 255)
    face *= 1 + 0.06 * cloud(rng, (height, width), (3, 9), 2)[..., None]
    small = cv2.resize(face, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    clipped: F32 = np.clip(small, 0, 1).astype(np.float32)
    return clipped


def _draw_letter(picture: U8, letter: str, ink: Colour, short: int) -> None:
    font, thickness = cv2.FONT_HERSHEY_DUPLEX, max(1, round(short * 0.1))
    (width, height), _ = cv2.getTextSize(letter, font, 1.0, 1)
    size = short * 0.5 / height
    corner = (round((picture.shape[1] - width * size) / 2), round((picture.shape[0] + height * size) / 2))
    cv2.putText(picture, letter, corner, font, size, ink, thickness, cv2.LINE_AA)


def plain(rng: np.random.Generator, size: tuple[int, int], colour: Colour, grain: float = 0.05) -> F32:
    """One colour with a little unevenness, as cast or brushed material has."""
    shade = 1 + grain * cloud(rng, size, (4, 12), 3)
    return np.clip(linear(colour) * shade[..., None], 0, 1).astype(np.float32)


def banded(
    rng: np.random.Generator, size: tuple[int, int], colour: Colour, band: Colour, at: float, width: float
) -> F32:
    """Plain with one band across: columns from at - width / 2 to at + width / 2, as shares of the texture."""
    picture = plain(rng, size, colour, 0.03)
    place = (np.arange(size[1]) + 0.5) / size[1]
    picture[:, np.abs(place - at) < width / 2] = linear(band)
    return picture
