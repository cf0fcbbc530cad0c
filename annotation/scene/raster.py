"""Ray casting into a buffer of depth, part, colour and normal: each part is cast only inside its own rectangle."""

from dataclasses import dataclass

import cv2
import numpy as np

from annotation.scene.layout import WALL_Y
from annotation.scene.rig import TABLE, WALL, Part
from annotation.scene.shapes import Box, Surface, Vec
from annotation.scene.spec import F32, F64, U8, Bools

FIRST_PART = 2  # part numbers 0 and 1 are the wall and the table
FAR = (0.55, 1.0)  # metres; over this range the table's texture goes from sharp to smooth
NEAR = 0.02  # metres; a part that comes closer to the camera than this is cast over the whole picture


class View:
    """A pinhole camera in one place, with a ray for every pixel.

    rays: world directions by component, (height, width) float32, scaled so that the ray parameter is the depth along
    the optical axis.
    """

    def __init__(
        self, size: tuple[int, int], intrinsics: tuple[float, float, float, float], world_to_camera: F64
    ) -> None:
        self.height, self.width = size
        self.intrinsics = intrinsics
        self.world_to_camera = world_to_camera
        fx, fy, cx, cy = intrinsics
        rotation = world_to_camera[:3, :3]
        self.eye: F64 = -rotation.T @ world_to_camera[:3, 3]
        x = ((np.arange(self.width) - cx) / fx)[None, :]
        y = ((np.arange(self.height) - cy) / fy)[:, None]
        towards = rotation.T
        self.rays: Vec = tuple(
            (towards[i, 0] * x + towards[i, 1] * y + towards[i, 2]).astype(np.float32) for i in range(3)
        )

    def project(self, points: F64) -> tuple[F64, F64]:
        """Pixels (..., 2) and depths (...) of world points (..., 3)."""
        fx, fy, cx, cy = self.intrinsics
        seen = points @ self.world_to_camera[:3, :3].T + self.world_to_camera[:3, 3]
        z = seen[..., 2]
        return np.stack([fx * seen[..., 0] / z + cx, fy * seen[..., 1] / z + cy], axis=-1), z

    def rectangle(self, corners: F64) -> tuple[slice, slice] | None:
        """Rows and columns that hold the hull of these world points, None when it is outside the picture."""
        pixels, z = self.project(corners)
        if z.max() <= NEAR:
            return None
        if z.min() <= NEAR:
            return slice(0, self.height), slice(0, self.width)
        low = np.maximum(np.floor(pixels.min(0)), 0).astype(int)
        high = np.minimum(np.ceil(pixels.max(0)) + 1, [self.width, self.height]).astype(int)
        if (low >= high).any():
            return None
        return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


@dataclass(slots=True)
class Buffer:
    """What each pixel sees: depth (metres), part number, linear albedo, world normal, strength of the highlight."""

    depth: F32
    part: U8
    albedo: F32
    normal: F32
    shine: F32

    def copy(self) -> "Buffer":
        """A buffer of its own, to draw moving parts into."""
        planes = self.depth.copy(), self.part.copy(), self.albedo.copy(), self.normal.copy(), self.shine.copy()
        return Buffer(*planes)


def highlight(rays: Vec, normal: Vec, light: F64, gloss: float, power: int) -> F32:
    """Blinn's highlight: gloss times the cosine between normal and half vector, to a power of two."""
    length = np.float32(1) / np.sqrt(rays[0] ** 2 + rays[1] ** 2 + rays[2] ** 2)
    half = [np.float32(light[i]) - rays[i] * length for i in range(3)]
    size = np.sqrt(half[0] ** 2 + half[1] ** 2 + half[2] ** 2)
    shine: F32 = np.clip((half[0] * normal[0] + half[1] * normal[1] + half[2] * normal[2]) / size, 0, 1)
    for _ in range(power):
        shine = shine * shine
    shine *= np.float32(gloss)
    return shine


def smooth_table(table: F32) -> F32:
    """The table's texture as seen from afar and at a slant, where a pixel covers several texels that would flicker."""
    smooth: F32 = cv2.GaussianBlur(table, (0, 0), sigmaX=0.7, sigmaY=1.5)  # type: ignore[assignment]
    return smooth


