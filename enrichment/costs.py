"""What machine work costs: the time of workers at the prices that the environment names [E14, O3]."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.db.models import Count, Sum
from django.utils import timezone

from annotation.models import Project
from enrichment import registry
from enrichment.models import ApiCall, LayerWatch
from enrichment.watching import WINDOW


def of_layer(watch: LayerWatch) -> float:
    """Of the clips in the window, in the currency of the prices."""
    layer = registry.every().get(watch.layer)
    return watch.seconds / 3600 * float(settings.PRICES[layer.device if layer else "cpu"])


def per_clip(watches: Iterable[LayerWatch]) -> float:
    """Of one clip with all its layers, each at its own mean."""
    return sum(of_layer(watch) / watch.clips for watch in watches if watch.clips)


def per_frame(watch: LayerWatch) -> float:
    """Of one frame in one layer."""
    return of_layer(watch) / watch.frames if watch.frames else 0.0


def of_calls(project: Project) -> tuple[int, float]:
    """Calls of paid services for a project in the window, and their cost in dollars as far as prices are known."""
    lately = ApiCall.objects.of(project).filter(began_at__gte=timezone.now() - WINDOW)
    found = lately.aggregate(calls=Count("pk"), dollars=Sum("dollars", default=0))
    return int(found["calls"]), float(found["dollars"])


def known() -> bool:
    """Whether any price is set; without one there is nothing to show."""
    return any(settings.PRICES.values())
