"""Files sent as attachments, a piece at a time.

Under ASGI Django would collect an ordinary iterator whole before it sends the first byte, so the pieces are handed over
by an asynchronous one, and a file of any size takes the memory of one piece.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

_PIECE = 1 << 20


def attachment(pieces: Iterator[bytes], *, name: str, length: int | None, kind: str) -> StreamingHttpResponse:
    """An answer that a browser saves and never shows."""
    answer = StreamingHttpResponse(_handed_over(pieces), content_type=kind)
    if length is not None:
        answer["Content-Length"] = str(length)
    answer["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name) or "attachment"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def of_file(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


async def _handed_over(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    following = sync_to_async(lambda: next(pieces, None), thread_sensitive=False)
    while (piece := await following()) is not None:
        if piece:
            yield piece
