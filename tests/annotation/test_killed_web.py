"""The web process is killed in the middle of saves; the client asks again. Nothing acknowledged is lost or doubled.

A few kills keep the suite quick; LOUPE_LONG=1 runs the 200 by which reliability is promised.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from annotation.geometry import rle
from tests.annotation.saving import SIZE, Server, serving

KILLS = 200 if os.environ.get("LOUPE_LONG") else 12


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as running:
        yield running


def test_a_web_process_killed_in_the_middle_of_saves_loses_and_doubles_nothing(server: Server) -> None:
    chance = random.Random(11)
    track, mask = str(uuid.uuid4()), str(uuid.uuid4())
    assert server.save(f"tracks/{track}/", {"label": "container"}, 0) == 1
    acknowledged: list[str] = []
    picture = np.zeros(SIZE, np.uint8)

    def draw() -> float:
        """Save one more pixel; returns how long it took, in seconds."""
        n, began = len(acknowledged), time.monotonic()
        picture[n % SIZE[0], (7 * n) % SIZE[1]] ^= 1
        picture[-1, n % SIZE[1]] = 1
        acknowledged.append(rle.encode(picture)["counts"])
        body = {"track": track, "frame": 0, "counts": acknowledged[-1]}
        version = server.save(f"masks/{mask}/", body, len(acknowledged) - 1)
        assert version == len(acknowledged), "a write was made twice, or another one was lost"
        return time.monotonic() - began

    child = server.next_child()
    for _ in range(KILLS):
        draw()
        # An undisturbed save tells how long the moment is within which the kill has to fall.
        took = draw()
        killer = threading.Timer(chance.random() * took, _kill, [child])
        killer.start()
        draw()
        killer.join()
        child = server.next_child()
    with sqlite3.connect(f"file:{server.home / 'loupe.sqlite3'}?mode=ro", uri=True) as database:
        rows = database.execute(
            "SELECT counts, stale FROM annotation_maskrevision WHERE of_id = ? ORDER BY id", [mask.replace("-", "")]
        ).fetchall()
        integrity = database.execute("PRAGMA integrity_check").fetchone()
    assert rows == [(counts, 0) for counts in acknowledged]
    assert integrity == ("ok",)
    # Otherwise the kills fell beside the saves and show nothing.
    assert server.unanswered >= KILLS / 3


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
