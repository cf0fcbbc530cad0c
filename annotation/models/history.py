"""Who did what, when: the audit log. Verbs write it in their own transaction."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import models

from annotation.models.project import Project


class History(models.Model):
    project = models.ForeignKey(Project, models.CASCADE, related_name="history")
    actor = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    verb = models.CharField(max_length=60)
    subject = models.CharField(max_length=60, help_text="kind of thing, such as clip or task")
    subject_id = models.CharField(max_length=40)
    data = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["project", "-id"]),
            models.Index(fields=["subject", "subject_id"]),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject} {self.subject_id}"
