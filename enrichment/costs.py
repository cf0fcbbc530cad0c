"""What machine work costs in dollars: workers' time at the prices of the environment, and paid calls [E14, O3].

Time is priced by the queue that a layer's batches waited in: what a GPU worker did costs what a GPU costs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from django.conf import settings
from django.db.models import Count, Sum
from django.utils import timezone

from annotation.models import Project
from enrichment.models import ApiCall, LayerWatch
from enrichment.watching import WINDOW


def of_layer(watch: LayerWatch) -> float:
    """Of the clips in the window, in dollars: workers' time and paid calls."""
    on_cpu = max(0.0, watch.seconds - watch.gpu_seconds)
    hours = {"cpu": on_cpu / 3600, "gpu": watch.gpu_seconds / 3600}
    return sum(hours[kind] * float(settings.PRICES[kind]) for kind in hours) + watch.dollars


def per_clip(watches: Sequence[LayerWatch]) -> float:
    """Of one clip with all its layers, each at its own mean over whatever engines computed it."""
    dollars: dict[str, float] = defaultdict(float)
    clips: dict[str, int] = defaultdict(int)
    for watch in watches:
        dollars[watch.layer] += of_layer(watch)
        clips[watch.layer] += watch.clips
    return sum(dollars[layer] / clips[layer] for layer in clips if clips[layer])


def per_frame(watch: LayerWatch) -> float:
    """Of one frame in one layer."""
    return of_layer(watch) / watch.frames if watch.frames else 0.0


def of_calls(project: Project) -> tuple[int, float]:
    """Calls of paid services for a project in the window, and their cost in dollars as far as prices are known."""
    lately = ApiCall.objects.of(project).filter(began_at__gte=timezone.now() - WINDOW)
    found = lately.aggregate(calls=Count("*"), dollars=Sum("dollars", default=0))
    return int(found["calls"]), float(found["dollars"])


def known(watches: Sequence[LayerWatch]) -> bool:
    """Whether anything has a price, workers' time or calls; without one there is nothing to show."""
    return any(settings.PRICES.values()) or any(watch.dollars for watch in watches)
