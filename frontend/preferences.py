"""How a person likes to work. It is kept here so that it follows the person to any machine."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from frontend.models import Preferences


def of(user: User) -> Preferences:
    """What the person has chosen; an unsaved row when that is nothing."""
    return Preferences.objects.filter(user=user).first() or Preferences(user=user)


@transaction.atomic
def set_threshold(*, user: User, threshold: float) -> None:
    """Show proposals from this confidence on, 0-1."""
    Preferences.objects.update_or_create(user=user, defaults={"threshold": threshold})
