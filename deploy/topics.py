"""`python -m deploy.topics`: brings a Kafka cluster to what `shared.messaging.topics` names.

Makes what is missing, adds partitions, sets what is configured; takes nothing away. Settings:
`MILEPOST_KAFKA`, `MILEPOST_PARTITIONS` (6), `MILEPOST_REPLICATION` (1).
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from shared.messaging.topics import TOPICS, Topic

DEFAULT_PARTITIONS = 6


@dataclass(frozen=True)
class Changes:
    """What was made and changed, by topic name."""

    created: list[str]
    grown: list[str]
    configured: list[str]


async def apply_topics(bootstrap: str, partitions: int, replication: int = 1) -> Changes:
    """Bring the topics of a cluster to what the code says. Raises KafkaError when refused."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        found = await _partition_counts(admin)
        missing = [topic for topic in TOPICS if topic.name not in found]
        present = [topic for topic in TOPICS if topic.name in found]
        return Changes(
            await _create(admin, missing, partitions, replication),
            await _grow(admin, present, found, partitions),
            await _configure(admin, present),
        )
    finally:
        await admin.close()


async def _partition_counts(admin: AIOKafkaAdminClient) -> dict[str, int]:
    names = set(await admin.list_topics()) & {topic.name for topic in TOPICS}
    described = await admin.describe_topics(sorted(names)) if names else []
    return {topic["topic"]: len(topic["partitions"]) for topic in described}


async def _create(
    admin: AIOKafkaAdminClient, topics: list[Topic], partitions: int, replication: int
) -> list[str]:
    if not topics:
        return []
    answer = await admin.create_topics(
        [
            NewTopic(
                topic.name, topic.partitions or partitions, replication, topic_configs=topic.config
            )
            for topic in topics
        ]
    )
    for name, code, *message in answer.topic_errors:
        failure = for_code(code)
        if code and failure is not TopicAlreadyExistsError:
            raise failure(f"{name}: {message}")
    return [topic.name for topic in topics]


async def _grow(
    admin: AIOKafkaAdminClient, topics: list[Topic], found: Mapping[str, int], partitions: int
) -> list[str]:
    wanted = {topic.name: topic.partitions or partitions for topic in topics}
    more = {name: count for name, count in wanted.items() if count > found[name]}
    if more:
        await admin.create_partitions({name: NewPartitions(count) for name, count in more.items()})
    return list(more)


async def _configure(admin: AIOKafkaAdminClient, topics: list[Topic]) -> list[str]:
    if not topics:
        return []
    current = await _configs(admin, topics)
    changed = [topic for topic in topics if not topic.config.items() <= current[topic.name].items()]
    if changed:
        await admin.alter_configs([_resource(topic, topic.config) for topic in changed])
    return [topic.name for topic in changed]


async def _configs(admin: AIOKafkaAdminClient, topics: list[Topic]) -> dict[str, dict[str, str]]:
    answers = await admin.describe_configs([_resource(topic, None) for topic in topics])
    return {
        name: {entry[0]: entry[1] for entry in entries}
        for answer in answers
        for _, _, _, name, entries in answer.resources
    }


def _resource(topic: Topic, config: dict[str, str] | None) -> ConfigResource:
    return ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=config)


def main() -> None:
    """Apply the topics to the cluster that the environment names."""
    changes = asyncio.run(
        apply_topics(
            os.environ.get("MILEPOST_KAFKA", "127.0.0.1:9092"),
            int(os.environ.get("MILEPOST_PARTITIONS", DEFAULT_PARTITIONS)),
            int(os.environ.get("MILEPOST_REPLICATION", "1")),
        )
    )
    sys.stdout.write(f"{changes}\n")


if __name__ == "__main__":
    main()
