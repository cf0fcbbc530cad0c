"""What can go wrong on the ground floor.

AnnotationError
├── Refused            the request cannot be carried out as it stands; the sentence says what to change
│   ├── InvalidMask    a mask that is not one: wrong size, counts that do not add up
│   └── TooLarge       more bytes than are taken, or than there is room for
├── WrongOffset        a piece of an upload that does not begin where the last one ended; names where
├── LeaseLost          the task is no longer held by this person
└── Duplicate          the file is already here; names the clip that holds it

A stale save is not an error: it is kept, and said (annotation/revisions.py, Saved).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from annotation.models import Clip


class AnnotationError(Exception):
    """The root: every message is a sentence that can be shown to a person as it is."""


class Refused(AnnotationError):
    """The request cannot be carried out as it stands."""


class InvalidMask(Refused):
    """What was sent as a mask is not one."""


class TooLarge(Refused):
    """More bytes than are taken, or than there is room for."""

    status, code = 413, "too_large"


class WrongOffset(AnnotationError):
    """A piece of an upload that does not begin where the last one ended."""

    status, code = 409, "wrong_offset"

    def __init__(self, message: str, *, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class LeaseLost(AnnotationError):
    """The task is no longer held by this person."""


class Duplicate(AnnotationError):
    """The project already has a clip with these bytes."""

    def __init__(self, message: str, *, clip: Clip) -> None:
        super().__init__(message)
        self.clip = clip
