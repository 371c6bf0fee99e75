"""The plans service, put together: the one place that builds things."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import structlog
from aiokafka.errors import KafkaError
from fastapi import FastAPI

from services.plans.api import imports, participants, people, plans, seller_plans, strategies
from services.plans.api.refusals import install_refusals
from services.plans.consumers import Directory
from services.plans.contract import SERVICE
from services.plans.handlers.desk import Desk
from services.plans.handlers.seller_ticks import follow_settings_to_sellers
from services.plans.handlers.ticks import follow_settings
from services.plans.pages import bulk, console_routers
from services.plans.schedule import Completeness, keep_schedule
from services.plans.settings import PlansSettings
from services.plans.store import watermark
from shared.kernel.clock import MonotoneClock
from shared.kernel.ids import new_id
from shared.messaging.consumer import make_broker
from shared.messaging.dead_letter import dead_letter_router
from shared.messaging.offsets import Offsets
from shared.messaging.outbox import OutboxRelay, outbox_router
from shared.messaging.producer import Publisher
from shared.messaging.watermark import WatermarkPublisher
from shared.postgres.pool import Pool, create_pool
from shared.web.app import Check, cancel, create_app, start_patiently
from shared.web.pages.rendering import Pages

HERE: Final = Path(__file__).parent
CLIENT: Final = f"milepost-{SERVICE}"
LAST_WORD_S: Final = 3.0
DRAIN_EVERY_S: Final = 0.05
_log = structlog.get_logger(__name__)


class NotReadyError(Exception):
    """A part of the service does not work yet, or not now."""


class Plans:
    """The parts of the service, and their life from start to stop."""

    def __init__(self, settings: PlansSettings, pool: Pool) -> None:
        clock = settings.clock()
        self._pool = pool
        self.publisher = Publisher(settings.kafka, client_id=CLIENT)
        self._relay = OutboxRelay(pool, self.publisher, service=SERVICE)
        self._offsets = Offsets(settings.kafka, client_id=CLIENT)
        self._broker = make_broker(settings.kafka, client_id=CLIENT)
        self._directory = Directory(self._broker, pool, clock, self._offsets)
        self.desk = self._directory.desk = Desk(
            pool=pool,
            clock=clock,
            stamps=MonotoneClock(clock),
            zone=settings.zone,
            mail_hour=settings.mail_hour,
            new_id=new_id,
            wake=self._relay.wake,
            catch_up=self._directory.catch_up,
            catch_up_people=self._directory.catch_up_people,
            minimum_group_size=settings.minimum_group_size,
        )
        completeness = Completeness(
            self.desk, relays=lambda: self._relay.leads, ends=self._offsets.ends
        )
        self._watermark = WatermarkPublisher(
            self.publisher, source=SERVICE, bound=completeness.bound
        )
        self._doing: list[asyncio.Task[None]] = []
        self._telling: list[asyncio.Task[None]] = []

    def checks(self) -> dict[str, Check]:
        """What readiness looks at."""
        return {"database": self._database_answers, "kafka": self._kafka_answers}

    async def _database_answers(self) -> None:
        async with self._pool.acquire() as connection:
            await watermark.last_message(connection)

    async def _kafka_answers(self) -> None:
        await self.publisher.ping()
        if not self._directory.subscription.assigned:
            raise NotReadyError("no partition of the partners' topic is assigned")

    async def start(self) -> None:
        """Begin to work; what is away is waited for in the background."""
        self._telling = [
            asyncio.create_task(self._relay.run()),
            asyncio.create_task(self._watermark.run()),
        ]
        self._doing = [
            asyncio.create_task(start_patiently("kafka", self._broker.start)),
            asyncio.create_task(self._keep_schedule()),
        ]

    async def _keep_schedule(self) -> None:
        await start_patiently("database", lambda: follow_settings(self.desk))
        await start_patiently("database", lambda: follow_settings_to_sellers(self.desk))
        await keep_schedule(self.desk)

    async def stop(self) -> None:
        """Do nothing new, tell what has been done, and leave."""
        await cancel(self._doing)
        with contextlib.suppress(KafkaError, OSError):
            await self._directory.subscription.stop()
            await self._broker.stop()
        await self._tell_the_rest()
        await cancel(self._telling)
        await self._offsets.stop()
        await self.publisher.stop()

    async def _tell_the_rest(self) -> None:
        """Whatever is not told in time waits in the outbox for the next start."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORD_S):
                while self._relay.leads and await self._is_something_left():  # noqa: ASYNC110
                    await asyncio.sleep(DRAIN_EVERY_S)
                await self._watermark.close()

    async def _is_something_left(self) -> bool:
        try:
            async with self._pool.acquire() as connection:
                return await watermark.last_message(connection) > 0
        except Exception as failure:  # noqa: BLE001 - then nothing more can be told
            _log.warning("outbox_unreachable", error=repr(failure))
            return False


def build(settings: PlansSettings) -> FastAPI:
    """The application; it begins to work when it is served."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        url = settings.database_url.get_secret_value()
        pool = await create_pool(url, size=settings.database_pool)
        service = Plans(settings, pool)
        app.state.desk = service.desk
        app.state.checks.update(service.checks())
        app.include_router(dead_letter_router(pool, service.publisher, service.desk.clock))
        app.include_router(outbox_router(pool))
        await service.start()
        try:
            yield
        finally:
            await service.stop()
            await _close(pool)

    app = create_app(
        SERVICE,
        settings,
        lifespan=lifespan,
        routers=[
            strategies.router,
            plans.router,
            imports.router,
            seller_plans.router,
            participants.router,
            people.router,
        ],
        own_limits=(imports.PATH, bulk.UPLOAD, f"{seller_plans.PATH}/"),
    )
    install_refusals(app)
    pages = Pages(
        settings,
        settings.clock(),
        site="console",
        templates=[HERE / "templates"],
        static=[HERE / "static"],
    )
    pages.install(app)
    for router in console_routers(pages):
        app.include_router(router)
    return app


async def _close(pool: Pool) -> None:
    try:
        await asyncio.wait_for(pool.close(), LAST_WORD_S)
    except TimeoutError:
        pool.terminate()
