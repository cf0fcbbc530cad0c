"""Projects and the people in them."""

from __future__ import annotations

import secrets

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from annotation import guidelines, history, taxonomy
from annotation.errors import Refused
from annotation.models import Membership, Project, Task

Role = Membership.Role


@transaction.atomic
def create(*, name: str, slug: str, by: User, description: str = "") -> Project:
    """A project with the starter taxonomy and its first guideline; its maker becomes its manager.

    Raises:
        Refused: the name or slug is empty or too long, the slug is not one or is taken.
    """
    project = Project(name=name.strip(), slug=slug.strip().lower(), description=description.strip())
    if Project.objects.filter(slug=project.slug).exists():
        raise Refused(f"The short name {project.slug!r} is taken by another project; choose another one.")
    try:
        project.full_clean()
    except ValidationError as error:
        raise Refused(_sentence(error)) from error
    project.save()
    Membership.objects.create(project=project, user=by, role=Role.MANAGER)
    history.record(
        project=project,
        actor=by,
        verb="created",
        subject=project,
        name=project.name,
        slug=project.slug,
    )
    taxonomy.save(project=project, content=taxonomy.STARTER, by=by)
    guidelines.publish(project=project, text=guidelines.STARTER, by=by)
    return project


@transaction.atomic
def change(*, project: Project, by: User, **values: str | float | None) -> Project:
    """Change what a manager may: name, description, review_share, keyframes_per_second, keep_versions, the engines,
    amodal, language, what paid services may cost.

    Raises:
        Refused: a value is out of range.
    """
    engines = {"prompt_engine", "propagation_engine"}
    numbers = {"review_share", "keyframes_per_second", "keep_versions"}
    costs = {"calls_per_clip", "calls_per_run", "calls_budget"}
    known = {"name", "description", "amodal", "language", *numbers, *engines, *costs}
    if unknown := set(values) - known:
        raise Refused(f"A project has no {', '.join(sorted(unknown))} to change; it has {', '.join(sorted(known))}.")
    before = {field: getattr(project, field) for field in values}
    for field, value in values.items():
        setattr(project, field, value)
    try:
        project.full_clean()
    except ValidationError as error:
        raise Refused(_sentence(error)) from error
    project.save(update_fields=list(values))
    history.record(
        project=project,
        actor=by,
        verb="changed",
        subject=project,
        before=before,
        after=values,
    )
    return project


@transaction.atomic
def set_role(*, project: Project, user: User, role: str, by: User) -> Membership:
    """Take a person into the project, or give them another role.

    Raises:
        Refused: there is no such role, or the project would be left without a manager.
    """
    if role not in Role.values:
        raise Refused(f"There is no role {role!r}; the roles are {', '.join(Role.values)}.")
    held = _membership(project, user)
    if held is not None and held.role == role:
        return held
    if held is not None and role != Role.MANAGER:
        _keep_a_manager(project, held)
    before = held.role if held else None
    if held is None:
        held = Membership.objects.create(project=project, user=user, role=role)
    else:
        held.role = role
        held.save(update_fields=["role"])
    history.record(
        project=project,
        actor=by,
        verb="set the role of",
        subject=held,
        person=user.username,
        before=before,
        after=role,
    )
    return held


@transaction.atomic
def make_account(*, project: Project, username: str, role: str, by: User) -> tuple[User, str]:
    """Make an account and take it into the project; returns it and its first password, which is kept nowhere.

    Raises:
        Refused: the name is taken or none, or there is no such role.
    """
    person = User(username=username.strip())
    password = "-".join(secrets.token_hex(2) for _ in range(4))
    person.set_password(password)
    try:
        person.full_clean()
    except ValidationError as error:
        raise Refused(_sentence(error)) from error
    person.save()
    history.record(project=project, actor=by, verb="made the account of", subject=person, person=person.username)
    set_role(project=project, user=person, role=role, by=by)
    return person, password


@transaction.atomic
def remove_member(*, project: Project, user: User, by: User) -> None:
    """Take a person out. What they made stays; what they had in hand goes back to the queue.

    Raises:
        Refused: they are not in the project, or are its only manager.
    """
    held = _membership(project, user)
    if held is None:
        raise Refused(f"{user.username} is not in {project.name}.")
    _keep_a_manager(project, held)
    in_hand = Task.objects.filter(project=project).waiting_for(user)
    tasks = list(in_hand.values_list("pk", flat=True))
    in_hand.update(state=Task.State.OPEN, assignee=None, lease=None, leased_until=None)
    history.record(
        project=project,
        actor=by,
        verb="removed",
        subject=held,
        person=user.username,
        role=held.role,
        tasks=tasks,
    )
    held.delete()


def _membership(project: Project, user: User) -> Membership | None:
    """The person's membership, with the project locked: two managers must not remove each other at once."""
    Project.objects.select_for_update().get(pk=project.pk)
    return Membership.objects.filter(project=project, user=user).first()


def _keep_a_manager(project: Project, leaving: Membership) -> None:
    others = Membership.objects.filter(project=project, role=Role.MANAGER).exclude(pk=leaving.pk)
    if leaving.role == Role.MANAGER and not others.exists():
        raise Refused(
            f"{leaving.user.username} is the only manager of {project.name}; make someone else a manager first."
        )


def _sentence(error: ValidationError) -> str:
    return " ".join(f"{field}: {' '.join(said)}" for field, said in error.message_dict.items())
