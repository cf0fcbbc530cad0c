"""Annotations of ELAN, the linguists' annotation tool (.eaf).

The format is described by the Max Planck Institute's "EAF Annotation Format" documents, versions 2.7 to 3.0: time slots
in milliseconds, some without a value, tiers of annotations between two slots, and tiers that refer to a parent's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from annotation.geometry import timebase
from delivery.timeline_readers import ClipFacts, Reader, ReadSegment, Unreadable, register


def read(content: bytes, clip: ClipFacts) -> list[ReadSegment]:
    """Every annotation of the tiers that lie on the time axis.

    A tier over others that lie on the axis is the task level, and so is one with "task" in its name; the others are
    primitive. Annotations that refer to one give its phase when their tier's name has "phase" in it, else a text.

    Raises:
        Unreadable: not an ELAN document, or a reference in it that leads nowhere.
    """
    try:
        root = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise Unreadable(f"The file is not an ELAN document: {error}.") from None
    if root.tag != "ANNOTATION_DOCUMENT":
        raise Unreadable(f"The file is XML, but a {root.tag}, not an ELAN document.")
    slots = _slots(root)
    offset = _offset(root)
    tiers = root.findall("TIER")
    above = {tier.get("PARENT_REF") for tier in tiers if tier.find("ANNOTATION/ALIGNABLE_ANNOTATION") is not None}
    words = _words(tiers)
    found = []
    for tier in tiers:
        name = tier.get("TIER_ID", "")
        level = "task" if name in above or "task" in name.lower() else "primitive"
        for each in tier.iterfind("ANNOTATION/ALIGNABLE_ANNOTATION"):
            where = f"annotation {each.get('ANNOTATION_ID', '?')} of tier {name}"
            start, end = (_frame(each.get(f"TIME_SLOT_REF{n}"), slots, offset, clip, where) for n in (1, 2))
            phases, texts = words.get(each.get("ANNOTATION_ID", ""), ([], []))
            segment = ReadSegment(start, end, _value(each), where, level, "".join(phases[:1]), tuple(texts))
            found.append(segment)
    return found


def _slots(root: Element) -> dict[str, float]:
    """Milliseconds by slot; one without a value lies evenly between the neighbours that have one, as ELAN draws it."""
    order = root.findall("TIME_ORDER/TIME_SLOT")
    told = [(slot.get("TIME_SLOT_ID", ""), slot.get("TIME_VALUE")) for slot in order]
    found: dict[str, float] = {}
    waiting: list[str] = []
    last = 0.0
    for name, value in told:
        if value is None:
            waiting.append(name)
            continue
        if not value.isdigit():
            raise Unreadable(f"The time slot {name} has the value {value!r}; it should be milliseconds.")
        for place, each in enumerate(waiting, start=1):
            found[each] = last + (float(value) - last) * place / (len(waiting) + 1)
        waiting = []
        found[name] = last = float(value)
    return found | dict.fromkeys(waiting, last)


def _offset(root: Element) -> float:
    """Milliseconds of the media before the document's time 0 (TIME_ORIGIN of the first medium that has one)."""
    for media in root.iterfind("HEADER/MEDIA_DESCRIPTOR"):
        origin = media.get("TIME_ORIGIN", "")
        if origin.lstrip("-").isdigit():
            return float(origin)
    return 0.0


def _words(tiers: Iterable[Element]) -> dict[str, tuple[list[str], list[str]]]:
    """By annotation: phases and texts that refer to it."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for tier in tiers:
        is_phase = "phase" in tier.get("TIER_ID", "").lower()
        for each in tier.iterfind("ANNOTATION/REF_ANNOTATION"):
            phases, texts = found.setdefault(each.get("ANNOTATION_REF", ""), ([], []))
            if value := _value(each):
                (phases if is_phase else texts).append(value)
    return found


def _frame(slot: str | None, slots: dict[str, float], offset: float, clip: ClipFacts, where: str) -> int:
    if slot is None or slot not in slots:
        raise Unreadable(f"The {where} refers to the time slot {slot}, which the document does not have.")
    return timebase.nearest_edge(clip.seconds, (slots[slot] + offset) / 1000)


def _value(annotation: Element) -> str:
    return (annotation.findtext("ANNOTATION_VALUE") or "").strip()


READER: Final = register(Reader("elan", "ELAN", (".eaf",), read))
