"""A project's rules for action segments, as one list that is read and replaced whole."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access, rules
from annotation.api.fields import Strict
from annotation.models import Membership


class RuleList(Strict):
    rules = serializers.ListField(
        child=serializers.DictField(), max_length=rules.MOST, help_text="see annotation/grammar.py for the kinds"
    )


class GrammarBody(serializers.Serializer[Any]):
    rules = serializers.ListField(child=serializers.DictField())
    sentences = serializers.ListField(child=serializers.CharField(), help_text="each rule as a person would say it")


class Grammar(APIView):
    @extend_schema(responses=GrammarBody)
    def get(self, request: Request, slug: str) -> Response:
        """The rules that segments of this project are held to, beside those that hold everywhere."""
        return Response(_body(access.project_for(request.user, slug).grammar))

    @extend_schema(request=RuleList, responses=GrammarBody)
    def put(self, request: Request, slug: str) -> Response:
        """Replace them. Managers only."""
        project = access.project_for(request.user, slug, Membership.Role.MANAGER)
        asked = RuleList(data=request.data)
        asked.is_valid(raise_exception=True)
        kept = rules.save(project=project, rules=asked.validated_data["rules"], by=access.person(request.user))
        return Response(_body(kept))


def _body(kept: list[dict[str, Any]]) -> dict[str, Any]:
    return {"rules": kept, "sentences": [rules.sentence(rule) for rule in kept]}
