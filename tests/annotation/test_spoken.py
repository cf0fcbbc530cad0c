"""Half-open ranges as people count frames; tests/js/grammar.test.mjs holds the browser to the same."""

from __future__ import annotations

import pytest

from annotation.spoken import frames_said, frames_short


@pytest.mark.parametrize(
    ("start", "end", "said", "short"),
    [(2, 5, "frames 2 to 4", "2–4"), (5, 6, "frame 5", "5"), (0, 2, "frames 0 to 1", "0–1")],
)
def test_both_ends_are_counted(start: int, end: int, said: str, short: str) -> None:
    assert (frames_said(start, end), frames_short(start, end)) == (said, short)
