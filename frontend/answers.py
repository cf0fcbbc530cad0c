"""What a page says after it was asked for something: done, or why not. Both are sentences."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from annotation.errors import AnnotationError, CommentMissing
from delivery.errors import DeliveryError
from enrichment.errors import EnrichmentError
from review.errors import ReviewError

REFUSALS: tuple[type[Exception], ...] = (AnnotationError, EnrichmentError, ReviewError, DeliveryError)


class telling:  # noqa: N801  reads as a statement: with telling(request, "It is done."):
    """Says `done` when the block ends well; says the refusal, and goes on after the block, when a verb refuses.

    `with telling(...) as told:` says whether it was `told.refused`. That a comment is `told.missing` is no notice: the
    page says it at the field. What is `told.done` may be set in the block, where only its end tells.
    """

    def __init__(self, request: HttpRequest, done: str) -> None:
        self._request = request
        self.done = done
        self.refused = False
        self.missing = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            messages.success(self._request, self.done)
            return False
        if not isinstance(error, REFUSALS):
            return False
        self.refused = True
        if isinstance(error, CommentMissing):
            self.missing = str(error)
        else:
            messages.error(self._request, str(error))
        return True


def render_form(
    request: HttpRequest, template: str, shown: dict[str, Any], *, field: str, told: telling | None
) -> HttpResponse:
    """A page with a form of one field; after a refusal (`told`) with the words in it, which must not be lost."""
    typed = request.POST.get(field, "")
    words = {"typed": typed, "missing": told.missing if told else ""}
    return render(request, template, shown | words, status=422 if told else 200)
