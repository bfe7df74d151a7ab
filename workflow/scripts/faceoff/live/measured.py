"""Count what a server does, as text that Prometheus reads."""

from collections.abc import Callable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

_SECONDS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 2.5, 5.0, 10.0, 30.0)


class Measured:
    """The counters of one server; each has a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.requests = Counter(
            "faceoff_requests", "Requests that were answered", ("method", "route", "status"),
            registry=self._registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "faceoff_request_seconds", "Seconds until a request was answered", ("route",),
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self.batch = Histogram(
            "faceoff_batch_pictures", "Pictures that the networks read together",
            buckets=(1, 2, 4, 8, 16, 32, 64), registry=self._registry,
        )  # fmt: skip
        self.frames = Counter(
            "faceoff_frames", "Frames of sockets: read, dropped for a newer one, bad, failed",
            ("state",), registry=self._registry,
        )  # fmt: skip
        self.frame_seconds = Histogram(
            "faceoff_frame_seconds", "Seconds from the receipt of a frame to its answer",
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip

    def gauge(self, name: str, about: str, value: Callable[[], float]) -> None:
        """Show a number that is asked for at each reading."""
        Gauge(f"faceoff_{name}", about, registry=self._registry).set_function(value)

    def gauges(
        self, name: str, about: str, label: str, values: Mapping[str, Callable[[], float]]
    ) -> None:
        """Show numbers that are asked for at each reading, by a label."""
        gauge = Gauge(f"faceoff_{name}", about, (label,), registry=self._registry)
        for key, value in values.items():
            gauge.labels(key).set_function(value)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request. method and route are of few kinds, whatever clients send."""
        known = method if method in ("GET", "POST", "DELETE") else "other"
        self.requests.labels(known, route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """Return all of it in Prometheus' text format 0.0.4."""
        return bytes(generate_latest(self._registry))
