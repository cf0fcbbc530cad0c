"""The written rules of a project, by version. Each annotation records the version in force."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from annotation import history, starter
from annotation.errors import Refused
from annotation.models import Guideline, Project

MAX_CHARACTERS = 100_000

STARTER = starter.GUIDELINE


@transaction.atomic
def publish(*, project: Project, text: str, by: User) -> Guideline:
    """Put a new version in force. Saying the same again makes no new version.

    Raises:
        Refused: the text is empty or longer than MAX_CHARACTERS.
    """
    text = text.replace("\r\n", "\n").strip() + "\n"
    if not text.strip():
        raise Refused("A guideline needs text.")
    if len(text) > MAX_CHARACTERS:
        raise Refused(f"The guideline has {len(text)} characters; {MAX_CHARACTERS} is the most that fits on a page.")
    # The lock on the project numbers versions in order when two managers publish at once.
    Project.objects.select_for_update().get(pk=project.pk)
    last = current(project)
    if last is not None and last.text == text:
        return last
    made = Guideline.objects.create(project=project, number=last.number + 1 if last else 1, text=text, created_by=by)
    history.record(project=project, actor=by, verb="published", subject=made, number=made.number)
    return made


def current(project: Project) -> Guideline | None:
    """The version in force; None only before the first."""
    return Guideline.objects.filter(project=project).order_by("-number").first()
