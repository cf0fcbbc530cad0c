"""The page on which a task is annotated. Its data comes through the API; this only brings the shell."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET

from annotation import access
from enrichment.prompting import registry as prompting
from frontend import keys, modules, preferences
from frontend.access import PageRequest, enter_by_id

_TOOLS = Path(__file__).parents[1] / "static" / "js" / "tools"
_EARLIEST = "js/workbench/arriving.js"
_ICON = re.compile(r'^\s*icon: "([a-z0-9-]+)"', re.MULTILINE)
# What the panels draw themselves; a tool names its own icon.
_ICONS = frozenset(
    {
        "arrow-left-to-line",
        "brush-cleaning",
        "circle",
        "circle-dashed",
        "circle-dot-dashed",
        "circle-minus",
        "circle-plus",
        "clipboard-paste",
        "copy",
        "copy-plus",
        "layers-2",
        "merge",
        "paint-bucket",
        "pen-line",
        "square",
        "ungroup",
        "check",
        "circle-alert",
        "eye",
        "eye-off",
        "flag",
        "lock",
        "lock-open",
        "pause",
        "play",
        "plus",
        "rotate-ccw",
        "trash-2",
        "triangle-alert",
        "x",
    }
)


@login_required
@require_GET
@ensure_csrf_cookie
def workbench(request: PageRequest, pk: int) -> HttpResponse:
    task = access.task_for(request.user, pk)
    tools, icons = _toolbox()
    shown = {
        "task": task,
        "tools": tools,
        "early": modules.needed_by(_EARLIEST),
        "modules": modules.needed_by(*tools, "js/main.js"),
        "icons": icons,
        "keys": json.dumps(keys.of(request.user)),
        "threshold": preferences.of(request.user).threshold,
        "takes_examples": prompting.takes_examples(task.project.prompt_engine),
        "is_reviewer": enter_by_id(request, task.project).is_lead,
    }
    return render(request, "workbench/workbench.html", shown)


@cache
def _toolbox() -> tuple[list[str], list[str]]:
    """The modules of the tools folder and the icons that they and the panels need: a new tool is a new file there."""
    files = sorted(_TOOLS.glob("*.js"))
    named = {name for file in files for name in _ICON.findall(file.read_text(encoding="utf-8"))}
    return [f"js/tools/{file.name}" for file in files], sorted(named | _ICONS)
