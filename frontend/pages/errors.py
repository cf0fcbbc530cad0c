"""What one sees when something cannot be shown: in sentences, with a way on."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    shown = {"title": "Not with your role", "reason": str(exception) or "You may not do this."}
    return render(request, "error.html", shown, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    said = exception.args[0] if exception.args and isinstance(exception.args[0], str) else ""
    shown = {"title": "Nothing here", "reason": said or "There is no page at this address."}
    return render(request, "error.html", shown, status=404)


def broken(request: HttpRequest) -> HttpResponse:
    """No context processors: whatever broke may be what they ask."""
    return HttpResponse(_BROKEN, status=500)


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The CSRF token did not fit: most often a page left open over a log-in."""
    shown = {
        "title": "This page is out of date",
        "reason": "Reload the page and send the form again; you may have logged in or out since.",
    }
    return render(request, "error.html", shown, status=403)


_BROKEN = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Something broke · Loupe</title>
<h1>Something broke on the server</h1>
<p>It is written in the log. Nothing that was saved is lost.
<a href="/">Go home</a>, or go back and try again.</p></html>"""
