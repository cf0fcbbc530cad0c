"""What can go wrong in review.

ReviewError
├── ReviewRefused     the request cannot be carried out as it stands; the sentence says what to change
├── AlreadyDecided    another person was first; names them
├── NothingToMend     nothing that Loupe could interpolate is what the flag is about
└── NothingToCompare  the task has no second opinion, or one of the two is not submitted yet
"""

from __future__ import annotations


class ReviewError(Exception):
    """Root of what review raises on purpose; `status` and `code` are the API's answer."""

    status = 422
    code = "refused"


class ReviewRefused(ReviewError):
    """The request cannot be carried out as it stands."""


class AlreadyDecided(ReviewError):
    """Another person was first."""

    status = 409
    code = "already_decided"


class NothingToMend(ReviewError):
    """The flag is about nothing that could be interpolated."""

    status = 404
    code = "nothing_to_mend"


class NothingToCompare(ReviewError):
    """There are not two finished pieces of work on the same frames."""

    status = 404
    code = "nothing_to_compare"
