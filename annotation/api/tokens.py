"""One's own API token."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.authtoken.models import Token
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access


class TokenBody(serializers.Serializer[Any]):
    token = serializers.CharField(source="key")


class OwnToken(APIView):
    @extend_schema(request=None, responses={201: TokenBody})
    def post(self, request: Request) -> Response:
        """Make a token; it is shown this once, and the one before it stops working."""
        with transaction.atomic():
            Token.objects.filter(user=access.person(request.user)).delete()
            made = Token.objects.create(user=access.person(request.user))
        answer = Response(TokenBody(made).data, status.HTTP_201_CREATED)
        answer["Cache-Control"] = "no-store"
        return answer

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request) -> Response:
        """Revoke it."""
        Token.objects.filter(user=access.person(request.user)).delete()
        return Response(status=status.HTTP_204_NO_CONTENT)
