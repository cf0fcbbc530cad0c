"""The words that a project's people know and no dictionary does."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.contrib.auth.models import User
from django.db import transaction

from annotation import history, wording
from annotation.errors import Refused
from annotation.models import ActionClass, Label, Phase, Project

MOST_WORDS = 5_000
_WORD = re.compile(r"^[^\W\d_]+(?:['-][^\W\d_]+)*$")


@transaction.atomic
def add(*, project: Project, word: str, by: User) -> list[str]:
    """Teach the project a word; the dictionary as it stands then.

    Raises:
        Refused: it is not one word, or the dictionary is full.
    """
    word = word.strip().lower().replace("’", "'")
    if len(word) > 60 or not _WORD.match(word):
        raise Refused(f"{word[:60]!r} is not one word of letters; add the words of a phrase one by one.")
    locked = Project.objects.select_for_update().get(pk=project.pk)
    if word in locked.dictionary:
        return list(locked.dictionary)
    if len(locked.dictionary) >= MOST_WORDS:
        raise Refused(f"{project.name} has {MOST_WORDS:,} words already; remove some in the settings first.")
    return _write(locked, sorted({*locked.dictionary, word}), by)


@transaction.atomic
def replace(*, project: Project, words: Sequence[str], by: User) -> list[str]:
    """The whole dictionary, as a manager edits it.

    Raises:
        Refused: something in it is not one word.
    """
    wanted = sorted({word.strip().lower().replace("’", "'") for word in words if word.strip()})
    if len(wanted) > MOST_WORDS:
        raise Refused(f"There are {len(wanted):,} words; {MOST_WORDS:,} is the most.")
    wrong = next((word for word in wanted if len(word) > 60 or not _WORD.match(word)), None)
    if wrong is not None:
        raise Refused(f"{wrong[:60]!r} is not one word of letters; give one word in each line.")
    locked = Project.objects.select_for_update().get(pk=project.pk)
    return _write(locked, wanted, by) if wanted != locked.dictionary else wanted


def known_words(project: Project) -> set[str]:
    """What is no misspelling here: the project's own words and its keys, in lower case."""
    keys = [
        key
        for model in (Label, ActionClass, Phase)
        for key in model._default_manager.filter(project=project).values_list("key", flat=True)
    ]
    return set(project.dictionary) | wording.words_of([*keys, project.name])


def _write(project: Project, words: list[str], by: User) -> list[str]:
    changed = sorted(set(project.dictionary) ^ set(words))
    project.dictionary = words
    project.save(update_fields=["dictionary"])
    history.record(project=project, actor=by, verb="changed the dictionary of", subject=project, words=changed[:100])
    return words
