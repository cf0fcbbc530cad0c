"""Boxes and capsules, and where rays meet them. Everything is float32 and vectorised over rays."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from annotation.scene.spec import F32, F64

# A vector per ray, by component: three arrays of one shape, or three numbers that hold for every ray.
Vec = tuple[F32, F32, F32]

NOTHING = np.float32(np.inf)


@dataclass(frozen=True, slots=True)
class Surface:
    """What lies under each ray, in the shape's coordinates: point, unit normal, and for boxes the axis of the face."""

    point: Vec
    normal: Vec
    axis: F32


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned box about its own origin; edges are shaded as if rounded by `bevel` metres."""

    half: tuple[float, float, float]
    bevel: float = 0.002

    def corners(self) -> F64:
        """(8, 3) points whose convex hull holds the shape."""
        signs: F64 = np.array(list(product((-1, 1), repeat=3)), dtype=np.float64)
        return signs * np.array(self.half, dtype=np.float64)

    def distance(self, origin: Vec, direction: Vec) -> F32:
        """Ray parameter of the first hit from outside, inf for a miss (slab method, Kay and Kajiya 1986)."""
        near: F32 = np.float32(-np.inf)  # type: ignore[assignment]
        far: F32 = NOTHING  # type: ignore[assignment]
        for o, d, half in zip(origin, direction, self.half, strict=True):
            inverse = np.float32(1) / np.where(np.abs(d) < 1e-9, np.float32(1e-9), d)
            middle, spread = -o * inverse, np.float32(half) * np.abs(inverse)
            near = np.maximum(near, middle - spread)
            far = np.minimum(far, middle + spread)
        hit: F32 = np.where((near <= far) & (near > 0), near, NOTHING)
        return hit

    def surface(self, origin: Vec, direction: Vec, distance: F32) -> Surface:
        """Point and normal at finite distances."""
        x, y, z = (o + distance * d for o, d in zip(origin, direction, strict=True))
        relative = [np.abs(p) * np.float32(1 / half) for p, half in zip((x, y, z), self.half, strict=True)]
        axis = np.where(relative[0] > relative[1], np.float32(0), np.float32(1))
        axis = np.where(relative[2] > np.maximum(relative[0], relative[1]), np.float32(2), axis)
        parts = []
        for i, (p, half) in enumerate(zip((x, y, z), self.half, strict=True)):
            lean = np.clip((np.abs(p) - np.float32(half - self.bevel)) * np.float32(0.7 / self.bevel), 0, 1)
            parts.append(np.copysign(np.where(axis == i, np.float32(1), lean * lean), p))
        length = np.float32(1) / np.sqrt(parts[0] ** 2 + parts[1] ** 2 + parts[2] ** 2)
        return Surface((x, y, z), (parts[0] * length, parts[1] * length, parts[2] * length), axis)


@dataclass(frozen=True, slots=True)
class Capsule:
    """A rod of round section from its own origin along x, with round ends."""

    length: float
    radius: float

    def corners(self) -> F64:
        """(8, 3) points whose convex hull holds the shape."""
        low = np.array([-self.radius, -self.radius, -self.radius])
        high = np.array([self.length + self.radius, self.radius, self.radius])
        return np.array([[(low, high)[b][i] for i, b in enumerate(bits)] for bits in product((0, 1), repeat=3)])

    def distance(self, origin: Vec, direction: Vec) -> F32:
        """Ray parameter of the first hit from outside, inf for a miss (quadratics of the tube and its end spheres)."""
        (ox, oy, oz), (dx, dy, dz) = origin, direction
        square = np.float32(self.radius**2)
        a = np.maximum(dy * dy + dz * dz, np.float32(1e-12))
        b = oy * dy + oz * dz
        inside = b * b - a * (oy * oy + oz * oz - square)
        tube = (-b - np.sqrt(np.maximum(inside, 0))) / a
        along = ox + tube * dx
        on_tube = (inside > 0) & (along > 0) & (along < self.length)
        end = np.where(along > self.length * 0.5, np.float32(self.length), np.float32(0))
        ex = ox - end
        a2 = dx * dx + dy * dy + dz * dz
        b2 = ex * dx + b
        at_end = b2 * b2 - a2 * (ex * ex + oy * oy + oz * oz - square)
        sphere = np.where(at_end > 0, (-b2 - np.sqrt(np.maximum(at_end, 0))) / a2, NOTHING)
        hit = np.where(on_tube, tube, sphere)
        return np.where(hit > 0, hit, NOTHING)

    def surface(self, origin: Vec, direction: Vec, distance: F32) -> Surface:
        """Point and normal at finite distances."""
        x, y, z = (o + distance * d for o, d in zip(origin, direction, strict=True))
        scale = np.float32(1 / self.radius)
        nearest = np.clip(x, 0, np.float32(self.length))
        return Surface((x, y, z), ((x - nearest) * scale, y * scale, z * scale), np.zeros_like(x))


Shape = Box | Capsule


def pose(position: tuple[float, float, float] | F64, yaw: float = 0.0, pitch: float = 0.0) -> F64:
    """(4, 4) shape to world: first tilt x upward by pitch, then turn about the vertical by yaw, then move."""
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    matrix = np.eye(4)
    matrix[:3, :3] = [[cy * cp, -sy, -cy * sp], [sy * cp, cy, -sy * sp], [sp, 0.0, cp]]
    matrix[:3, 3] = position
    return matrix
