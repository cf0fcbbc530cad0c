"""Log-in by the browser's session, for the person whose page it is."""

from __future__ import annotations

from typing import Any

from drf_spectacular.authentication import SessionScheme
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request


class OwnSession(SessionAuthentication):
    """A page that stays open while somebody else logs in must not write in that person's name.

    The page says in X-Loupe-User whose it is; without the header the session alone decides.
    """

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        found = super().authenticate(request)
        meant = request.headers.get("X-Loupe-User", "")
        if found is not None and meant and meant != str(found[0].pk):
            name = found[0].get_username()
            raise AuthenticationFailed(f"{name} is logged in in this browser now, and this page is somebody else's.")
        return found


class OwnSessionScheme(SessionScheme):  # type: ignore[no-untyped-call]
    target_class = "annotation.api.sessions.OwnSession"
