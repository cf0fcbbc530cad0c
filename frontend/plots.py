"""Plots as SVG, drawn on the server. They follow light and dark by themselves and carry their numbers as text.

Matplotlib writes plain colours; each stands for a name of tokens.css and is exchanged for a CSS variable in the end, so
that one picture serves both themes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# placeholder: (variable, light, dark); the values are those of tokens.css
_INKS = {
    "#010101": ("ink", "#1a1a19", "#ededed"),
    "#020202": ("ink-2", "#464644", "#c0c0c0"),
    "#030303": ("line", "#e1e1de", "#363636"),
    "#040404": ("accent", "#1d5bb8", "#82b4ff"),
    "#050505": ("green", "#17673a", "#76d19c"),
    "#060606": ("red", "#ad231b", "#ff938a"),
    "#070707": ("line-2", "#8c8c88", "#707070"),
}
INK, INK_2, LINE, ACCENT, GREEN, RED, LINE_2 = _INKS
_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "loupe",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK_2,
    "axes.edgecolor": LINE_2,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": LINE_2,
    "ytick.color": LINE_2,
    "xtick.labelcolor": INK_2,
    "ytick.labelcolor": INK_2,
    "grid.color": LINE,
    "axes.axisbelow": True,
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Plot:
    """An SVG document and its numbers in words."""

    svg: bytes
    alt: str


@dataclass(frozen=True)
class LabelScore:
    """Agreement on one label: mean IoU (0-1) over `masks` things, None when nothing was compared, and its target."""

    label: str
    iou: float | None
    target: float
    masks: int


def throughput(days: Sequence[date], submitted: Sequence[int], accepted: Sequence[int]) -> Plot:
    """Tasks per day, one number per day in each sequence, oldest first."""
    with rc_context(_SETTINGS):
        figure, axes = _figure("Throughput")
        at = range(len(days))
        axes.bar([x - 0.2 for x in at], submitted, 0.4, color=ACCENT, label=f"submitted ({sum(submitted)})")
        axes.bar([x + 0.2 for x in at], accepted, 0.4, color=GREEN, label=f"accepted ({sum(accepted)})")
        every = max(1, len(days) // 7)
        axes.set_xticks(list(at)[::every], [f"{day.day} {day:%b}" for day in days][::every])
        axes.set_ylabel("tasks per day")
        axes.set_xlabel("day (UTC)")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        axes.set_ylim(0, max(3, *submitted, *accepted) * 1.1)
        axes.grid(visible=True, axis="y")
        axes.legend(loc="lower left", ncols=2, bbox_to_anchor=(-0.01, 0.99), borderaxespad=0.2)
        alt = say_throughput(days, submitted, accepted)
        return Plot(_svg(figure, alt), alt)


def agreement(scores: Sequence[LabelScore]) -> Plot:
    """Mean IoU per label against its target; labels below it in red."""
    known = [score for score in scores if score.iou is not None]
    with rc_context(_SETTINGS):
        figure, axes = _figure("Agreement of two annotators")
        if not known:
            alt = say_agreement(scores)
            _say(axes, "No two annotators have finished\nthe same frames yet.")
            return Plot(_svg(figure, alt), alt)
        for row, score in enumerate(reversed(known)):
            low = (score.iou or 0.0) < score.target
            axes.barh(row, score.iou or 0.0, 0.56, color=RED if low else ACCENT)
            axes.plot([score.target, score.target], [row - 0.42, row + 0.42], color=INK, linewidth=1.6)
            axes.text(1.02, row, f"{score.iou:.2f}", va="center", fontsize=9, transform=axes.get_yaxis_transform())
        axes.set_yticks(range(len(known)), [f"{score.label} ({score.masks})" for score in reversed(known)])
        axes.tick_params(axis="y", length=0)
        axes.set_xlim(0, 1)
        axes.set_ylim(-0.6, max(len(known), 3) - 0.4)
        axes.set_xlabel("mean IoU; the upright line is the target, red is below it")
        axes.grid(visible=True, axis="x")
        alt = say_agreement(scores)
        return Plot(_svg(figure, alt), alt)


def say_throughput(days: Sequence[date], submitted: Sequence[int], accepted: Sequence[int]) -> str:
    """The same in words, for those who do not see the picture."""
    busy = [
        f"{day.day} {day:%b} {sent} and {taken}"
        for day, sent, taken in zip(days, submitted, accepted, strict=True)
        if sent or taken
    ]
    total = f"Tasks per day from {days[0]} to {days[-1]}: {sum(submitted)} submitted, {sum(accepted)} accepted."
    return f"{total} Submitted and accepted by day: {'; '.join(busy)}." if busy else total


def say_agreement(scores: Sequence[LabelScore]) -> str:
    known = [score for score in scores if score.iou is not None]
    if not known:
        return "No two annotators have finished the same frames yet, so there is no agreement to show."
    said = "; ".join(f"{score.label} {score.iou:.2f} (target {score.target:.2f})" for score in known)
    return f"Mean IoU per label: {said}."


def _figure(title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5.6, 2.8), layout="constrained")
    axes: Axes = figure.add_subplot()
    axes.set_title(title, fontsize=11, loc="left", color=INK, pad=18 if title == "Throughput" else 8)
    return figure, axes


def _say(axes: Any, words: str) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, words, ha="center", va="center", color=INK_2, transform=axes.transAxes)


def _svg(figure: Figure, alt: str) -> bytes:
    figure.patch.set_alpha(0)
    for axes in figure.axes:
        axes.patch.set_alpha(0)
    out = io.StringIO()
    FigureCanvasSVG(figure).print_svg(out, metadata={"Date": None, "Title": alt})  # type: ignore[no-untyped-call]
    text = out.getvalue()
    for placeholder, (name, _, _) in _INKS.items():
        text = text.replace(placeholder, f"var(--{name})")
    # Text without a colour of its own must follow the theme too.
    text = re.sub(r"(<text style=\")(?![^\"]*fill:)", r"\1fill: var(--ink); ", text)
    light = "".join(f"--{name}:{value};" for name, value, _ in _INKS.values())
    dark = "".join(f"--{name}:{value};" for name, _, value in _INKS.values())
    style = (
        f"<style>:root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"
        "text{font-family:system-ui,'Liberation Sans',sans-serif!important}</style>"
    )
    return re.sub(r"(<svg[^>]*>)", lambda found: found[1] + style, text, count=1).encode()
