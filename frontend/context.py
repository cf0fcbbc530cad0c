"""What the frame around every page shows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest

from annotation import access
from annotation.models import Project


@dataclass
class Shell:
    """Asked for by the full page only: a partial costs no query here."""

    user: User | AnonymousUser

    @cached_property
    def projects(self) -> list[Project]:
        return list(access.projects_of(self.user)[:30])


def shell(request: HttpRequest) -> dict[str, object]:
    return {"shell": Shell(getattr(request, "user", AnonymousUser()))}
