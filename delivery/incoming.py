"""Action segments that were labelled elsewhere, taken into a task so that they can be continued here [D6]."""

from __future__ import annotations

import difflib
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import PurePath

from django.contrib.auth.models import User
from django.db import transaction

from annotation import clips, history, segments
from annotation.models import ActionClass, Clip, Phase, SegmentRevision, Task, Track
from annotation.plugins import UnknownPlugin
from annotation.revisions import Origin, lock
from annotation.spoken import frames_said
from annotation.work import load_segments
from delivery.errors import BadRequest
from delivery.timeline_readers import READERS, ClipFacts, Reader, ReadSegment, Unreadable

LARGEST = 20 * 2**20  # bytes; an hour labelled by the second is 1 MB
MOST = 5_000  # segments in one file


@dataclass(frozen=True)
class Seen:
    """A segment of the file as it would come in; name is the class in the words of the file."""

    start: int
    end: int
    level: str
    name: str
    action: str
    phase: str
    instructions: Sequence[str]


@dataclass(frozen=True)
class Unknown:
    """A word of the file that the taxonomy lacks, and the one nearest to it, or nothing."""

    word: str
    nearest: str


@dataclass(frozen=True)
class Taken:
    """What an import did, or would do.

    Ids of the segments made, how many were there already, what was left out and why, and notes on what came in with
    something missing. A trial says what it saw: the segments that would be new, and the words that nobody knows.
    """

    made: Sequence[uuid.UUID]
    known: int
    left_out: Sequence[str]
    notes: Sequence[str] = ()
    seen: Sequence[Seen] = ()
    unknown: Sequence[Unknown] = ()


@dataclass(frozen=True)
class _Placed:
    start: int
    end: int
    level: str
    action: str
    phase: str
    instructions: tuple[str, ...]
    confidence: float | None
    object: uuid.UUID | None = None
    object_name: str = ""
    hand: uuid.UUID | None = None
    hand_side: str = ""
    outcome: str = ""

    @property
    def same(self) -> tuple[int, int, str, str, str]:
        return (self.start, self.end, self.level, self.action, self.phase)


@transaction.atomic
def take_segments(
    *,
    task: Task,
    content: bytes,
    name: str,
    by: User,
    format: str = "",
    words: Mapping[str, str] | None = None,
    trial: bool = False,
) -> Taken:
    """Make segments of a file's. The same file twice makes nothing the second time.

    Segments that lie outside of the task's frames are left out, those that reach over its ends are cut there. Nothing
    is written unless every class of the file is known.

    Args:
        name: the file's name, kept with every segment; its ending tells the format when `format` is empty.
        words: class or phase of the taxonomy by what the file calls it; empty for none.
        trial: say what would be done, and do nothing; words that nobody knows are told instead of refused.

    Raises:
        Unreadable: the file is not what it should be.
        BadRequest: an unknown format, a file too large, or classes that the taxonomy does not have.
        LeaseLost: the task is not in this person's hands.
    """
    task = lock(task, by=by)
    reader = reader_for(format, name, content)
    found = reader.read(content, _facts(task.clip))
    if len(found) > MOST:
        raise BadRequest(f"{name} has {len(found):,} segments; split it into files of {MOST:,} or fewer.")
    _refuse_impossible(found, task.clip)
    classes = _Words(task, words or {})
    if not trial:
        classes.refuse_unknown(found, name)
    inside = [each for each in found if each.start < task.end and each.end > task.start]
    left_out = [
        f"{each.where}: the task has {frames_said(task.start, task.end)}, but not {frames_said(each.start, each.end)}."
        for each in found
        if each not in inside
    ]
    known = {(one.start, one.end, one.level, one.action, one.phase) for one in load_segments(task)}
    links = _Links(task)
    wanted = {classes.placed(each, task, links): each.name for each in inside}
    fresh = [each for each in wanted if each.same not in known]
    if trial:
        seen = [_seen(each, wanted[each]) for each in fresh]
        return Taken([], len(wanted) - len(fresh), left_out, links.notes, seen, classes.unknown(found))
    origin = Origin(prompts=[{"imported": PurePath(name).name[:200], "format": reader.name}])
    made = [_make(task, each, by, origin) for each in fresh]
    if made:
        told = {"file": PurePath(name).name[:200], "format": reader.name, "segments": len(made)}
        history.record(project=task.project, actor=by, verb="imported segments", subject=task, **told)
    return Taken(made, len(wanted) - len(fresh), left_out, links.notes)


def reader_for(format: str, name: str, content: bytes) -> Reader:
    """The reader of a format, or of what the file's name and beginning say.

    Raises:
        BadRequest: no such format, a file that is empty or too large, or one that none of the formats claims.
    """
    if not content.strip():
        raise BadRequest(f"{name} is empty.")
    if len(content) > LARGEST:
        raise BadRequest(f"{name} has {len(content) / 2**20:.0f} MB; a file of segments has at most {LARGEST >> 20}.")
    if format:
        try:
            return READERS.get(format)
        except UnknownPlugin as error:
            raise BadRequest(str(error)) from error
    ending = PurePath(name).suffix.lower()
    if ending == ".json" and b"timelinelabels" in content:
        return READERS.get("label_studio")
    for reader in READERS.every().values():
        if ending in reader.endings:
            return reader
    raise BadRequest(f"What {name} is can't be told from its name; say which of {', '.join(READERS.every())} it is.")


