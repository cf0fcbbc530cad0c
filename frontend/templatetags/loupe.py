"""How things of the field are written in templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.template.context import RequestContext
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from annotation.models import History, Task
from annotation.spoken import frames_short
from enrichment import queue
from frontend.progress import MANY
from frontend.prose import to_html

register = template.Library()

COLOURS = {
    Task.State.IN_PROGRESS: "amber",
    Task.State.SUBMITTED: "accent",
    Task.State.SENT_BACK: "red",
    Task.State.ACCEPTED: "green",
    # uploads
    "done": "green",
    "refused": "red",
    "duplicate": "amber",
    "receiving": "accent",
    "inspecting": "accent",
    # layers and deliveries
    "running": "accent",
    "failed": "red",
    "quarantined": "red",
    "stale": "amber",
    "blocked": "amber",
    "ready": "green",
    "verifying": "accent",
    # flags
    "fixed": "green",
}
DEEDS = {
    "create": "made",
    "change": "changed",
    "set_role": "set the role of",
    "remove": "took out",
    "publish": "published",
    "save": "saved",
    "enrich": "asked for layers in",
    "configure": "configured",
    "duplicate": "found a duplicate in",
}
SUBJECTS = {"membership": "", "user": "", "taxonomyversion": "taxonomy", "layersetting": "layer"}
SEVERITIES = {3: ("red", "High"), 2: ("amber", "Medium"), 1: ("", "Low")}


@register.filter
def seconds(value: float | None) -> str:
    """Seconds as m:ss.s, or h:mm:ss from an hour on; an en dash for none."""
    if value is None:
        return "–"
    if value >= 3600:
        whole = round(value)
        return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    tenths = round(value * 10)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"


@register.filter
def span(value: float) -> str:
    """A stretch of time as people say it."""
    if value < 60:
        return f"{max(1, round(value))} s"
    return f"{round(value / 60)} min" if value < 5400 else f"{value / 3600:.1f} h"


@register.filter
def frames(of: Any, how: str = "") -> str:
    """The frames of what has a half-open range, both ends included, as people count them; `bare` leaves out the word.

    Args:
        of: anything with `start` and `end`, also as keys.
    """
    start, end = (of["start"], of["end"]) if isinstance(of, Mapping) else (of.start, of.end)
    said = frames_short(start, end)
    return said if how else f"frame{'' if end - start == 1 else 's'} {said}"


@register.simple_tag
def worker_command(name: str) -> str:
    """What starts a worker of a queue."""
    return queue.worker_command(name)


@register.filter
def percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"


@register.filter
def number(value: float) -> str:
    """A whole number with commas between its thousands."""
    return f"{value:,.0f}"


@register.filter
def after_colon(text: str) -> str:
    """What a name says after its group."""
    return text.partition(": ")[2] or text


@register.filter
def times(value: float, factor: float) -> float:
    return value * factor


@register.filter
def milliseconds(value: float | None, how: str = "") -> str:
    """A number of seconds as whole milliseconds; `signed` shows a plus as well."""
    if value is None:
        return "–"
    whole = round(1000 * value)
    sign = "−" if whole < 0 else "+" if how and whole else ""
    return f"{sign}{abs(whole):,} ms"


@register.filter
def get(of: Any, key: Any) -> Any:
    """An entry of a dict whose key is a variable."""
    return of.get(key) if of else None


@register.filter
def words(name: str) -> str:
    """A check's or layer's name as people say it."""
    return name.removeprefix("check_").replace("_", " ").replace(" vs ", " against ").replace("qa ", "QA ")


@register.simple_tag
def layer_name(name: str) -> SafeString:
    """A layer's name as people say it, and whether it is a check."""
    is_check = name.startswith("check_")
    return format_html(
        "{}{}", words(name), format_html(' <span class="muted small">{}</span>', "check") if is_check else ""
    )


def is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


@register.simple_tag
def cell(value: Any) -> SafeString:
    """A cell of a table whose columns nobody knew before: numbers right, six digits of those with a fraction."""
    if not is_number(value):
        return format_html("<td>{}</td>", "–" if value is None else value)
    said = value if isinstance(value, int) else f"{value:.0f}" if 1e6 <= abs(value) < 1e15 else f"{value:.6g}"
    return format_html('<td class="num" title="{}">{}</td>', value, said)


@register.filter
def counted(number: int, name: str) -> str:
    """A number of things, named in the plural."""
    return f"{number:,} {name.removesuffix('s') if number == 1 else name}"


