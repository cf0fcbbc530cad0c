"""The lens of a clip's camera, as a project has set it for a layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from enrichment.engines.camera_space import Lens
from enrichment.layer import ClipFacts

# For clips whose device is not named, or not listed.
ANY: Final = "*"
Cameras = Mapping[str, tuple[float, float, float, float]]


def check_cameras(cameras: Cameras) -> None:
    """Raises ValueError for what is no lens."""
    for device, lens in cameras.items():
        numbers = list(lens) if isinstance(lens, list | tuple) else []
        if len(numbers) != 4 or not all(isinstance(each, int | float) for each in numbers) or min(numbers[:2]) <= 0:
            raise ValueError(f"the camera {device!r} is {lens!r}, but it must be [fx, fy, cx, cy] in pixels.")


def lens_of(clip: ClipFacts, cameras: Cameras) -> Lens | None:
    """The lens of the clip's device; None when it is not known."""
    device = str(clip.about.get("device") or "")
    numbers = cameras.get(device) if device else None
    numbers = numbers or cameras.get(ANY)
    return None if numbers is None else Lens(*(float(each) for each in numbers))


def unknown(clip: ClipFacts) -> str:
    """That no lens is known, in a sentence that says what to do."""
    device = str(clip.about.get("device") or "")
    named = f"the device {device!r}" if device else "clips without a named device"
    return f"No lens is known for {named}; set cameras of this layer to {{device: [fx, fy, cx, cy]}} in pixels."
