"""Figures for Prometheus, read from what the background has counted: a scrape must not weigh on the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from enrichment import costs
from enrichment.models import Alert, Batch, LayerRun, LayerWatch, Worker


class Work(Collector):
    """What waits and what runs, how layers fare, which alerts are open."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Gauges, by queue, or by project, layer and engine."""
        waiting = GaugeMetricFamily("loupe_batches", "Batches by queue and state.", labels=["queue", "state"])
        states = [Batch.State.QUEUED, Batch.State.RUNNING]
        rows = Batch.objects.filter(state__in=states).order_by().values_list("queue", "state").annotate(n=Count("*"))
        for queue, state, count in rows:
            waiting.add_metric([queue, state], count)
        yield waiting
        yield GaugeMetricFamily("loupe_queue_age_seconds", "Of the oldest queued layer.", value=queue_age() or 0.0)
        serving = GaugeMetricFamily("loupe_workers", "Running workers by queue.", labels=["queue"])
        live = [name for worker in Worker.objects.live() for name in worker.queues]
        for queue, count in Counter(live).items():
            serving.add_metric([queue], count)
        yield serving
        labels = ["project", "layer", "engine"]
        of_layer: dict[str, tuple[str, Callable[[LayerWatch], float | None]]] = {
            "loupe_layer_frames_per_second": ("Frames per second of computing, last 24 hours.", lambda w: w.rate),
            "loupe_layer_error_ratio": ("Failed attempts of all, last 24 hours.", lambda w: w.error_rate),
            "loupe_layer_clips": ("Clips done in the last 24 hours.", lambda w: w.clips),
            "loupe_layer_measure": ("Mean of the layer's own measure, last 24 hours.", lambda w: w.recent),
            "loupe_layer_cost": ("Of the last 24 hours, at the prices that are set.", costs.of_layer),
        }
        watches = list(LayerWatch.objects.select_related("project"))
        for name, (meaning, value) in of_layer.items():
            gauge = GaugeMetricFamily(name, meaning, labels=labels)
            for watch in watches:
                if (figure := value(watch)) is not None:
                    gauge.add_metric([watch.project.slug, watch.layer, watch.engine], figure)
            yield gauge
        alerts = GaugeMetricFamily("loupe_alerts_open", "Open alerts.", labels=["project", "kind"])
        opened = Alert.objects.filter(closed_at=None).order_by().values_list("project__slug", "kind")
        for slug, kind, count in opened.annotate(n=Count("*")):
            alerts.add_metric([slug, kind], count)
        yield alerts


def queue_age() -> float | None:
    """Seconds for which the oldest queued layer has waited for a worker; None when none waits."""
    oldest = LayerRun.objects.filter(state=LayerRun.State.QUEUED).aggregate(first=Min("changed_at"))["first"]
    return None if oldest is None else (timezone.now() - oldest).total_seconds()


def page() -> bytes:
    """All figures in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Work())
    return generate_latest(registry)
