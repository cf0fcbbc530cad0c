"""That a project's keyframes are to be compared with each other."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import models

from annotation.models import Project
from enrichment.models.ledger import Leased


class Survey(Leased):
    """The comparison of a project's keyframes that was asked for last; its result lies in files, see similarity.py."""

    project = models.OneToOneField(Project, models.CASCADE, related_name="survey")
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField()

    class Meta:
        ordering = ["project"]

    def __str__(self) -> str:
        return f"comparison of the keyframes of project {self.project_id}"

    @property
    def is_open(self) -> bool:
        """Whether its result is still to come."""
        return self.state in {Leased.State.QUEUED, Leased.State.RUNNING}
