"""Many saves in one request: what quick hands made while the request before it was on its way.

Each keeps its own version, key and answer, as if it had come alone, so a batch may be cut otherwise when it is sent
again. All of them are one transaction: an answer means that what it says was kept.
"""

from __future__ import annotations

import uuid
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access
from annotation.api import errors
from annotation.api.edits import Answer, Sent, write_mask, write_segment, write_track
from annotation.api.fields import Strict
from annotation.errors import AnnotationError, LeaseLost
from annotation.models import Task

MOST: Final = 100  # edits in one request
_WRITERS: Final = {"tracks": write_track, "masks": write_mask, "segments": write_segment}


class OneEdit(Strict):
    kind = serializers.ChoiceField(sorted(_WRITERS))
    id = serializers.UUIDField()
    key = serializers.UUIDField(help_text="as Idempotency-Key")
    base = serializers.IntegerField(min_value=0, max_value=2**31 - 2, help_text="as If-Match")
    body = serializers.DictField(help_text="as the single save of a track, mask or segment takes it")


class EditBatch(Strict):
    edits = serializers.ListField(child=OneEdit(), min_length=1, max_length=MOST)


class Edits(APIView):
    @extend_schema(request=EditBatch, responses={207: dict[str, Any]})
    def post(self, request: Request, pk: int) -> Response:
        """Save tracks, masks and segments in the order given; `answers` has the status and body of each.

        One that is refused (400, 422) or stale (412) leaves the others alone, except those of the same thing after it:
        they answer 424, were not written, and may be sent again. When the task is lost (409) nothing is written.
        """
        task, by = access.task_to_write(request.user, pk), access.person(request.user)
        asked = EditBatch(data=request.data)
        asked.is_valid(raise_exception=True)
        held: set[uuid.UUID] = set()
        answers: list[dict[str, Any]] = []
        with transaction.atomic():
            for edit in asked.validated_data["edits"]:
                code, answer = _held() if edit["id"] in held else _write(task, by, edit)
                if code >= 400:
                    held.add(edit["id"])
                answers.append({"status": code, "body": answer})
        return Response({"answers": answers}, status.HTTP_207_MULTI_STATUS)


def _held() -> Answer:
    message = "It was not tried: the write of the same thing before it was not taken."
    return status.HTTP_424_FAILED_DEPENDENCY, errors.body("held", message)


def _write(task: Task, by: User, edit: dict[str, Any]) -> Answer:
    """Of its own: what one refuses takes nothing of the others with it."""
    sent = Sent(id=edit["id"], base=edit["base"], key=edit["key"], data=edit["body"])
    try:
        with transaction.atomic():
            return _WRITERS[edit["kind"]](task, by, sent)
    except LeaseLost:
        raise
    except (AnnotationError, ValidationError, serializers.ValidationError) as error:
        told = errors.answer(error, {})
        if told is None:
            raise
        return told.status_code, told.data
