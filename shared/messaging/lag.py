"""How far the consumers of this process are behind, as metrics."""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, Protocol
from weakref import WeakSet

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_LABELS: Final = ["group", "topic", "partition"]


class Reached(NamedTuple):
    """Where a consumer stands in a partition."""

    topic: str
    partition: int
    behind: int
    """Records that are there and were not handed over."""
    timestamp_ms: int
    """Kafka's of the last record that was handed over."""


class Follower(Protocol):
    """Whose standing is measured."""

    group: str | None

    def partitions(self) -> Mapping[str, int]: ...
    def reached(self) -> Iterable[Reached]: ...


class LagCollector(Collector):
    """Asks each consumer when metrics are asked for, so that consuming costs nothing more."""

    def __init__(self) -> None:
        self._followers: WeakSet[Any] = WeakSet()

    def watch(self, follower: Follower) -> None:
        """Measure a consumer for as long as it lives."""
        self._followers.add(follower)

    def describe(self) -> Iterator[Metric]:
        yield from self._families()

    def collect(self) -> Iterator[Metric]:
        held, events, seconds = self._families()
        now_ms = time.time() * 1000
        for follower in list(self._followers):
            for topic, number in follower.partitions().items():
                held.add_metric([follower.group or "", topic], number)
            for at in follower.reached():
                labels = [follower.group or "", at.topic, str(at.partition)]
                events.add_metric(labels, at.behind)
                late = max(now_ms - at.timestamp_ms, 0) / 1000 if at.behind else 0
                seconds.add_metric(labels, late)
        yield from (held, events, seconds)

    @staticmethod
    def _families() -> tuple[GaugeMetricFamily, GaugeMetricFamily, GaugeMetricFamily]:
        return (
            GaugeMetricFamily(
                "milepost_consumer_partitions",
                "Partitions that this process reads now",
                labels=_LABELS[:2],
            ),
            GaugeMetricFamily(
                "milepost_consumer_lag_events",
                "Records that wait in a partition this process reads",
                labels=_LABELS,
            ),
            GaugeMetricFamily(
                "milepost_consumer_lag_seconds",
                "Age of the last record dealt with while others wait, else 0",
                labels=_LABELS,
            ),
        )


lag: Final = LagCollector()
REGISTRY.register(lag)
