from __future__ import annotations

from typing import Any

import pyarrow.parquet as pq
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from annotation.models import Clip, Project
from enrichment import gathering, queue
from enrichment.layers.metadata import TABLE_FILE
from enrichment.models import LayerRun
from tests.enrichment.gathering.measured import lay, measure

COPIES = 9


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four clips make a part, and one that lies apart is worth gathering."""
    monkeypatch.setattr(gathering, "MOST_CLIPS", 4)
    monkeypatch.setattr(gathering, "LEAST", 1)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the broker is told."""
    found: list[tuple[Any, ...]] = []
    monkeypatch.setattr(queue, "send", lambda job, *args, **more: found.append((job, *args)))
    return found


@pytest.fixture
def ten(project: Project, clip: Clip, alice: User, told: list[tuple[Any, ...]]) -> list[Clip]:
    """A clip with metadata, and nine copies of its rows under other names and numbers."""
    measure(project, alice)
    row, table = LayerRun.objects.get(clip=clip, layer="metadata"), pq.read_table(clip.folder / TABLE_FILE)
    found = [clip]
    for number in range(COPIES):
        copy = Clip.objects.get(pk=clip.pk)
        copy.pk, copy.sha256, copy.name = None, f"{number:064x}", f"copy {number}"
        copy.save()
        LayerRun.objects.create(
            clip=copy, layer="metadata", fingerprint=f"{number:064x}", state=row.state, done_at=timezone.now()
        )
        lay(copy, table)
        found.append(copy)
    return found
