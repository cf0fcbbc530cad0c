"""Action segments of one or two people on one time axis, as shapes to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from annotation.models import ActionClass, Phase, Project
from annotation.spoken import frames_said
from annotation.work import WorkSegment

ROW, TOP, LEFT = 22, 18, 110  # units of the picture


@dataclass(frozen=True)
class Bar:
    x: float
    y: int
    width: float
    colour: str
    name: str  # written in the bar when it fits
    spoken: str
    fits: bool
    ink: str  # black or white, whichever is read on the colour


@dataclass(frozen=True)
class Tick:
    x: float
    name: str


@dataclass(frozen=True)
class Axis:
    """A picture. `rows` are (y, name) of the people and levels."""

    width: int
    height: int
    rows: list[tuple[int, str]]
    bars: list[Bar]
    ticks: list[Tick]
    spoken: str


def draw(
    people: Sequence[tuple[str, Sequence[WorkSegment]]],
    *,
    start: int,
    end: int,
    fps: float,
    colours: Mapping[str, str],
    width: int = 1000,
) -> Axis | None:
    """Rows for each person and level that has segments; None when nobody set one.

    Args:
        people: names and their segments on the frames `[start, end)`.
        fps: nominal rate, to label the axis in seconds.
        colours: by phase and action key.
        width: of the picture in its own units; letters are 11 of them high, so a narrow place asks for fewer.
    """
    rows: list[tuple[int, str]] = []
    bars: list[Bar] = []
    for level in ("task", "primitive"):
        for name, every in people:
            segments = [segment for segment in every if segment.level == level]
            if not segments:
                continue
            y = TOP + len(rows) * (ROW + 4)
            rows.append((y, f"{name}, {level}"))
            for segment in segments:
                x, right = (_x(frame, start, end, width) for frame in (segment.start, segment.end))
                said = segment.phase or segment.action or "no class"
                colour = colours.get(segment.phase) or colours.get(segment.action) or "#8a8a8a"
                spoken = f"{name}: {said}, {frames_said(segment.start, segment.end)}"
                fits = right - x > 7 * len(said) + 8
                bars.append(Bar(round(x, 1), y, round(max(right - x, 2), 1), colour, said, spoken, fits, _ink(colour)))
    if not rows:
        return None
    height = TOP + len(rows) * (ROW + 4) + 4
    return Axis(width, height, rows, bars, _ticks(start, end, fps, width), "; ".join(bar.spoken for bar in bars))


def colours_of(project: Project) -> dict[str, str]:
    """Colours by key; where an action class and a phase share one, the phase's."""
    words = (*ActionClass.objects.filter(project=project), *Phase.objects.filter(project=project))
    return {word.key: word.colour for word in words}


def _x(frame: int, start: int, end: int, width: int) -> float:
    return LEFT + (width - LEFT) * (frame - start) / max(1, end - start)


def _ink(colour: str) -> str:
    """Black or white, by the relative luminance of WCAG 2: whichever stands out more."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if luminance > 0.179 else "#ffffff"


def _ticks(start: int, end: int, fps: float, width: int) -> list[Tick]:
    """Whole seconds, at most about ten."""
    seconds = (end - start) / fps if fps else 0.0
    step = next((each for each in (1, 2, 5, 10, 30, 60, 120, 300) if seconds / each <= 10), 600)
    first = -(-start // fps) if fps else 0
    marks = range(int(first), int(end / fps) + 1 if fps else 0)
    return [Tick(round(_x(round(mark * fps), start, end, width), 1), f"{mark} s") for mark in marks if mark % step == 0]
