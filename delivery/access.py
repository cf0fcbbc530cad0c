"""Who may see deliveries: managers. What leaves the house is theirs to answer for."""

from __future__ import annotations

from django.http import Http404

from annotation.access import Person, Role, demand
from delivery.models import Delivery


def delivery_for(user: Person, pk: int) -> Delivery:
    """A delivery, for a manager of its project."""
    delivery = Delivery.objects.select_related("project", "by", "snapshot").filter(pk=pk).first()
    if delivery is None:
        raise Http404(f"There is no delivery {pk}, or you are not in its project.")
    demand(user, delivery.project, Role.MANAGER)
    return delivery
