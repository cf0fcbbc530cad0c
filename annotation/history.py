"""Writing the audit log. A verb calls `record` inside its own transaction."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import models

from annotation.models import History, Project


def record(
    *,
    project: Project,
    actor: User | None,
    verb: str,
    subject: models.Model,
    **data: Any,
) -> History:
    return History.objects.create(
        project=project,
        actor=actor,
        verb=verb,
        subject=subject._meta.model_name or "",
        subject_id=str(subject.pk),
        data=data,
    )
