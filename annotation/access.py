"""Who may see or change what. Every request for a row of this app comes through here; PATCH asks exactly like GET.

What a person may not see does not exist for them (404). What they may see but not do is forbidden (403), with a
sentence.
"""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404

from annotation.models import Clip, Membership, Project, Task, Upload

Role = Membership.Role
# A QA lead may do what an annotator may, a manager what both may.
RANK = {Role.ANNOTATOR: 0, Role.QA_LEAD: 1, Role.MANAGER: 2}
Person = User | AnonymousUser


def person(user: Person) -> User:
    """The logged-in person; verbs take nobody else."""
    if not isinstance(user, User):
        raise PermissionDenied("Log in first.")
    return user


def role_in(user: Person, project: Project) -> Membership.Role | None:
    """The person's role, None for a stranger; a superuser is a manager everywhere."""
    if not isinstance(user, User) or not user.is_active:
        return None
    if user.is_superuser:
        return Role.MANAGER
    found = Membership.objects.filter(project=project, user=user).values_list("role", flat=True).first()
    return Role(found) if found else None


def demand(user: Person, project: Project, role: Membership.Role = Role.ANNOTATOR) -> Membership.Role:
    """The person's role in the project, when it is at least `role`."""
    held = role_in(user, project)
    if held is None:
        raise Http404("There is no such project, or you are not in it.")
    if RANK[held] < RANK[role]:
        raise PermissionDenied(f"This needs the role {role.label} in {project.name}; yours is {held.label}.")
    return held


def may_make_projects(user: Person) -> bool:
    """Who manages a project may begin others; the first one is begun by a superuser, or by whom they allow it.

    Being taken into a project as an annotator is no leave to begin new ones. The leave is Django's own permission.
    """
    if not isinstance(user, User) or not user.is_active:
        return False
    manages = Membership.objects.filter(user=user, role=Role.MANAGER)
    return user.has_perm("annotation.add_project") or manages.exists()


def project_maker(user: Person) -> User:
    """The person, when they may begin a project."""
    if not may_make_projects(user):
        raise PermissionDenied("Only managers begin projects; ask one to begin it and to take you in.")
    return person(user)


def projects_of(user: Person) -> QuerySet[Project]:
    return Project.objects.visible_to(user) if isinstance(user, User) else Project.objects.none()


def project_for(user: Person, slug: str, role: Membership.Role = Role.ANNOTATOR) -> Project:
    project = Project.objects.filter(slug=slug).first()
    if project is None:
        raise Http404("There is no such project, or you are not in it.")
    demand(user, project, role)
    return project


def clip_for(user: Person, pk: int, role: Membership.Role = Role.ANNOTATOR) -> Clip:
    clip = Clip.objects.select_related("project").filter(pk=pk).first()
    if clip is None or role_in(user, clip.project) is None:
        raise Http404(f"There is no clip {pk}, or you are not in its project.")
    demand(user, clip.project, role)
    return clip


def upload_for(user: Person, pk: uuid.UUID) -> Upload:
    """An upload is its sender's, and a manager's."""
    upload = Upload.objects.select_related("project", "clip").filter(pk=pk).first()
    held = role_in(user, upload.project) if upload else None
    if upload is None or held is None or (upload.by_id != user.pk and held != Role.MANAGER):
        raise Http404("There is no such upload, or it is not yours.")
    return upload


def task_for(user: Person, pk: int) -> Task:
    """A task to look at: one's own; for QA leads and managers any of the project.

    Annotators never see each other's work on the same frames, or the agreement between them would mean nothing.
    """
    task = Task.objects.select_related("project", "clip", "assignee", "second_of").filter(pk=pk).first()
    held = role_in(user, task.project) if task else None
    if task is None or held is None or (held == Role.ANNOTATOR and task.assignee_id != user.pk):
        raise Http404(f"There is no task {pk}, or it is not yours.")
    return task


def task_to_edit(user: Person, pk: int) -> Task:
    """A task to keep, submit or release: only the person who holds it."""
    task = task_for(user, pk)
    if task.assignee_id != user.pk:
        raise PermissionDenied(f"Task {pk} is held by {task.assignee or 'nobody'}; claim it before you change it.")
    return task


def task_to_write(user: Person, pk: int) -> Task:
    """A task to draw in: its annotator's, and a reviewer's while it is in review (the verbs look at the state)."""
    task = task_for(user, pk)
    if task.assignee_id != user.pk:
        demand(user, task.project, Role.QA_LEAD)
    return task


def task_to_claim(user: Person, pk: int) -> Task:
    """A task that this person could take: their own, or one that is free."""
    task = Task.objects.select_related("project", "clip", "assignee").filter(pk=pk).first()
    held = role_in(user, task.project) if task else None
    if task is None or held is None or not isinstance(user, User):
        raise Http404(f"There is no task {pk}, or it is not in your project.")
    free = task.assignee_id == user.pk or Task.objects.filter(pk=pk).claimable_by(user).exists()
    if held == Role.ANNOTATOR and not free:
        raise Http404(f"There is no task {pk} that you could take.")
    return task
