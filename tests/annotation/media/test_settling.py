"""Files wait for the disk beside the work, but not more of them than memory has room for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from annotation.media.settling import _HELD_AT_ONCE, _MOST_HELD, Settling


def added(settling: Settling, place: Callable[[], object], at: Path, held: int) -> threading.Thread:
    """What adds a file, and may have to wait."""
    thread = threading.Thread(target=settling.add, args=(place, at, held))
    thread.start()
    thread.join(0.3)
    return thread


def test_work_goes_on_beside_one_large_file_and_waits_when_more_are_held(tmp_path: Path) -> None:
    disk = threading.Event()
    with Settling() as settling:
        first = added(settling, lambda: disk.wait(30), tmp_path, 2 * _MOST_HELD)
        assert not first.is_alive()
        second = added(settling, lambda: None, tmp_path, _HELD_AT_ONCE)
        assert second.is_alive()
        disk.set()
        second.join(30)
        assert not second.is_alive()


def test_files_below_the_bound_are_not_waited_for(tmp_path: Path) -> None:
    disk = threading.Event()
    with Settling() as settling:
        for _ in range(_MOST_HELD // _HELD_AT_ONCE):
            assert not added(settling, lambda: disk.wait(30), tmp_path, _HELD_AT_ONCE).is_alive()
        disk.set()
