"""What a page says after it was asked for something: done, or why not. Both are sentences."""

from __future__ import annotations

from types import TracebackType

from django.contrib import messages
from django.http import HttpRequest

from annotation.errors import AnnotationError
from delivery.errors import DeliveryError
from enrichment.errors import EnrichmentError
from review.errors import ReviewError

REFUSALS: tuple[type[Exception], ...] = (AnnotationError, EnrichmentError, ReviewError, DeliveryError)


class telling:  # noqa: N801  reads as a statement: with telling(request, "It is done."):
    """Says `done` when the block ends well; says the refusal, and goes on after the block, when a verb refuses."""

    def __init__(self, request: HttpRequest, done: str) -> None:
        self._request = request
        self._done = done

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            messages.success(self._request, self._done)
            return False
        if isinstance(error, REFUSALS):
            messages.error(self._request, str(error))
            return True
        return False
