"""Who may see and ask for machine work: whoever is in the project sees it, QA leads and managers ask for it."""

from __future__ import annotations

from contextlib import suppress

from django.core.exceptions import PermissionDenied
from django.http import Http404

from annotation import access
from annotation.access import Person
from annotation.models import Membership, Project
from enrichment.models import LayerRun, Propagation, Run

MAY_ASK = Membership.Role.QA_LEAD


def run_for(user: Person, pk: int) -> Run:
    """A request of a project that the person is in."""
    run = Run.objects.select_related("project", "by").filter(pk=pk).first()
    if run is None or access.role_in(user, run.project) is None:
        raise Http404(f"There is no run {pk}, or you are not in its project.")
    return run


def version_for(user: Person, pk: int) -> LayerRun:
    """A layer run of a clip whose machine work the person answers for."""
    found = LayerRun.objects.select_related("clip__project").filter(pk=pk).first()
    if found is None or access.role_in(user, found.clip.project) is None:
        raise Http404(f"There is no layer run {pk}, or you are not in its project.")
    access.demand(user, found.clip.project, MAY_ASK)
    return found


def project_to_enrich(user: Person, slug: str) -> Project:
    """A project for whose clips the person may ask for layers."""
    return access.project_for(user, slug, MAY_ASK)


def propagation_for(user: Person, pk: int) -> Propagation:
    """A propagation of a task that the person may look at."""
    found = Propagation.objects.filter(pk=pk).first()
    if found is not None:
        with suppress(Http404):
            found.task = access.task_for(user, found.task_id)
            return found
    raise Http404(f"There is no propagation {pk}, or its task is not yours.")


def propagation_to_write(user: Person, pk: int) -> Propagation:
    """A propagation of a task that the person may draw in."""
    found = propagation_for(user, pk)
    access.task_to_write(user, found.task_id)
    return found


def propagation_to_stop(user: Person, pk: int) -> Propagation:
    """A propagation to cancel or drop: whoever asked for it, and the task's annotator."""
    found = propagation_for(user, pk)
    if user.pk not in {found.by_id, found.task.assignee_id}:
        raise PermissionDenied(f"Propagation {pk} was asked for by somebody else; it is theirs to stop.")
    return found
