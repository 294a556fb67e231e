"""What the service counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from finetune.service.engine.store import JobStore
from finetune.service.serving import Serving

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120)
IMAGES = (1, 2, 4, 8, 16, 32, 64)


class Numbers:
    """The counters of one application; `text` is what Prometheus reads."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "finetune_http_requests_total",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "finetune_http_request_seconds",
            "Until the answer was sent to its end.",
            ("method", "route"),
            buckets=SECONDS,
            registry=self._registry,
        )
        self._images = Histogram(
            "finetune_predict_batch_images", "Images in a batch.", buckets=IMAGES, registry=self._registry
        )
        self._batch_s = Histogram(
            "finetune_predict_batch_seconds", "For a batch.", buckets=SECONDS, registry=self._registry
        )

    def note_batch(self, n_images: int, seconds: float) -> None:
        """Count a batch of images that was classified."""
        self._images.observe(n_images)
        self._batch_s.observe(seconds)

    def watch(self, store: JobStore, serving: Serving) -> None:
        """Tell with the counters how many jobs are in each state, images wait and classifiers are loaded."""
        self._registry.register(_Jobs(store))
        waiting = Gauge("finetune_predict_waiting_images", "Images that wait.", registry=self._registry)
        waiting.set_function(lambda: serving.waiting)
        loaded = Gauge("finetune_predict_loaded_models", "Classifiers loaded.", registry=self._registry)
        loaded.set_function(lambda: serving.loaded)

    def text(self) -> bytes:
        """Return all in Prometheus's text format."""
        return generate_latest(self._registry)


class _Jobs(Collector):
    def __init__(self, store: JobStore) -> None:
        self._store = store

    def collect(self) -> Iterable[GaugeMetricFamily]:
        found = GaugeMetricFamily("finetune_jobs", "Jobs by state.", labels=["state"])
        for state, count in self._store.counts().items():
            found.add_metric([state], count)
        yield found
