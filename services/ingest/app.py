"""Ingest, put together: the one place that builds things."""

import asyncio
import contextlib
import gc
import os
from collections.abc import AsyncIterator, Mapping
from typing import Final

from aiokafka.errors import KafkaError
from fastapi import APIRouter, FastAPI

from services.ingest import store
from services.ingest.api.events import event_router
from services.ingest.api.leads import lead_router
from services.ingest.api.sources import source_router
from services.ingest.api.uploads import upload_router
from services.ingest.consumers import Inbound, watch_lag
from services.ingest.handlers.admission import Admission
from services.ingest.handlers.kafka import Kafka
from services.ingest.handlers.sources import Source, SourceDesk, open_sources
from services.ingest.handlers.uploads import UploadProcessor
from services.ingest.schedule import UploadWorker
from services.ingest.settings import IngestSettings
from shared.messaging.consumer import make_broker
from shared.messaging.dead_letter import dead_letter_router
from shared.messaging.producer import Publisher
from shared.messaging.watermark import InFlight, WatermarkPublisher
from shared.postgres.pool import Pool, create_pool
from shared.web.app import Check, cancel, create_app, start_patiently
from shared.web.session import install_sessions

NAME: Final = "ingest"
OWN_LIMITS: Final = ("/v1/events", "/v1/uploads", "/v1/sources")
LAST_WORD_S: Final = 3.0
COLLECT_AFTER: Final = (50_000, 20, 50)
"""Python's collector looks after so many new objects; its own 700 is for smaller batches."""


class NotReadyError(Exception):
    """A part of the service does not work yet, or not now."""


class Ingest:
    """The parts of the service, and their life from start to stop."""

    def __init__(self, settings: IngestSettings, pool: Pool, sources: Mapping[str, Source]) -> None:
        clock, zone = settings.clock(), settings.zone
        self._settings, self._pool, self._clock, self._zone = settings, pool, clock, zone
        self._sources = sources
        client_id = f"milepost-{NAME}"
        self._publisher = Publisher(settings.kafka, client_id=client_id)
        self._kafka = Kafka(self._publisher, InFlight(clock), timeout_s=settings.publish_timeout_s)
        self._watermark = WatermarkPublisher(self._publisher, source=NAME, bound=self._kafka.bound)
        self._broker = make_broker(settings.kafka, client_id=client_id)
        self._inbound = Inbound(self._kafka, pool, clock, zone).subscribe(self._broker)
        self._uploads = UploadWorker(pool, UploadProcessor(pool, self._kafka, clock, zone), clock)
        self._tasks: list[asyncio.Task[None]] = []

    def routers(self) -> list[APIRouter]:
        """The doors of the service."""
        settings = self._settings
        events = Admission(settings.max_requests, settings.max_bytes_in_flight)
        # A source may prove itself after its body was read, so it takes nobody else's room.
        payloads = Admission(settings.max_requests, 2 * settings.max_body)
        files = Admission(settings.max_uploads, settings.max_upload * settings.max_uploads)
        return [
            event_router(self._kafka, events, self._zone, settings.max_body),
            lead_router(self._kafka, self._clock, self._zone),
            source_router(
                SourceDesk(self._kafka, self._pool, self._clock, self._zone),
                self._sources,
                payloads,
                self._clock,
                max_body=settings.max_body,
                public_url=settings.public_url,
            ),
            upload_router(
                self._pool,
                files,
                self._clock,
                self._zone,
                max_upload=settings.max_upload,
                on_received=self._uploads.wake,
            ),
            dead_letter_router(self._pool, self._publisher, self._clock),
        ]

    def checks(self) -> dict[str, Check]:
        """What readiness looks at."""
        return {
            "kafka": self._kafka.check,
            "database": self._database_answers,
            "inbound": self._inbound_is_heard,
        }

    async def _database_answers(self) -> None:
        await store.ping(self._pool)

    async def _inbound_is_heard(self) -> None:
        if not self._inbound.assigned:
            raise NotReadyError("no partition of the inbound topic is assigned")

    async def start(self) -> None:
        """Begin to work; what is away is waited for in the background."""
        self._tasks = [
            asyncio.create_task(self._kafka.watch()),
            asyncio.create_task(self._watermark.run()),
            asyncio.create_task(self._uploads.run()),
            asyncio.create_task(start_patiently("kafka", self._broker.start)),
            asyncio.create_task(watch_lag(self._inbound)),
        ]

    async def stop(self) -> None:
        """Finish what is under way, say the last word, and leave."""
        with contextlib.suppress(KafkaError, OSError):
            await self._inbound.stop()
            await self._broker.stop()
        await cancel(self._tasks)
        await self._kafka.finish()
        await self._watermark.close()
        await self._publisher.stop()


def build(settings: IngestSettings) -> FastAPI:
    """The application; it begins to work when it is served.

    Raises SourceFaultError for mappings and secrets that do not fit.
    """
    sources = open_sources(settings.sources, os.environ)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        gc.set_threshold(*COLLECT_AFTER)
        url = settings.database_url.get_secret_value()
        pool = await create_pool(url, size=settings.database_pool)
        ingest = Ingest(settings, pool, sources)
        for router in ingest.routers():
            app.include_router(router)
        app.state.checks.update(ingest.checks())
        await ingest.start()
        try:
            yield
        finally:
            await ingest.stop()
            await _close(pool)

    app = create_app(NAME, settings, lifespan=lifespan, own_limits=OWN_LIMITS)
    install_sessions(app, settings)  # the portal registers leads in its visitors' names
    return app


async def _close(pool: Pool) -> None:
    try:
        await asyncio.wait_for(pool.close(), LAST_WORD_S)
    except TimeoutError:
        pool.terminate()
