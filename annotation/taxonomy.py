"""The words of a project: object labels, action classes and phases, and the versions of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import models, transaction

from annotation import history, starter
from annotation.errors import Refused
from annotation.models import (
    ActionClass,
    Label,
    Phase,
    Project,
    SegmentRevision,
    TaxonomyVersion,
    TrackRevision,
)
from annotation.terms import Content

STARTER = starter.TAXONOMY
MAX_TERMS = 200

Word = Label | ActionClass | Phase
_MODELS: dict[str, type[Word]] = {
    "labels": Label,
    "actions": ActionClass,
    "phases": Phase,
}
_TERM_FIELDS = ("key", "definition", "colour", "retired")
_FIELDS: dict[str, tuple[str, ...]] = {
    "labels": (
        *_TERM_FIELDS,
        "rigidity",
        "iou_target",
        "min_area",
        "min_width",
        "required",
    ),
    "actions": (*_TERM_FIELDS, "templates"),
    "phases": (*_TERM_FIELDS, "templates"),
}


@transaction.atomic
def save(
    *, project: Project, content: Content | Mapping[str, Sequence[Mapping[str, Any]]], by: User
) -> TaxonomyVersion:
    """Make the taxonomy say this, as a new version; the same again makes none.

    A word that is left out is deleted if nothing was ever annotated with it, and retired otherwise. A word keeps its
    identity by its key; fields of it that are left out keep their value or, in a new word, take the default.

    Args:
        content: lists "labels", "actions", "phases" in order; see `terms.Content`.

    Raises:
        Refused: a list is missing, a word is there twice, or a field is unknown or out of range; the sentence names it.
    """
    locked = Project.objects.select_for_update().get(pk=project.pk)
    if set(content) != set(_MODELS):
        raise Refused(f"A taxonomy has the lists {', '.join(_MODELS)}; this one has {', '.join(content) or 'none'}.")
    before = _content(locked)
    for kind in _MODELS:
        _write(locked, kind, cast(Mapping[str, Any], content)[kind])
    after = _content(locked)
    if not any(not label["retired"] for label in after["labels"]):
        raise Refused("A taxonomy needs at least one label that is not retired.")
    last = TaxonomyVersion.objects.filter(project=locked, number=locked.taxonomy_version).first()
    if last is not None and before == after:
        return last
    project.taxonomy_version = locked.taxonomy_version = locked.taxonomy_version + 1
    locked.save(update_fields=["taxonomy_version"])
    made = TaxonomyVersion.objects.create(project=locked, number=locked.taxonomy_version, content=after, created_by=by)
    history.record(
        project=locked,
        actor=by,
        verb="saved",
        subject=made,
        number=made.number,
        changed=_changes(before, after),
    )
    return made


def content(project: Project) -> Content:
    """The taxonomy as it stands, retired words included, in three queries."""
    return _content(project)


def at(project: Project, number: int) -> Content:
    """The taxonomy as it stood in a version.

    Raises:
        Refused: there is no such version.
    """
    version = TaxonomyVersion.objects.filter(project=project, number=number).first()
    if version is None:
        raise Refused(f"{project.name} has no taxonomy {number}; the newest is {project.taxonomy_version}.")
    return cast(Content, version.content)


def _all(kind: str) -> models.Manager[Any]:
    return _MODELS[kind]._default_manager


def _content(project: Project) -> Content:
    found = {
        kind: list(_all(kind).filter(project=project).order_by("retired", "order", "id").values(*_FIELDS[kind]))
        for kind in _MODELS
    }
    return cast(Content, found)


def _write(project: Project, kind: str, words: Sequence[Mapping[str, Any]]) -> None:
    if len(words) > MAX_TERMS:
        raise Refused(f"There are {len(words)} {kind}; {MAX_TERMS} is the most.")
    known: dict[str, Word] = {word.key: word for word in _all(kind).filter(project=project)}
    kept: set[str] = set()
    new: list[Word] = []
    old: list[Word] = []
    for order, fields in enumerate(words):
        key = str(fields.get("key", ""))
        if key in kept:
            raise Refused(f"{kind}: {key!r} is there twice; each key may be there once.")
        kept.add(key)
        (old if key in known else new).append(
            _word(known.get(key) or _MODELS[kind](project=project), kind, fields, order)
        )
    _all(kind).bulk_update(old, [*_FIELDS[kind][1:], "order"])
    _all(kind).bulk_create(new)
    gone = [word.pk for key, word in known.items() if key not in kept]
    used = _used(kind, gone)
    _all(kind).filter(pk__in=used).update(retired=True, order=len(words))
    _all(kind).filter(pk__in=set(gone) - used).delete()


def _word(word: Word, kind: str, fields: Mapping[str, Any], order: int) -> Word:
    if unknown := set(fields) - set(_FIELDS[kind]):
        raise Refused(f"{kind}: a word has no {', '.join(sorted(unknown))}; its fields are {', '.join(_FIELDS[kind])}.")
    for field, value in fields.items():
        setattr(
            word,
            field,
            value.lower() if field == "colour" and isinstance(value, str) else value,
        )
    word.order = order
    try:
        word.clean_fields(exclude=["project"])
    except ValidationError as error:
        field, said = next(iter(error.message_dict.items()))
        name = fields.get("key") or f"number {order + 1}"
        raise Refused(f"{kind}, {name}: {field}: {' '.join(said)}") from error
    return word


def _used(kind: str, gone: Sequence[int]) -> set[int]:
    """Which of these words some revision carries, kept and deleted ones alike."""
    if not gone:
        return set()
    if kind == "labels":
        return set(TrackRevision.objects.filter(label__in=gone).values_list("label_id", flat=True))
    if kind == "actions":
        found = SegmentRevision.objects.filter(action__in=gone).values_list("action_id", flat=True)
    else:
        found = SegmentRevision.objects.filter(phase__in=gone).values_list("phase_id", flat=True)
    return {pk for pk in found if pk is not None}


def _changes(before: Content, after: Content) -> dict[str, list[str]]:
    """Keys that were added, removed or changed, by list, for the history."""
    changed = {}
    for kind in _MODELS:
        old = {word["key"]: word for word in cast(dict[str, Any], before)[kind]}
        new = {word["key"]: word for word in cast(dict[str, Any], after)[kind]}
        changed[kind] = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return changed
