"""Every error answer of the API has one shape: {"error": {"code", "message", "details"?}}."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response

from annotation.api.shapes import remark_body
from annotation.errors import AnnotationError, Duplicate, LeaseLost, NotReady, Refused


def body(code: str, message: str, details: Any = None) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": message}
    if details is not None:
        error["details"] = details
    return {"error": error}


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER. None lets an unforeseen error be the 500 that it is.

    Exceptions of other apps carry `status` and `code` of their own; those of this one are mapped here.
    """
    own_status, own_code = getattr(error, "status", None), getattr(error, "code", None)
    if isinstance(own_status, int) and isinstance(own_code, str):
        return Response(body(own_code, str(error)), own_status)
    if isinstance(error, Duplicate):
        return Response(
            body("duplicate", str(error), {"clip": error.clip.pk}),
            status.HTTP_409_CONFLICT,
        )
    if isinstance(error, LeaseLost):
        return Response(body("lease_lost", str(error)), status.HTTP_409_CONFLICT)
    if isinstance(error, NotReady):
        found = {"remarks": [remark_body(remark) for remark in error.remarks]}
        return Response(body("not_ready", str(error), found), status.HTTP_422_UNPROCESSABLE_ENTITY)
    if isinstance(error, Refused):
        return Response(body("refused", str(error)), status.HTTP_422_UNPROCESSABLE_ENTITY)
    if isinstance(error, DjangoValidationError):
        return Response(body("invalid", " ".join(error.messages)), status.HTTP_400_BAD_REQUEST)
    if isinstance(error, Http404):
        return Response(
            body("not_found", str(error) or "There is no such thing here."),
            status.HTTP_404_NOT_FOUND,
        )
    if isinstance(error, PermissionDenied):
        return Response(
            body("forbidden", str(error) or "You may not do this."),
            status.HTTP_403_FORBIDDEN,
        )
    if isinstance(error, exceptions.ValidationError):
        return Response(
            body("invalid", _first_sentence(error.detail), error.detail),
            error.status_code,
        )
    if isinstance(error, exceptions.APIException):
        challenge = vars(error).get("auth_header")  # DRF sets it on the errors that ask for a log-in
        headers = {"WWW-Authenticate": challenge} if challenge else None
        return Response(
            body(str(error.get_codes()), str(error.detail)),
            error.status_code,
            headers=headers,
        )
    if isinstance(error, AnnotationError):
        return Response(body("refused", str(error)), status.HTTP_422_UNPROCESSABLE_ENTITY)
    return None


def _first_sentence(detail: Any, where: str = "") -> str:
    """The first complaint in DRF's nested lists, with the field it is about."""
    if isinstance(detail, dict):
        for field, inner in detail.items():
            return _first_sentence(inner, "" if field == "non_field_errors" else str(field))
    if isinstance(detail, list) and detail:
        return _first_sentence(detail[0], where)
    return f"{where}: {detail}" if where else str(detail)
