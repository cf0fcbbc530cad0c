"""How half-open ranges of frames are said to people, who count both ends; static/js/models/spoken.js says the same."""

from __future__ import annotations


def frames_said(start: int, end: int) -> str:
    """The range [start, end) in a sentence."""
    return f"frame {start}" if end == start + 1 else f"frames {start} to {end - 1}"


def frames_short(start: int, end: int) -> str:
    """The range [start, end) where there is room for numbers only."""
    return f"{start}" if end == start + 1 else f"{start}–{end - 1}"
