"""Which ES modules a page needs, told from their imports, so that it asks for all at once and not depth by depth."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from posixpath import dirname, join, normpath

STATIC = Path(__file__).with_name("static")
_IMPORT = re.compile(r"""^(?:import|export)\b[^;]*?\bfrom\s*"(\.[^"]+)";|^import\s*"(\.[^"]+)";""", re.MULTILINE)


@cache
def needed_by(*entries: str) -> tuple[str, ...]:
    """The modules that these ones import, directly or not, and they themselves.

    Args:
        entries: paths below the static folder, such as "js/main.js".

    Returns:
        Paths below the static folder, each once, what is imported by the first entry first.
    """
    found: dict[str, None] = {}
    waiting = [*entries]
    while waiting:
        path = waiting.pop(0)
        if path in found:
            continue
        found[path] = None
        text = (STATIC / path).read_text(encoding="utf-8")
        waiting += [normpath(join(dirname(path), one or other)) for one, other in _IMPORT.findall(text)]
    return tuple(found)
