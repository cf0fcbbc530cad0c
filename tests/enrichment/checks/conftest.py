"""Two scenes as long as the demo's clips, rendered once."""

from __future__ import annotations

import pytest

from annotation.scene import SceneSpec
from tests.enrichment.checks.shots import Shot, shoot

SPECS = {
    "still camera": SceneSpec(seed=2, frames=120, width=480, height=360),
    "swaying camera": SceneSpec(seed=3, frames=120, width=320, height=240, camera_motion=0.02),
}


@pytest.fixture(scope="session", params=list(SPECS))
def shot(request: pytest.FixtureRequest) -> Shot:
    return shoot(SPECS[request.param])
