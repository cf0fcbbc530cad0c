"""The audit log on pages: each line with the page of what it tells of, where there is one that the person may open."""

from __future__ import annotations

from collections.abc import Iterable

from django.urls import reverse

from annotation.models import History, Membership
from frontend.access import Place

Role = Membership.Role
# The page of one thing: its name, whether its address has the project's name too, and who may open it.
_OF_ONE = {
    "clip": ("clip", False, Role.ANNOTATOR),
    "task": ("workbench", False, Role.ANNOTATOR),
    "run": ("run", False, Role.ANNOTATOR),
    "flag": ("flag", True, Role.QA_LEAD),
    "delivery": ("delivery", False, Role.MANAGER),
}
# Pages on which things stand together, by kind; of what is done to a project, by what was done.
_OF_ALL = {
    "upload": ("uploads", Role.MANAGER),
    "taxonomyversion": ("taxonomy", Role.ANNOTATOR),
    "guideline": ("guidelines", Role.ANNOTATOR),
    "membership": ("people", Role.MANAGER),
    "user": ("people", Role.MANAGER),
    "layersetting": ("engines", Role.MANAGER),
    "webhook": ("health", Role.QA_LEAD),
    "surveyed": ("similar", Role.QA_LEAD),
    "dropped versions": ("versions", Role.QA_LEAD),
    "weighed": ("settings", Role.MANAGER),
    "changed": ("settings", Role.MANAGER),
    "changed the grammar of": ("grammar", Role.ANNOTATOR),
    "changed the dictionary of": ("grammar", Role.ANNOTATOR),
}


def told(entries: Iterable[History], place: Place) -> list[tuple[History, str]]:
    """Each line and its page's address, empty where it leads nowhere; no query."""
    return [(entry, address(entry, place)) for entry in entries]


def address(entry: History, place: Place) -> str:
    slug = place.project.slug
    if isinstance(entry.data.get("clip"), int) and entry.subject not in _OF_ONE:
        return reverse("clip", args=[entry.data["clip"]])
    if entry.subject in _OF_ONE:
        name, in_project, role = _OF_ONE[entry.subject]
        return reverse(name, args=[*([slug] if in_project else []), entry.subject_id]) if place.may(role) else ""
    name, role = _OF_ALL.get(entry.verb if entry.subject == "project" else entry.subject, ("", Role.MANAGER))
    return reverse(name, args=[slug]) if name and place.may(role) else ""
