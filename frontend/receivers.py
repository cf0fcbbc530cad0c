"""News from below that open pages want to hear."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from annotation import events
from frontend import live


@receiver(events.changed, dispatch_uid="frontend.tell_open_pages")
def tell_open_pages(project_id: int, kind: str, object_id: str, **_: Any) -> None:
    live.publish(project_id=project_id, kind=kind, object_id=object_id)