def draw_planes(view: View, table: F32, smooth: F32, wall: F32, metres: float, light: F64) -> Buffer:
    """A fresh buffer with the table (z = 0) and the wall behind it; their textures span `metres`, mirrored beyond.

    smooth is the table's texture from `smooth_table`, for where it is seen from afar.
    """
    dx, dy, dz = view.rays
    ex, ey, ez = (np.float32(e) for e in view.eye)
    to_table = np.where(dz < -1e-6, -ez / np.minimum(dz, np.float32(-1e-6)), np.float32(np.inf))
    to_wall = np.where(dy > 1e-6, (np.float32(WALL_Y) - ey) / np.maximum(dy, np.float32(1e-6)), np.float32(np.inf))
    on_table = to_table < to_wall
    depth = np.minimum(np.minimum(to_table, to_wall), np.float32(50))
    x, y, z = ex + depth * dx, ey + depth * dy, ez + depth * dz
    scale, middle = np.float32(table.shape[0] / metres), np.float32(table.shape[0] / 2 - 0.5)
    far = np.clip((depth - FAR[0]) * np.float32(1 / (FAR[1] - FAR[0])), 0, 1)[..., None]
    columns, rows = x * scale + middle, middle - y * scale
    sharp = cv2.remap(table, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    soft = cv2.remap(smooth, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    paint = cv2.remap(wall, columns, middle - z * scale, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    albedo = np.where(on_table[..., None], sharp + (soft - sharp) * far, paint)
    normal = np.zeros((*depth.shape, 3), dtype=np.float32)
    normal[..., 1] = np.where(on_table, np.float32(0), np.float32(-1))
    normal[..., 2] = on_table
    up = (np.float32(0), np.float32(0), np.float32(1))
    shine = np.where(on_table, highlight(view.rays, up, light, 0.1, 4), np.float32(0))  # type: ignore[arg-type]
    return Buffer(depth, np.where(on_table, TABLE, WALL).astype(np.uint8), albedo, normal, shine)


def draw_part(buffer: Buffer, view: View, part: Part, pose: F64, number: int, light: F64) -> None:
    """Cast one part into the buffer where it is nearer than what is there."""
    rotation, place = pose[:3, :3], pose[:3, 3]
    window = view.rectangle(part.shape.corners() @ rotation.T + place)
    if window is None:
        return
    rays = tuple(ray[window] for ray in view.rays)
    origin: Vec = tuple(np.float32(v) for v in rotation.T @ (view.eye - place))  # type: ignore[assignment]
    direction = turn(rays, rotation.T)  # type: ignore[arg-type]
    distance = part.shape.distance(origin, direction)
    nearer = distance < buffer.depth[window]
    if not nearer.any():
        return
    surface = part.shape.surface(origin, direction, np.where(nearer, distance, np.float32(0)))
    normal = turn(surface.normal, rotation)
    np.copyto(buffer.depth[window], distance, where=nearer)
    np.copyto(buffer.part[window], np.uint8(number), where=nearer)
    for i in range(3):
        np.copyto(buffer.normal[window][..., i], normal[i], where=nearer)
    shine = highlight(rays, normal, light, part.gloss, 5)  # type: ignore[arg-type]
    np.copyto(buffer.shine[window], shine, where=nearer)
    _paint(buffer.albedo[window], part, surface, origin, nearer)


def turn(vector: Vec, rotation: F64) -> Vec:
    """Apply a (3, 3) rotation to vectors by component."""
    m = rotation.astype(np.float32)
    x, y, z = (m[i, 0] * vector[0] + m[i, 1] * vector[1] + m[i, 2] * vector[2] for i in range(3))
    return x, y, z


def _paint(albedo: F32, part: Part, surface: Surface, origin: Vec, nearer: Bools) -> None:
    x, y, z = surface.point
    if not isinstance(part.shape, Box):
        skin = part.skin[0]
        length, radius = part.shape.length, part.shape.radius
        along = (x + np.float32(radius)) * np.float32((skin.shape[1] - 1) / (length + 2 * radius))
        around = (np.arctan2(y, z) * np.float32(0.5 / np.pi) + np.float32(0.5)) * np.float32(skin.shape[0] - 1)
        colour = cv2.remap(skin, along, around, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        np.copyto(albedo, colour, where=nearer[..., None])
        return
    hx, hy, hz = part.shape.half
    # Letters read from left to right on whichever side of the box is seen, hence the signs.
    sides = [(y, hy, z, hz, 1.0), (x, hx, z, hz, -1.0), (x, hx, y, hy, 1.0)]
    for axis, (across, across_half, down, down_half, sign) in enumerate(sides):
        if abs(origin[axis]) <= part.shape.half[axis]:
            continue
        here = nearer & (surface.axis == axis)
        skin = part.skin[axis]
        flip = np.float32(sign * np.sign(origin[axis]))
        columns = (flip * across * np.float32(0.5 / across_half) + np.float32(0.5)) * np.float32(skin.shape[1] - 1)
        rows = (np.float32(0.5) - down * np.float32(0.5 / down_half)) * np.float32(skin.shape[0] - 1)
        colour = cv2.remap(skin, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        np.copyto(albedo, colour, where=here[..., None])
