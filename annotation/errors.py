"""What can go wrong on the ground floor.

AnnotationError
├── Refused            the request cannot be carried out as it stands; the sentence says what to change
│   ├── CommentMissing  it needs words that nobody wrote; a form says so at its field
│   ├── InvalidMask    a mask that is not one: wrong size, counts that do not add up
│   ├── NotReady       a task with errors in it is not submitted; carries everything that was found
│   └── TooLarge       more bytes than are taken, or than there is room for
├── WrongOffset        a piece of an upload that does not begin where the last one ended; names where
├── LeaseLost          the task is no longer held by this person
└── Duplicate          the file is already here; names the clip that holds it

A stale save is not an error: it is kept, and said (annotation/revisions.py, Saved).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from annotation.models import Clip
    from annotation.tier1 import Remark


class AnnotationError(Exception):
    """The root: every message is a sentence that can be shown to a person as it is."""


class Refused(AnnotationError):
    """The request cannot be carried out as it stands."""


class CommentMissing(Refused):
    """A verdict that needs words came without any."""


class InvalidMask(Refused):
    """What was sent as a mask is not one."""


class NotReady(Refused):
    """A task with errors in it; `remarks` are all that Tier 1 says of it, errors first."""

    def __init__(self, message: str, *, remarks: Sequence[Remark]) -> None:
        super().__init__(message)
        self.remarks = remarks


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
