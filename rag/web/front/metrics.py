"""Counters for Prometheus, in a registry of each web app's own so that two apps in one process do not clash."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from rag.web.front.roles import PAGE

_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30)


@dataclass(frozen=True, slots=True)
class Metrics:
    """What is counted. answers: by outcome, answered or refused. hurried: for the crowd, read again less or not."""

    registry: CollectorRegistry
    requests: Counter
    seconds: Histogram
    answers: Counter
    hurried: Counter
    documents: Gauge
    generation: Gauge
    ready: Gauge

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one HTTP request. route: the label of its route."""
        self.requests.labels(method if method in _METHODS else "OTHER", route, str(status)).inc()
        if route != PAGE:  # a page's event stream lasts as long as the tab
            self.seconds.labels(route).observe(seconds)

    def answered(self, answerable: bool) -> None:
        """Count one answer."""
        self.answers.labels("answered" if answerable else "refused").inc()


_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def new_metrics() -> Metrics:
    """Fresh counters."""
    registry = CollectorRegistry()
    return Metrics(
        registry,
        Counter("yuanwen_http_requests", "HTTP requests", ["method", "route", "status"], registry=registry),
        Histogram("yuanwen_http_seconds", "Seconds for one request", ["route"], buckets=_BUCKETS, registry=registry),
        Counter("yuanwen_answers", "Answers given, by outcome", ["outcome"], registry=registry),
        Counter("yuanwen_hurried", "Reading again given up, for many asked", ["reread"], registry=registry),
        Gauge("yuanwen_documents", "Documents in the index", registry=registry),
        Gauge("yuanwen_index_generation", "Generation of the index", registry=registry),
        Gauge("yuanwen_ready", "1 when the service can answer", registry=registry),
    )
