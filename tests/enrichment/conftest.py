from __future__ import annotations

from collections.abc import Iterator

import pytest

from enrichment.layer import Layer
from tests.enrichment.layers import Last, Numbers, Sums, only


@pytest.fixture
def small_layers() -> Iterator[dict[str, Layer]]:
    """Numbers, then Sums in sequence, then Last from both; no other layer exists."""
    with only(Numbers, Sums, Last) as known:
        yield known
