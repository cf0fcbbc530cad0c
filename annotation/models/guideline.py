"""A version of a project's written rules. Each annotation records the version in force."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import models

from annotation.models.project import Project


class Guideline(models.Model):
    project = models.ForeignKey(Project, models.CASCADE, related_name="guidelines")
    number = models.PositiveIntegerField()
    text = models.TextField(help_text="Markdown")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="a_guideline_is_numbered_once")]

    def __str__(self) -> str:
        return f"guideline {self.number}"
