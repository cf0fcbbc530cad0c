"""A person's own keys for the workbench. They are kept here so that they follow the person to any machine."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from annotation.errors import Refused
from frontend.models import KeyBindings

MOST = 300  # commands; the workbench has fewer than a hundred


def of(user: User) -> dict[str, list[str]]:
    """What the person has changed, by command."""
    kept = KeyBindings.objects.filter(user=user).first()
    return dict(kept.keys) if kept else {}


@transaction.atomic
def change(*, user: User, keys: dict[str, list[str]]) -> dict[str, list[str]]:
    """Keep these in place of all that the person had changed.

    Raises:
        Refused: one key for two commands, or more commands than there can be.
    """
    if len(keys) > MOST or any(len(command) > 60 for command in keys):
        raise Refused(f"These are no keys of the workbench; it has at most {MOST} commands with short names.")
    taken: dict[str, str] = {}
    for command, chords in keys.items():
        for chord in chords:
            if chord in taken:
                raise Refused(f"{chord} is given to both {taken[chord]} and {command}; a key can do one thing.")
            taken[chord] = command
    KeyBindings.objects.update_or_create(user=user, defaults={"keys": keys})
    return keys


@transaction.atomic
def reset(*, user: User) -> None:
    """All keys as they come."""
    KeyBindings.objects.filter(user=user).delete()
