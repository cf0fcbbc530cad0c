"""What belongs to the person at the screen and to no project: their keys and how they like to work."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access
from annotation.api.fields import Strict
from frontend import keys, preferences

CHORDS = serializers.ListField(child=serializers.CharField(max_length=40, trim_whitespace=False), max_length=6)


class KeysBody(Strict):
    keys = serializers.DictField(child=CHORDS, help_text="command id: the chords that call it, such as Mod+Shift+z")


class OwnKeys(APIView):
    @extend_schema(responses=KeysBody)
    def get(self, request: Request) -> Response:
        """The keys that one has changed in the workbench."""
        return Response({"keys": keys.of(access.person(request.user))})

    @extend_schema(request=KeysBody, responses=KeysBody)
    def put(self, request: Request) -> Response:
        """Change one's keys; what is not named is as it comes."""
        asked = KeysBody(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted: dict[str, Any] = asked.validated_data["keys"]
        return Response({"keys": keys.change(user=access.person(request.user), keys=wanted)})

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request) -> Response:
        """All keys as they come."""
        keys.reset(user=access.person(request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)


class PreferencesBody(Strict):
    threshold = serializers.FloatField(
        min_value=0.0, max_value=1.0, help_text="confidence from which proposals are shown"
    )


class OwnPreferences(APIView):
    @extend_schema(request=PreferencesBody, responses=PreferencesBody)
    def put(self, request: Request) -> Response:
        """Say how one likes to work."""
        asked = PreferencesBody(data=request.data)
        asked.is_valid(raise_exception=True)
        preferences.set_threshold(user=access.person(request.user), threshold=asked.validated_data["threshold"])
        return Response(asked.validated_data)


urlpatterns = [
    path("keys/", OwnKeys.as_view(), name="api-keys"),
    path("preferences/", OwnPreferences.as_view(), name="api-preferences"),
]
