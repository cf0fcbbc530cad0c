"""What can go wrong with a delivery. Each carries the code and the HTTP status that the API answers with.

DeliveryError
├── UnknownFormat      no export format has this name; the known ones are listed
├── BadRequest         a filter or option that there is not, or a destination that is taken
├── Irreproducible     what the snapshot pinned is no longer there
├── DeliveryFailed     the delivery could not be made; `kind` says why in one word
│   └── CheckFailed    what was written does not pass its own checks; nothing is offered
└── TakenOver          another worker holds this delivery now; this one must stop
"""

from __future__ import annotations


class DeliveryError(Exception):
    """The root: every message is a sentence that can be shown to a person as it is."""

    status = 422
    code = "refused"


class UnknownFormat(DeliveryError):
    """No export format has this name."""

    status = 400
    code = "unknown_format"


class BadRequest(DeliveryError):
    """A filter or option that there is not, or a destination that is taken."""

    status = 400
    code = "invalid"


class DeliveryFailed(DeliveryError):
    """The delivery could not be made. `kind` is one word: disk, check, source, stopped or error."""

    def __init__(self, message: str, *, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class CheckFailed(DeliveryFailed):
    """What was written does not pass its own checks."""

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="check")


class Irreproducible(DeliveryFailed):
    """What the snapshot pinned is no longer there."""

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="source")


class TakenOver(DeliveryError):
    """Another worker holds this delivery now."""

    status = 409
    code = "lease_lost"
