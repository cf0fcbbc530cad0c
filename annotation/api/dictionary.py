"""The words that a project's people know and no dictionary does."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access, dictionary
from annotation.api.fields import Strict
from annotation.models import Membership


class NewWord(Strict):
    word = serializers.CharField(max_length=60)


class AllWords(Strict):
    words = serializers.ListField(child=serializers.CharField(max_length=60), max_length=dictionary.MOST_WORDS)


class DictionaryBody(serializers.Serializer[Any]):
    words = serializers.ListField(child=serializers.CharField())


class Dictionary(APIView):
    @extend_schema(responses=DictionaryBody)
    def get(self, request: Request, slug: str) -> Response:
        """The project's own words, in lower case."""
        return Response({"words": access.project_for(request.user, slug).dictionary})

    @extend_schema(request=NewWord, responses=DictionaryBody)
    def post(self, request: Request, slug: str) -> Response:
        """Teach the project a word, so that it is no misspelling in instructions any more."""
        project = access.project_for(request.user, slug)
        asked = NewWord(data=request.data)
        asked.is_valid(raise_exception=True)
        words = dictionary.add(project=project, word=asked.validated_data["word"], by=access.person(request.user))
        return Response({"words": words})

    @extend_schema(request=AllWords, responses=DictionaryBody)
    def put(self, request: Request, slug: str) -> Response:
        """Replace them all. Managers only."""
        project = access.project_for(request.user, slug, Membership.Role.MANAGER)
        asked = AllWords(data=request.data)
        asked.is_valid(raise_exception=True)
        words = dictionary.replace(project=project, words=asked.validated_data["words"], by=access.person(request.user))
        return Response({"words": words})
