"""A service's door plate says what it hears, tells and owns; this holds its code to it."""

import ast
import importlib
import re
from typing import Any

import pytest
from faststream import AckPolicy

from shared.messaging import topics
from shared.messaging.consumer import Subscription, make_broker
from shared.messaging.message import Record
from tests.architecture.source import ROOT, SERVICES, own, product

TABLE = re.compile(
    r"CREATE\s+(?:UNLOGGED\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?\"?(\w+)\"?(?P<part>\s+PARTITION\s+OF)?",
    re.IGNORECASE,
)
DROPPED = re.compile(r"DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?\"?(\w+)\"?", re.IGNORECASE)
FROM_OUTSIDE = {topics.INBOUND}
"""What upstream systems write, not a service."""


def plate(service: str) -> Any:
    return importlib.import_module(f"services.{service}.contract")


def told_by(services: tuple[str, ...]) -> set[tuple[str, str]]:
    """Topic and type of everything that some services tell."""
    return {
        (topic, event_type)
        for service in services
        for topic, types in plate(service).PRODUCES.items()
        for event_type in types
    }


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_hears_only_what_those_to_its_left_tell(service: str) -> None:
    left = SERVICES[: SERVICES.index(service)]
    heard = {
        (topic, event_type)
        for topic, types in plate(service).CONSUMES.items()
        if topic not in FROM_OUTSIDE
        for event_type in types
    }
    assert heard - told_by(left) == set()


@pytest.mark.parametrize("service", SERVICES)
def test_topics_of_a_door_plate_are_declared(service: str) -> None:
    declared = {topic.name for topic in topics.TOPICS}
    assert {*plate(service).CONSUMES, *plate(service).PRODUCES} <= declared


def test_every_declared_topic_has_somebody_who_tells_it() -> None:
    told = {topic for topic, _ in told_by(SERVICES)} | FROM_OUTSIDE
    later = {topics.SELLER_PLANS}
    assert {topic.name for topic in topics.TOPICS} - told - later == set()


def test_no_two_services_tell_the_same_event_but_watermarks() -> None:
    seen: dict[tuple[str, str], str] = {}
    for service in SERVICES:
        for told in told_by((service,)):
            assert told not in seen or told[0] == topics.WATERMARKS, (service, seen.get(told), told)
            seen[told] = service


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_owns_the_tables_that_its_migrations_make(service: str) -> None:
    made: set[str] = set()
    for file in sorted((ROOT / "services" / service / "migrations").glob("*.sql")):
        text = re.sub(r"--[^\n]*", "", file.read_text())
        made |= {found[1] for found in TABLE.finditer(text) if not found["part"]}
        made -= set(DROPPED.findall(text))
    assert made == set(plate(service).OWNS)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_subscribes_to_the_topics_on_its_plate(service: str) -> None:
    """Topics that its code names (`topics.X`) are those it hears or tells, and no other."""
    named = {
        str(getattr(topics, node.attr))
        for module in own(f"services/{service}/")
        if module.path.stem != "contract"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "topics"
        and isinstance(getattr(topics, node.attr, None), str)
    }
    assert named <= {*plate(service).CONSUMES, *plate(service).PRODUCES}


def test_subscribers_are_made_in_one_place_only() -> None:
    found = [
        module.name
        for module in product()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "subscriber"
    ]
    assert set(found) == {"shared/messaging/consumer.py"}


def test_consumers_are_made_where_acknowledgement_is_thought_about() -> None:
    """A consumer of aiokafka's own acknowledges by itself, unless told not to or in no group."""
    may = {"shared/messaging/offsets.py", "services/progress/rebuilding.py"}
    found = {
        module.name
        for module in own("services/", "shared/")
        for name in module.imports()
        if name.endswith(".AIOKafkaConsumer")
    }
    assert found <= may


async def _nothing(_records: list[Record]) -> None:
    return None


def test_every_subscriber_acknowledges_by_hand_and_from_the_beginning() -> None:
    broker = make_broker("127.0.0.1:1", client_id="test")
    Subscription(broker, ["a", "b"], group="g", handler=_nothing)
    [made] = broker.subscribers
    assert made.ack_policy is AckPolicy.MANUAL
    arguments: dict[str, Any] = getattr(made, "_connection_args")  # noqa: B009
    assert arguments.get("enable_auto_commit") is False
    assert arguments["auto_offset_reset"] == "earliest"


def test_every_topic_of_facts_keeps_everything() -> None:
    """Figures as known at a past moment need every version: nothing is compacted."""
    assert not [t.name for t in topics.TOPICS if "compact" in t.config.get("cleanup.policy", "")]
    finite = {t.name for t in topics.TOPICS if t.config.get("retention.ms") != "-1"}
    assert finite == {topics.INBOUND, topics.WATERMARKS}
