"""Sources: the mappings that are open, and what becomes of a payload."""

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from services.ingest.domain.cloud_event import Event
from services.ingest.domain.graph_content import read_key, with_content
from services.ingest.domain.intake import SINGLE
from services.ingest.domain.mapped import Judged, judge_items
from services.ingest.domain.mapping import MappingFaultError, SourceMapping, read_mapping
from services.ingest.handlers.events import Outcome, count
from services.ingest.handlers.kafka import Kafka
from shared.kernel.clock import Clock
from shared.messaging import dead_letter, topics
from shared.messaging.message import Record
from shared.postgres.pool import Pool

ITEMS_AT_A_TIME: Final = 20
"""After so many items others get their turn: a few milliseconds."""
SHORTEST_SECRET: Final = 16
NO_PARTITION: Final = -1
"""A dead letter of a source was never in the topic that it would be replayed to."""
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VARIABLE = re.compile(r"MILEPOST_SOURCE_(.+)_(SECRET|KEY)(_FILE)?")


class SourceFaultError(Exception):
    """Mappings or secrets that do not fit; says which file or variable, and what is wrong."""


@dataclass(frozen=True)
class Source:
    """A mapping whose door is open, the secret that opens it, and the key of what is encrypted."""

    mapping: SourceMapping
    secret: str = field(repr=False)
    key: RSAPrivateKey | None = field(default=None, repr=False)


def read_mappings(folder: Path) -> dict[str, SourceMapping]:
    """Name → mapping, of all files of a folder.

    Raises SourceFaultError with all that is wrong in any of them.
    """
    if not folder.is_dir():
        raise SourceFaultError(f"MILEPOST_SOURCES: there is no folder {folder}")
    found, faults = {}, []
    for path in sorted(folder.glob("*.yaml")):
        try:
            found[path.stem] = load_mapping(path)
        except MappingFaultError as failure:
            faults.append(str(failure))
    if faults:
        raise SourceFaultError("\n".join(faults))
    return found


def load_mapping(path: Path) -> SourceMapping:
    """The mapping in a file. Raises MappingFaultError."""
    if not _NAME.fullmatch(path.stem):
        fault = "a mapping's file is named in small letters, digits and hyphens"
        raise MappingFaultError(path.stem, [("", fault)])
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as failure:
        raise MappingFaultError(path.stem, [("", f"cannot be read: {failure}")]) from None
    return read_mapping(path.stem, text)


def open_sources(folder: Path | None, environment: Mapping[str, str]) -> dict[str, Source]:
    """The sources whose secrets are set; a mapping without one has no door.

    Raises SourceFaultError for faulty mappings, and for secrets that are too short or nobody's.
    """
    mappings = read_mappings(folder) if folder else {}
    names = {name.upper().replace("-", "_"): name for name in mappings}
    secrets: dict[str, str] = {}
    keys: dict[str, RSAPrivateKey] = {}
    for variable in sorted(environment):
        matched = _VARIABLE.fullmatch(variable)
        if not matched:
            continue
        name = names.get(matched[1])
        if name is None:
            raise SourceFaultError(f"{variable}: there is no mapping of that name")
        value = _value(variable, environment[variable], in_file=bool(matched[3]))
        if matched[2] == "KEY":
            keys[name] = _key(variable, value)
        elif len(value) < SHORTEST_SECRET:
            raise SourceFaultError(f"{variable}: has fewer than {SHORTEST_SECRET} characters")
        else:
            secrets[name] = value
    if lonely := sorted(set(keys) - set(secrets)):
        raise SourceFaultError(f"{lonely[0]} has a key and no secret")
    return {name: Source(mappings[name], secrets[name], keys.get(name)) for name in secrets}


def _value(variable: str, given: str, *, in_file: bool) -> str:
    try:
        return (Path(given).read_text() if in_file else given).strip()
    except (OSError, UnicodeDecodeError) as failure:
        raise SourceFaultError(f"{variable}: {type(failure).__name__}") from None


def _key(variable: str, pem: str) -> RSAPrivateKey:
    try:
        return read_key(pem.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SourceFaultError(f"{variable}: is no RSA private key in PEM") from None


@dataclass
class MappedPayload:
    """What became of a payload."""

    outcome: Outcome = field(default_factory=Outcome)
    broken: list[Judged] = field(default_factory=list)
    ignored: int = 0


class SourceDesk:
    """Takes payloads of sources: maps, publishes, and keeps what cannot be published."""

    def __init__(self, kafka: Kafka, pool: Pool, clock: Clock, zone: ZoneInfo) -> None:
        self._kafka = kafka
        self._pool = pool
        self._clock = clock
        self._zone = zone

    async def receive(self, source: Source, payload: Any) -> MappedPayload:
        """Publish what a payload tells; returns when it is safe, broken items as dead letters.

        Raises PayloadFaultError where there is no list of items, ContentFaultError, KafkaAwayError
        and what the database's driver raises; the same payload may be sent again after any of them.
        """
        opened = with_content(payload, source.key) if source.key else payload
        found = await self._map(source.mapping, opened)
        await self._kafka.accept_events(found.outcome.accepted)
        await self._keep(found.broken)
        count("source", found.outcome)
        return found

    async def _map(self, mapping: SourceMapping, payload: Any) -> MappedPayload:
        found = MappedPayload()
        items = judge_items(mapping, payload, self._clock.now(), self._zone)
        for at, item in enumerate(items, 1):
            found.ignored += not item
            for judged in item:
                if isinstance(judged.result, Event):
                    found.outcome.accepted.append(judged.result)
                else:
                    found.outcome.rejected.append((judged.index, judged.result))
                    found.broken.append(judged)
            if at % ITEMS_AT_A_TIME == 0:
                await asyncio.sleep(0)
        return found

    async def _keep(self, broken: Sequence[Judged]) -> None:
        """As dead letters of the inbound topic: mended and replayed they come in there.

        They hold what the mapping made, never the payload, which may say more than is kept here.
        """
        if not broken:
            return
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            for judged in broken:
                event = judged.event
                await dead_letter.put(
                    connection,
                    _letter(event),
                    judged.errors,
                    now,
                    event_id=event["id"],
                    event_type=event["type"],
                )


def _letter(event: dict[str, Any]) -> Record:
    value = orjson.dumps(event, default=str, option=orjson.OPT_SORT_KEYS)
    # What a vendor sends again is the same letter again.
    number = int.from_bytes(hashlib.sha256(value).digest()[:8]) >> 1
    headers = (("content-type", SINGLE.encode()),)
    return Record(topics.INBOUND, NO_PARTITION, number, None, value, headers, 0)