def _facts(clip: Clip) -> ClipFacts:
    names = [clip.name, clip.source_name, clip.folder.name, clip.sha256]
    return ClipFacts(names, clips.index(clip).seconds)


def _refuse_impossible(found: Iterable[ReadSegment], clip: Clip) -> None:
    for each in found:
        if not 0 <= each.start < each.end:
            raise Unreadable(f"In {each.where} the segment from {each.start} to {each.end} has no frame.")
        if each.end > clip.frame_count:
            raise Unreadable(
                f"In {each.where} the segment ends at frame {each.end}, but {clip.name} has {clip.frame_count} frames; "
                "is the file of another clip, or of one with another rate?"
            )
        if each.level not in {"", *SegmentRevision.Level.values}:
            raise Unreadable(f"In {each.where} the level is {each.level!r}; it is task or primitive.")


class _Words:
    """Finds the taxonomy's word for a file's."""

    def __init__(self, task: Task, told: Mapping[str, str]) -> None:
        self._told = dict(told)
        terms = {"project": task.project, "retired": False}
        self._actions = _keys(ActionClass.objects.filter(**terms).values_list("key", flat=True))
        self._phases = _keys(Phase.objects.filter(**terms).values_list("key", flat=True))
        known = {*self._actions.values(), *self._phases.values(), ""}
        if wrong := sorted(set(told.values()) - known):
            raise BadRequest(f"{task.project.name} has no class or phase {', '.join(wrong)}.")

    def unknown(self, found: Iterable[ReadSegment]) -> list[Unknown]:
        words = sorted({word for each in found for word in (each.name, each.phase) if self._find(word) is None})
        return [Unknown(word, self._nearest(word)) for word in words]

    def refuse_unknown(self, found: Iterable[ReadSegment], name: str) -> None:
        unknown = self.unknown(found)
        if unknown:
            told = "; ".join(
                f"{each.word!r}" + (f" (is it {each.nearest}?)" if each.nearest else "") for each in unknown[:8]
            )
            more = f" and {len(unknown) - 8} more" if len(unknown) > 8 else ""
            raise BadRequest(
                f"{name} uses classes that the taxonomy lacks: {told}{more}. Say which class each is, or add it."
            )

    def placed(self, each: ReadSegment, task: Task, links: _Links) -> _Placed:
        pairs = [pair for word in (each.name, each.phase) if (pair := self._find(word))]
        return _Placed(
            max(each.start, task.start),
            min(each.end, task.end),
            each.level or SegmentRevision.Level.PRIMITIVE,
            next((key for kind, key in pairs if kind == "action"), ""),
            next((key for kind, key in reversed(pairs) if kind == "phase"), ""),
            each.instructions,
            each.confidence,
            links.find(each.object_track, "object", each.where),
            each.object_name,
            links.find(each.hand_track, "hand", each.where),
            each.hand_side,
            each.outcome,
        )

    def _find(self, word: str) -> tuple[str, str] | None:
        """("action" or "phase", key); ("", "") for no word; None for an unknown one."""
        word = self._told.get(word, word)
        if not word:
            return "", ""
        for kind, keys in (("action", self._actions), ("phase", self._phases)):
            if key := keys.get(_plain(word)):
                return kind, key
        return None

    def _nearest(self, word: str) -> str:
        near = difflib.get_close_matches(_plain(word), [*self._actions, *self._phases], n=1)
        if not near:
            return ""
        return (self._actions | self._phases)[near[0]]


class _Links:
    """Finds the task's track for a number of the file, and notes which it did not find."""

    def __init__(self, task: Task) -> None:
        standing = Track.objects.filter(task=task, head__deleted=False)
        self._by_number = dict(standing.values_list("number", "pk"))
        self.notes: list[str] = []

    def find(self, number: int | None, role: str, where: str) -> uuid.UUID | None:
        if number is None:
            return None
        found = self._by_number.get(number)
        if found is None:
            self.notes.append(
                f"{where}: the task has no object {number}, so that the {role} comes in without its track."
            )
        return found


def _seen(each: _Placed, name: str) -> Seen:
    return Seen(each.start, each.end, each.level, name, each.action, each.phase, each.instructions)


def _keys(keys: Iterable[str]) -> dict[str, str]:
    return {_plain(key): key for key in keys}


def _plain(word: str) -> str:
    return re.sub(r"[\W_]+", "_", word.strip().lower())


def _make(task: Task, each: _Placed, by: User, origin: Origin) -> uuid.UUID:
    saved = segments.save(
        task=task,
        id=uuid.uuid4(),
        base_version=0,
        by=by,
        origin=origin,
        **{field.name: getattr(each, field.name) for field in fields(each)},
    )
    return saved.mine.of.pk
