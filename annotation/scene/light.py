"""Light: a sun with soft shadows, sky, darkness where blocks touch the table, and the camera's own faults.

Shadows are the mean over a few directions towards the sun's disc; each has a height map of what stands in its way.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from annotation.scene.layout import Block
from annotation.scene.raster import Buffer, View
from annotation.scene.rig import WALL, Part
from annotation.scene.shapes import Vec
from annotation.scene.spec import F32, F64, U8, Bools

MAP_SIZE, MAP_REACH = 320, 0.62  # texels, and metres from the middle to the edge of a shadow map
MAP_MIDDLE = np.array([0.0, 0.05, 0.0])
CONTACT_SIZE, CONTACT_REACH = 160, 0.5
EMPTY = -0.35
BIAS, SOFT = 0.005, 0.006
DISC = 0.07  # half angle of the sun, in radians; a lamp rather than the sun in the sky
SAMPLES = 8
PENUMBRA = 0.0028  # blur of the sum, as a share of the focal length; joins the samples into one soft edge


class Sun:
    """The direction of the light, and for each sample of its disc what blocks it."""

    def __init__(self, towards: tuple[float, float, float]) -> None:
        main = np.array(towards, dtype=np.float64)
        self.towards: F64 = main / np.linalg.norm(main)
        right = np.cross([0.0, 1.0, 0.0], self.towards)
        right /= np.linalg.norm(right)
        up = np.cross(self.towards, right)
        self._frames: list[F64] = []
        for k in range(SAMPLES):
            angle = 2 * np.pi * k / SAMPLES
            w = self.towards + DISC * (np.cos(angle) * right + np.sin(angle) * up)
            w /= np.linalg.norm(w)
            u = np.cross([0.0, 1.0, 0.0], w)
            u /= np.linalg.norm(u)
            self._frames.append(np.stack([u, np.cross(w, u), w]))
        grid = (np.arange(MAP_SIZE, dtype=np.float32) + 0.5) * np.float32(2 * MAP_REACH / MAP_SIZE) - np.float32(
            MAP_REACH
        )
        self._u, self._v = np.meshgrid(grid, grid)
        self._still = [np.full((MAP_SIZE, MAP_SIZE), EMPTY, dtype=np.float32) for _ in self._frames]
        self._view: View | None = None
        self._along: list[Vec] = []

    def stand(self, parts: Sequence[tuple[Part, F64]]) -> None:
        """Draw parts that never move into the maps, once."""
        for height, frame in zip(self._still, self._frames, strict=True):
            self._cast(height, frame, parts)

    def shade(self, buffer: Buffer, view: View, moving: Sequence[tuple[Part, F64]]) -> F32:
        """(height, width) share of the sun that reaches each pixel, 0 to 1."""
        if view is not self._view:
            self._view = view
            self._along = [self._light_axes(view, frame) for frame in self._frames]
        total = np.zeros_like(buffer.depth)
        texel = np.float32(MAP_SIZE / (2 * MAP_REACH))
        for still, frame, along in zip(self._still, self._frames, self._along, strict=True):
            sharp = still.copy()
            self._cast(sharp, frame, moving)
            height = cv2.blur(sharp, (3, 3))  # hides the steps of the texels
            u0, v0, w0 = (np.float32(c) for c in frame @ (view.eye - MAP_MIDDLE))
            columns = (u0 + buffer.depth * along[0]) * texel + np.float32(MAP_SIZE / 2 - 0.5)
            rows = (v0 + buffer.depth * along[1]) * texel + np.float32(MAP_SIZE / 2 - 0.5)
            blocked = cv2.remap(height, columns, rows, cv2.INTER_LINEAR, borderValue=EMPTY)
            level = w0 + buffer.depth * along[2]
            total += np.clip((level - blocked + np.float32(BIAS)) * np.float32(1 / SOFT), 0, 1)
        blurred = cv2.GaussianBlur(total, (0, 0), max(0.3, PENUMBRA * view.intrinsics[0]))
        lit: F32 = np.where(buffer.part == WALL, np.float32(1), blurred * np.float32(1 / SAMPLES))
        return lit

    @staticmethod
    def _light_axes(view: View, frame: F64) -> Vec:
        m = frame.astype(np.float32)
        u, v, w = (m[i, 0] * view.rays[0] + m[i, 1] * view.rays[1] + m[i, 2] * view.rays[2] for i in range(3))
        return u, v, w

    def _cast(self, height: F32, frame: F64, parts: Sequence[tuple[Part, F64]]) -> None:
        start = 1.5  # metres towards the light, above everything
        for part, pose in parts:
            rotation, place = pose[:3, :3], pose[:3, 3]
            corners = (part.shape.corners() @ rotation.T + place - MAP_MIDDLE) @ frame[:2].T
            bounds = (corners + MAP_REACH) * (MAP_SIZE / (2 * MAP_REACH))
            low = np.clip(np.floor(bounds.min(0)), 0, MAP_SIZE).astype(int)
            high = np.clip(np.ceil(bounds.max(0)) + 1, 0, MAP_SIZE).astype(int)
            if (low >= high).any():
                continue
            window = slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))
            first = rotation.T @ (MAP_MIDDLE + start * frame[2] - place)
            across, up = rotation.T @ frame[0], rotation.T @ frame[1]
            u, v = self._u[window], self._v[window]
            origin: Vec = tuple(  # type: ignore[assignment]
                np.float32(first[i]) + u * np.float32(across[i]) + v * np.float32(up[i]) for i in range(3)
            )
            towards: Vec = tuple(np.float32(d) for d in -(rotation.T @ frame[2]))  # type: ignore[assignment]
            hit = np.float32(start) - part.shape.distance(origin, towards)
            np.maximum(height[window], hit, out=height[window])


def contact(blocks: Sequence[tuple[Block, F64]]) -> F32:
    """(CONTACT_SIZE, CONTACT_SIZE) share of sky light near blocks that stand low over the table, 0 to 1."""
    scale = CONTACT_SIZE / (2 * CONTACT_REACH)
    total = np.ones((CONTACT_SIZE, CONTACT_SIZE), dtype=np.float32)
    for block, pose in blocks:
        hx, hy, hz = block.half
        strength = 0.65 * np.exp(-max(pose[2, 3] - hz, 0.0) / 0.025)
        if strength < 0.02:
            continue
        corners = np.array([[-hx, -hy, 0], [hx, -hy, 0], [hx, hy, 0], [-hx, hy, 0]]) @ pose[:3, :3].T + pose[:3, 3]
        outline = np.stack([corners[:, 0] + CONTACT_REACH, CONTACT_REACH - corners[:, 1]], axis=-1) * scale - 0.5
        spot = np.zeros_like(total)
        cv2.fillConvexPoly(spot, np.round(outline * 16).astype(np.int32), 1.0, cv2.LINE_8, 4)
        total *= 1 - np.float32(strength) * cv2.GaussianBlur(spot, (0, 0), 0.012 * scale)
    return total


def look_up_contact(shade: F32, buffer: Buffer, view: View) -> F32:
    """(height, width) share of sky light under every pixel, from the map that `contact` makes."""
    scale = np.float32(CONTACT_SIZE / (2 * CONTACT_REACH))
    x = np.float32(view.eye[0]) + buffer.depth * view.rays[0]
    y = np.float32(view.eye[1]) + buffer.depth * view.rays[1]
    columns = (x + np.float32(CONTACT_REACH)) * scale - np.float32(0.5)
    rows = (np.float32(CONTACT_REACH) - y) * scale - np.float32(0.5)
    return cv2.remap(shade, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def expose(buffer: Buffer, sun: F64, lit: F32, sky: F32, warmth: F32) -> F32:
    """(height, width, 3) linear picture from the buffer, the shares of sun and of sky; warmth tints the sun."""
    n = buffer.normal
    s = sun.astype(np.float32)
    facing = n[..., 0] * s[0] + n[..., 1] * s[1] + n[..., 2] * s[2]
    direct = np.maximum(facing, 0) * lit
    ambient = (np.float32(0.27) + np.float32(0.12) * n[..., 2] - np.float32(0.16) * n[..., 1]) * sky
    glint = buffer.shine * lit
    picture = np.empty_like(buffer.albedo)
    for c, cool in enumerate((0.94, 1.0, 1.1)):
        light = direct * warmth[c] + ambient * np.float32(cool)
        picture[..., c] = buffer.albedo[..., c] * light + glint
    return picture


def outlines(buffer: Buffer) -> Bools:
    """(height, width) True where a pixel has a neighbour that belongs to another part or faces another way."""
    around = np.ones((3, 3), dtype=np.uint8)
    parts: Bools = cv2.dilate(buffer.part, around) != cv2.erode(buffer.part, around)
    turned = cv2.morphologyEx(buffer.normal[..., 2], cv2.MORPH_GRADIENT, around) > 0.4
    edges: Bools = parts | turned
    return edges


class Lens:
    """Vignette, a little blur, sensor noise and the display curve."""

    def __init__(self, size: tuple[int, int], noise: float, seed: int) -> None:
        height, width = size
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * np.float32(height / max(size))
        x = np.linspace(-1, 1, width, dtype=np.float32)[None, :] * np.float32(width / max(size))
        self._vignette = (1 - np.float32(0.28) * (x * x + y * y))[..., None]
        self._noise, self._seed = noise, seed

    def photograph(self, picture: F32, outline: Bools, index: int) -> U8:
        """(height, width, 3) uint8 RGB of a linear picture, smoothed along outlines; noise is drawn by frame number."""
        picture = picture * self._vignette
        soft = cv2.GaussianBlur(picture, (3, 3), 0.5)
        # Rays are cast once per pixel, so outlines are stepped; a real lens has no such thing.
        np.copyto(soft, cv2.GaussianBlur(picture, (5, 5), 0.85), where=outline[..., None])
        grey = np.sqrt(np.maximum(soft, 0)) * np.float32(255)
        if self._noise:
            rng = np.random.default_rng([self._seed, 4, index])
            grain = rng.standard_normal(grey.shape, dtype=np.float32)
            # Shot noise under the square-root curve is even over the range; read noise shows in the shadows.
            grey += grain * (np.float32(self._noise) * (np.float32(0.8) + np.float32(26) / (grey + 60)))
        image: U8 = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
        return image
