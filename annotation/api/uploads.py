"""Uploads by tus 1.0 (core, creation, termination): https://tus.io/protocols/resumable-upload."""

from __future__ import annotations

import base64
import binascii
import uuid
from typing import Any

from django.conf import settings
from django.http import UnreadablePostError
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from annotation import access, uploads
from annotation.api.errors import body
from annotation.api.pagination import ByCursor
from annotation.errors import WrongOffset
from annotation.models import Membership, Upload

VERSION = "1.0.0"
EXTENSIONS = "creation,termination"
PIECE = "application/offset+octet-stream"


class WrongVersion(exceptions.APIException):
    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = f"This server speaks tus {VERSION}."
    default_code = "wrong_tus_version"


class UploadBody(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    state = serializers.ChoiceField(Upload.State.choices)
    offset = serializers.IntegerField(help_text="bytes received")
    size = serializers.IntegerField(help_text="bytes")
    progress = serializers.FloatField(help_text="0-1 of the inspection")
    reason = serializers.CharField(help_text="why it was refused")
    clip = serializers.IntegerField(source="clip_id", allow_null=True)


class TusView(APIView):
    """Every answer names the version; a client of another one is told so."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method != "OPTIONS" and request.headers.get("Tus-Resumable", VERSION) != VERSION:
            raise WrongVersion

    def get_permissions(self) -> list[Any]:
        # A client asks what the server can before it logs in.
        return [AllowAny()] if self.request.method == "OPTIONS" else list(super().get_permissions())

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer["Tus-Resumable"] = VERSION
        if answer.status_code == status.HTTP_412_PRECONDITION_FAILED:
            answer["Tus-Version"] = VERSION
        return answer

    @extend_schema(exclude=True)
    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        headers = {
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(settings.MAX_UPLOAD_BYTES),
        }
        return Response(status=status.HTTP_204_NO_CONTENT, headers=headers)


class Uploads(TusView):
    @extend_schema(operation_id="uploads_list", responses=UploadBody(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """Your uploads into the project; a manager sees everybody's."""
        project = access.project_for(request.user, slug)
        found = Upload.objects.filter(project=project)
        if access.role_in(request.user, project) != Membership.Role.MANAGER:
            found = found.filter(by=request.user.pk)
        pages = ByCursor()
        pages.ordering = "-created_at"
        page = pages.paginate_queryset(found, request, view=self)
        return pages.get_paginated_response(UploadBody(page, many=True).data)

    @extend_schema(
        request=None,
        parameters=[
            OpenApiParameter("Upload-Length", int, OpenApiParameter.HEADER, required=True, description="bytes"),
            OpenApiParameter(
                "Upload-Metadata",
                str,
                OpenApiParameter.HEADER,
                required=True,
                description="filename, and if you like scene, environment, device, session, site, licence, consent, "
                "contributor (JSON); values in base64",
            ),
        ],
        responses={201: UploadBody},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Announce a file; its pieces go to the address in Location. Managers only."""
        project = access.project_for(request.user, slug, Membership.Role.MANAGER)
        about = _metadata(request.headers.get("Upload-Metadata", ""))
        name = about.pop("filename", "")
        # Clients add the type they guess; what a file is, its bytes say.
        about.pop("filetype", None)
        if not name:
            raise exceptions.ValidationError({"Upload-Metadata": "It must name the file: filename <base64>."})
        size = _whole(request, "Upload-Length")
        upload = uploads.begin(project=project, name=name, size=size, about=about, by=access.person(request.user))
        place = reverse("api-upload", kwargs={"pk": upload.pk})
        return Response(UploadBody(upload).data, status.HTTP_201_CREATED, headers={"Location": place})


class OneUpload(TusView):
    @extend_schema(operation_id="upload", responses=UploadBody)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """What became of it."""
        answer = Response(UploadBody(access.upload_for(request.user, pk)).data)
        answer["Cache-Control"] = "no-store"
        return answer

    @extend_schema(exclude=True)
    def head(self, request: Request, pk: uuid.UUID) -> Response:
        """Where to go on."""
        upload = access.upload_for(request.user, pk)
        return Response(headers=_position(upload))

    @extend_schema(
        request={PIECE: OpenApiTypes.BINARY},
        parameters=[OpenApiParameter("Upload-Offset", int, OpenApiParameter.HEADER, required=True)],
        responses={204: None},
    )
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Send a piece that begins at Upload-Offset."""
        upload = access.upload_for(request.user, pk)
        offset = _whole(request, "Upload-Offset")
        if request.content_type != PIECE:
            raise exceptions.UnsupportedMediaType(request.content_type or "")
        try:
            upload = uploads.append(upload=upload, offset=offset, stream=request._request)
        except WrongOffset as error:
            headers = {"Upload-Offset": str(error.offset)}
            return Response(body(error.code, str(error)), error.status, headers=headers)
        except UnreadablePostError as error:
            raise exceptions.ParseError("The connection broke off; ask where to go on.") from error
        return Response(status=status.HTTP_204_NO_CONTENT, headers=_position(upload))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Cancel it and forget its bytes."""
        uploads.cancel(upload=access.upload_for(request.user, pk), by=access.person(request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _position(upload: Upload) -> dict[str, str]:
    return {
        "Upload-Offset": str(upload.offset),
        "Upload-Length": str(upload.size),
        "Cache-Control": "no-store",
    }


def _whole(request: Request, header: str) -> int:
    raw = request.headers.get(header, "")
    if not (raw.isascii() and raw.isdecimal() and len(raw) < 19):
        raise exceptions.ValidationError({header: f"The header is {raw!r}; it must be a whole number of bytes."})
    return int(raw)


def _metadata(raw: str) -> dict[str, Any]:
    """The pairs of an Upload-Metadata header: `key base64,key base64`."""
    told: dict[str, Any] = {}
    for pair in filter(None, (part.strip() for part in raw.split(","))):
        key, _, coded = pair.partition(" ")
        try:
            value = base64.b64decode(coded.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise exceptions.ValidationError(
                {"Upload-Metadata": f"The value of {key} is no UTF-8 in base64."}
            ) from error
        if key in told:
            raise exceptions.ValidationError({"Upload-Metadata": f"{key} is there twice."})
        told[key] = value
    return told