@register.filter
def why(reason: str) -> str:
    """Why a layer has no engine, beside a badge that says already that it has none."""
    said = reason.removeprefix("No engine: ")
    return said[:1].upper() + said[1:]


@register.filter
def add_id(address: str, pk: int) -> str:
    return f"{address}{pk}"


@register.filter
def deed(entry: History) -> str:
    """A line of the audit log as people say it."""
    verb = DEEDS.get(entry.verb, entry.verb.replace("_", " "))
    subject = SUBJECTS.get(entry.subject, entry.subject)
    named = next((entry.data[key] for key in ("person", "name", "number") if entry.data.get(key)), None)
    return f"{verb} {subject} {named or entry.subject_id[:8]}"


@register.filter
def add_to(value: float, more: int) -> float:
    """Django's own `add` takes whole numbers only."""
    return value + more


@register.filter
def both_sides(pair: dict[str, Any]) -> tuple[Any, Any]:
    return pair["a"], pair["b"]


@register.filter
def colour(state: str) -> str:
    return COLOURS.get(state, "")


@register.simple_tag
def badge(state: str, name: str = "") -> SafeString:
    return format_html(
        '<span class="badge {}">{}</span>', COLOURS.get(state, ""), name or str(state).replace("_", " ").capitalize()
    )


@register.simple_tag
def severity(level: int) -> SafeString:
    shade, name = SEVERITIES.get(level, ("", f"Severity {level}"))
    return format_html('<span class="badge {}">{}</span>', shade, name)


@register.simple_tag
def swatch(shade: str) -> SafeString:
    """A label's colour. An attribute, not a style: the content security policy allows no inline styles."""
    return format_html(
        '<svg class="swatch" viewBox="0 0 12 12" aria-hidden="true"><rect width="12" height="12" fill="{}"/></svg>',
        shade or "#8a8a8a",
    )


@register.simple_tag
def sparkline(counts: Sequence[int]) -> SafeString:
    """A bar for each count, the tallest as high as the line of text."""
    most = max(counts, default=0) or 1
    bars = format_html_join(
        "",
        '<rect x="{}" y="{}" width="3" height="{}"/>',
        ((4 * at, round(18 - 18 * count / most, 1), round(18 * count / most, 1)) for at, count in enumerate(counts)),
    )
    said = f"{sum(counts)} in {len(counts)} days"
    return format_html(
        '<svg class="sparkline" viewBox="0 0 {} 18" role="img" aria-label="{}">{}</svg>', 4 * len(counts), said, bars
    )


@register.simple_tag
def when(at: datetime | None) -> SafeString:
    """A moment; the browser writes it in the reader's zone."""
    if at is None:
        return SafeString("–")
    return format_html('<time datetime="{}">{} UTC</time>', at.isoformat(), f"{at:%Y-%m-%d %H:%M}")


@register.simple_tag
def frame_url(clip_id: int, frame: int, side: int = 0) -> str:
    """The picture of a frame; with `side`, a small one whose longer side is that many pixels."""
    address = f"/api/clips/{clip_id}/frames/{frame}.jpg"
    return f"{address}?side={side}" if side else address


@register.simple_tag
def task_url(task: Task, frame: int | None = None) -> str:
    address = reverse("workbench", args=[task.pk])
    return address if frame is None else f"{address}?frame={frame}"


@register.filter
def markdown(text: str) -> SafeString:
    return to_html(text)


@register.simple_tag(takes_context=True)
def sortable(context: RequestContext, word: str, name: str, kind: str = "") -> SafeString:
    """A table head that sorts: pressed once up, twice down. Other filters of the address stay."""
    now = context["window"].sort
    asked = context["request"].GET.copy()
    asked.pop("after", None)
    asked["sort"] = f"-{word}" if now == word or (kind == "num" and now != f"-{word}") else word
    state = {word: "ascending", f"-{word}": "descending"}.get(now, "")
    arrow = {"ascending": "↑", "descending": "↓"}.get(state, "")
    return format_html(
        '<th scope="col" class="{}"{}><a href="?{}">{} <span aria-hidden="true">{}</span></a></th>',
        kind,
        format_html(' aria-sort="{}"', state) if state else "",
        asked.urlencode(),
        name,
        arrow,
    )


@register.filter
def or_more(count: int) -> str:
    """A number of tasks that was not counted beyond MANY."""
    return f"{count:,}+" if count >= MANY else str(count)
