"""Answering with a picture that may change, without sending it twice."""

from __future__ import annotations

import hashlib

from django.http import HttpResponse
from django.utils.http import parse_etags
from rest_framework.request import Request


def picture(request: Request, png: bytes) -> HttpResponse:
    etag = f'"{hashlib.sha256(png).hexdigest()[:32]}"'
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        answer = HttpResponse(status=304)
    else:
        answer = HttpResponse(png, content_type="image/png")
    answer["ETag"] = etag
    answer["Cache-Control"] = "private, no-cache"
    return answer
