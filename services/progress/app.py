"""Progress, put together: the one place that builds things."""

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from aiokafka.errors import KafkaError
from fastapi import APIRouter, FastAPI

from services.progress.api.doors import Desk
from services.progress.api.me import OwnDoors, me_router
from services.progress.api.operations import operations_router, statements_router
from services.progress.api.plans import explanations_router, plans_router, sent_router
from services.progress.completeness import SOURCES, Completeness
from services.progress.consumers import Consumers, hear_watermarks
from services.progress.contract import SERVICE
from services.progress.crossings import CrossingWatch
from services.progress.handlers.insights import InsightMeasures
from services.progress.handlers.sellers import OwnInsights, SellerDesk
from services.progress.pages.custom import custom_page_forms, custom_pages
from services.progress.pages.embedding import (
    EmbedTokens,
    embed_pages,
    embed_tokens_router,
    widget_script_router,
)
from services.progress.pages.portal import lead_pages, portal_pages
from services.progress.pages.seller import leaving_pages, question_pages, seller_pages
from services.progress.pages.statements import statement_pages
from services.progress.pages.supplier import supplier_pages
from services.progress.resolving import Resolver
from services.progress.settings import ProgressSettings
from services.progress.store import ledger
from shared.messaging.consumer import make_broker
from shared.messaging.dead_letter import dead_letter_router
from shared.messaging.offsets import Offsets
from shared.messaging.outbox import OutboxRelay, outbox_router
from shared.messaging.producer import Publisher
from shared.messaging.watermark import WatermarkTracker, vouch_for_the_silent
from shared.postgres.pool import Pool, create_pool
from shared.web.app import Check, cancel, create_app, start_patiently
from shared.web.pages.rendering import Pages

HERE: Final = Path(__file__).parent
STUCK_AFTER_S: Final = 10.0
LAST_WORD_S: Final = 3.0
COLLECT_AFTER: Final = (2_000_000, 10, 10)
"""More than the objects of all batches on their way: those come and go without any collection."""


class NotReadyError(Exception):
    """A part of the service does not work yet, or not now."""


class Progress:
    """The parts of the service, and their life from start to stop."""

    def __init__(self, settings: ProgressSettings, pool: Pool) -> None:
        self._pool = pool
        self._clock = settings.clock()
        client_id = f"milepost-{SERVICE}"
        self._publisher = Publisher(settings.kafka, client_id=client_id)
        self._offsets = Offsets(settings.kafka, client_id=client_id)
        self._tracker = WatermarkTracker(tuple(SOURCES))
        self._completeness = Completeness(pool, self._tracker, self._offsets)
        self._broker = make_broker(settings.kafka, client_id=client_id)
        self._consumers = Consumers(self._broker, pool, self._clock, settings)
        self._watermarks = hear_watermarks(self._broker, self._completeness)
        self._desk = Desk(pool, self._clock, settings.zone, self._completeness)
        self._selling = SellerDesk(
            pool, self._clock, settings.zone, InsightMeasures(settings.insight_rules)
        )
        self._own = OwnDoors(OwnInsights(self._selling), self._completeness)
        self._resolver = Resolver(pool, settings)
        self._relay = OutboxRelay(pool, self._publisher, service=SERVICE)
        self._crossings = CrossingWatch(
            pool,
            self._clock,
            settings.zone,
            settings.patience,
            pause_s=settings.goal_look_every_s,
            on_told=self._relay.wake,
        )
        self._tasks: list[asyncio.Task[None]] = []

    def routers(self) -> list[APIRouter]:
        """The doors of the service."""
        return [
            plans_router(self._desk),
            explanations_router(self._desk),
            sent_router(self._desk),
            statements_router(self._desk, self._selling),
            me_router(self._own),
            operations_router(self._desk),
            dead_letter_router(self._pool, self._publisher, self._clock),
            outbox_router(self._pool),
        ]

    def page_routers(self, pages: Pages, settings: ProgressSettings) -> list[APIRouter]:
        """What people see."""
        desk, tokens = self._desk, EmbedTokens(settings.session_keys)
        return [
            supplier_pages(desk, pages),
            custom_pages(desk, pages),
            custom_page_forms(desk, pages),
            portal_pages(desk, pages),
            statement_pages(desk, pages),
            lead_pages(desk, pages, settings.ingest_url),
            seller_pages(pages, self._own),
            leaving_pages(pages, settings.plans_url),
            question_pages(pages),
            embed_tokens_router(desk, tokens),
            embed_pages(desk, pages, tokens, settings.embedding_origins),
        ]

    def checks(self) -> dict[str, Check]:
        """What readiness looks at."""
        return {
            "database": self._database_answers,
            "kafka": self._topics_are_heard,
            "ledger": self._batches_go_in,
            "participants": self._participants_are_resolved,
        }

    async def _database_answers(self) -> None:
        async with self._pool.acquire() as connection:
            await ledger.find_positions(connection)

    async def _topics_are_heard(self) -> None:
        await self._publisher.ping()
        for subscription in self._consumers.subscriptions:
            if not subscription.assigned:
                raise NotReadyError(f"nothing is assigned of {', '.join(subscription.topics)}")

    async def _batches_go_in(self) -> None:
        for lane in self._consumers.lanes:
            since = lane.paused_since
            if since is not None and time.monotonic() - since > STUCK_AFTER_S:
                raise NotReadyError("batches wait for the database")

    async def _participants_are_resolved(self) -> None:
        since = self._resolver.failing_since
        if since is not None and time.monotonic() - since > STUCK_AFTER_S:
            raise NotReadyError("the plans service does not say who takes part")

    async def start(self) -> None:
        """Begin to work; what is away is waited for in the background."""
        self._tasks = [
            *(asyncio.create_task(lane.run()) for lane in self._consumers.lanes),
            asyncio.create_task(start_patiently("kafka", self._broker.start)),
            asyncio.create_task(self._resolver.run()),
            asyncio.create_task(self._crossings.run()),
            asyncio.create_task(self._relay.run()),
            asyncio.create_task(
                vouch_for_the_silent(self._tracker, self._clock, self._completeness.ends)
            ),
        ]

    async def stop(self) -> None:
        """Let what is in flight end or roll back, and leave."""
        await cancel(self._tasks)
        with contextlib.suppress(KafkaError, OSError):
            for subscription in self._consumers.subscriptions:
                await subscription.stop()
            await self._broker.stop()
        await self._offsets.stop()
        await self._publisher.stop()
        await self._resolver.close()


def build(settings: ProgressSettings) -> FastAPI:
    """The application; it begins to work when it is served."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        url = settings.database_url.get_secret_value()
        pool = await create_pool(url, size=settings.database_pool)
        progress = Progress(settings, pool)
        for router in [*progress.routers(), *progress.page_routers(pages, settings)]:
            app.include_router(router)
        app.state.checks.update(progress.checks())
        calm_collector()
        await progress.start()
        try:
            yield
        finally:
            await progress.stop()
            await _close(pool)

    pages = Pages(
        settings,
        settings.clock(),
        site="portal",
        templates=[HERE / "templates"],
        static=[HERE / "static"],
    )
    # Before the other static files, which go by names that change.
    app = create_app(SERVICE, settings, lifespan=lifespan, routers=[widget_script_router()])
    pages.install(app)
    return app


def calm_collector() -> None:
    """Large batches of small objects would make the cyclic collector run all the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


async def _close(pool: Pool) -> None:
    try:
        await asyncio.wait_for(pool.close(), LAST_WORD_S)
    except TimeoutError:
        pool.terminate()
