"""Where a request stands: the project, and what the person is in it. Every page enters through here.

The rules themselves are in annotation/access.py; this adds what the frame around a page needs to know.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django_htmx.middleware import HtmxDetails

from annotation import access
from annotation.models import Clip, Membership, Project, Task

Role = Membership.Role


class PageRequest(HttpRequest):
    """A request behind the log-in, as the middleware leaves it."""

    user: User
    htmx: HtmxDetails


@dataclass(frozen=True)
class Place:
    """A project and the person's role in it."""

    project: Project
    role: Membership.Role

    def may(self, role: Membership.Role) -> bool:
        """Whether the person's role is that, or more."""
        return access.RANK[self.role] >= access.RANK[role]

    @property
    def is_lead(self) -> bool:
        return self.may(Role.QA_LEAD)

    @property
    def is_manager(self) -> bool:
        return self.role == Role.MANAGER

    @property
    def role_name(self) -> str:
        return str(self.role.label)


def enter(request: PageRequest, slug: str, role: Membership.Role = Role.ANNOTATOR) -> Place:
    """The project by its short name; a stranger gets 404, too small a role 403 with a sentence."""
    project = Project.objects.filter(slug=slug).first()
    if project is None:
        raise Http404("There is no such project, or you are not in it.")
    return Place(project, access.demand(request.user, project, role))


def enter_by_id(request: PageRequest, project: Project, role: Membership.Role = Role.ANNOTATOR) -> Place:
    return Place(project, access.demand(request.user, project, role))


def enter_clip(request: PageRequest, pk: int, role: Membership.Role = Role.ANNOTATOR) -> tuple[Place, Clip]:
    clip = access.clip_for(request.user, pk, role)
    return Place(clip.project, access.demand(request.user, clip.project, role)), clip


def enter_review(request: PageRequest, slug: str, pk: int) -> tuple[Place, Task]:
    """A task to review: QA leads and managers; its annotator may look at the answer once there is one."""
    place = enter(request, slug)
    task = access.task_for(request.user, pk)
    if task.project_id != place.project.pk:
        raise Http404(f"There is no task {pk} in {place.project.name}.")
    if not place.is_lead and task.state not in {Task.State.ACCEPTED, Task.State.SENT_BACK}:
        raise PermissionDenied("A review can be read once it is done; this one is not.")
    return place, task
