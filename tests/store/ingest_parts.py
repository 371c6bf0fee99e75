"""Ingest's doors over a real database, and a Kafka that keeps what it is given or is away."""

import csv
import io
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
from pydantic import SecretStr

from services.ingest.api.events import event_router
from services.ingest.api.leads import lead_router
from services.ingest.api.sources import source_router
from services.ingest.api.uploads import upload_router
from services.ingest.app import OWN_LIMITS
from services.ingest.handlers.admission import Admission
from services.ingest.handlers.kafka import Entry, Kafka
from services.ingest.handlers.sources import Source, SourceDesk
from services.ingest.handlers.uploads import UploadProcessor
from services.ingest.schedule import UploadWorker
from services.ingest.settings import MEBIBYTE, IngestSettings
from shared.events.envelope import from_headers
from shared.kernel.clock import FixedClock
from shared.messaging.message import Position
from shared.messaging.producer import PublishFailedError
from shared.messaging.watermark import InFlight
from shared.postgres.pool import Pool
from shared.web.app import create_app
from shared.web.auth import Principal

NOW = datetime(2026, 3, 1, 8, 0, 30, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
Data = dict[str, Any]


class KeptKafka:
    """Stands for the publisher: keeps what is published, or is away."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.away = False
        self.fails_after: int | None = None
        """How many more entries are acknowledged before it goes away."""
        self.positions: dict[tuple[str, int], int] = {}

    async def publish_entries(self, entries: Iterable[Entry]) -> list[Position]:
        given = list(entries)
        if self.fails_after is not None:
            self.away = len(given) > self.fails_after
            self.fails_after -= len(given)
        if self.away:
            raise PublishFailedError("away")
        self.entries += given
        return []

    async def ping(self) -> None:
        if self.away:
            raise PublishFailedError("away")

    @property
    def events(self) -> list[tuple[str, Data]]:
        """Type and data of everything published."""
        return [
            (from_headers(headers).type, json.loads(value or b"{}"))
            for _, _, value, headers in self.entries
        ]

    def of(self, record: str, what: str = "recorded") -> list[Data]:
        """The data of the events of one type."""
        return [data for kind, data in self.events if kind == f"milepost.{record}.{what}.v1"]


class Ingest:
    """The doors and the worker of one ingest service."""

    def __init__(
        self,
        pool: "Pool | None",
        *,
        time_zone: str = "UTC",
        sources: Mapping[str, Source] | None = None,
        **settings: Any,
    ) -> None:
        self.settings = IngestSettings(
            environment="local",
            database_url=SecretStr("postgresql://nowhere"),
            oidc_issuer="tests",
            oidc_jwks="nowhere",
            time_zone=time_zone,
            **settings,
        )
        self.clock = FixedClock(NOW)
        self.published = KeptKafka()
        in_flight = InFlight(self.clock)
        self.kafka = Kafka(self.published, in_flight, timeout_s=self.settings.publish_timeout_s)  # type: ignore[arg-type]
        zone, limits = self.settings.zone, self.settings
        admission = Admission(limits.max_requests, limits.max_bytes_in_flight)
        routers = [
            event_router(self.kafka, admission, zone, limits.max_body),
            lead_router(self.kafka, self.clock, zone),
            source_router(
                SourceDesk(self.kafka, pool, self.clock, zone),  # type: ignore[arg-type] # no pool, no dead letters
                sources or {},
                admission,
                self.clock,
                max_body=limits.max_body,
                public_url=limits.public_url,
            ),
        ]
        if pool is not None:
            self.pool = pool
            self.processor = UploadProcessor(pool, self.kafka, self.clock, zone)
            self.worker = UploadWorker(pool, self.processor, self.clock)
            files = Admission(limits.max_uploads, 1024 * MEBIBYTE)
            routers.append(
                upload_router(
                    pool,
                    files,
                    self.clock,
                    zone,
                    max_upload=limits.max_upload,
                    on_received=self.worker.wake,
                )
            )
        self.app = create_app(
            "ingest",
            self.settings,
            lifespan=None,  # type: ignore[arg-type] # nothing runs behind these doors
            routers=routers,
            own_limits=OWN_LIMITS,
        )
        self.app.state.authenticator = TokenIsRole()

    @asynccontextmanager
    async def client(self, role: str = "source") -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        bearer = {"Authorization": f"Bearer {role}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://ingest.test", headers=bearer
        ) as client:
            yield client

    # --- uploads --------------------------------------------------------------------------------

    async def send(
        self, record: str, content: bytes | str, mode: str = "append", **headers: str
    ) -> httpx.Response:
        """Upload a file."""
        body = content.encode() if isinstance(content, str) else content
        async with self.client() as client:
            return await client.post(
                f"/v1/uploads/{record}",
                params={"mode": mode},
                content=body,
                headers={"Content-Type": "text/csv", **headers},
            )

    async def deal_with(self, record: str) -> None:
        """Deal with all waiting files of a record, as the worker does."""
        await self.worker._deal_with(record)

    async def upload(self, record: str, content: bytes | str, mode: str = "append") -> Data:
        """Upload a file, deal with it, and give what is told of it."""
        answer = await self.send(record, content, mode)
        assert answer.status_code == 202, answer.text
        await self.deal_with(record)
        return await self.told(answer.json()["upload_id"])

    async def told(self, upload_id: str) -> Data:
        async with self.client() as client:
            answer = await client.get(f"/v1/uploads/{upload_id}")
            assert answer.status_code == 200, answer.text
            found: Data = answer.json()
            return found

    async def errors(self, told: Data) -> list[list[str]]:
        """The lines of an upload's error file."""
        async with self.client() as client:
            answer = await client.get(f"/v1/uploads/{told['upload_id']}/errors.csv")
            assert answer.headers["content-type"] == "text/csv; charset=utf-8"
            return list(csv.reader(io.StringIO(answer.text, newline="")))


class TokenIsRole:
    """Stands for the authenticator: a token `role` or `role:partner`."""

    async def authenticate(self, token: str) -> Principal:
        role, _, partner = token.partition(":")
        return Principal("tester", frozenset({role}), partner or None)
