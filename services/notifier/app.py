"""The notifier, put together: the one place that builds things."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog
from aiokafka.errors import KafkaError
from fastapi import APIRouter, FastAPI
from faststream.kafka import KafkaBroker

from services.notifier import store
from services.notifier.api import log_router
from services.notifier.consumers import GROUP, on_ticks, to_dead_letters
from services.notifier.contract import CONSUMES
from services.notifier.handlers import DoubtRules
from services.notifier.look.api import LookDesk, look_router
from services.notifier.look.book import LookBook
from services.notifier.look.pages import Samples, look_pages, sample_pages
from services.notifier.look.trying import SampleSender
from services.notifier.mail.archive import Archive, FolderArchive, NoArchive
from services.notifier.mail.letter import LetterWriter
from services.notifier.mail.smtp import MailConnection, MailServer
from services.notifier.pages import unsubscribe_router
from services.notifier.people import people_router
from services.notifier.preferences import preferences_router
from services.notifier.returns.api import returns_router
from services.notifier.returns.intake import ReturnsFolder
from services.notifier.schedule import Keeper, KeeperParts, Planner
from services.notifier.sellers.finishing import Finisher
from services.notifier.sellers.pages import participation_router
from services.notifier.sender import Sender, SenderParts
from services.notifier.service_calls import ServiceCalls
from services.notifier.settings import NotifierSettings
from services.notifier.statements import Statements
from services.notifier.webhooks.api import webhook_router, webhooks_router
from services.notifier.webhooks.calling import CallerParts, WebhookCaller
from services.notifier.webhooks.post import Poster
from shared.kernel.clock import Clock
from shared.kernel.ids import new_id
from shared.messaging.consumer import Subscription, make_broker
from shared.messaging.dead_letter import dead_letter_router
from shared.messaging.outbox import OutboxRelay, outbox_router
from shared.messaging.producer import Publisher
from shared.postgres.pool import Pool, create_pool
from shared.web.app import Check, cancel, create_app, start_patiently
from shared.web.pages.rendering import Pages

NAME: Final = "notifier"
HERE: Final = Path(__file__).parent
PLANNERS: Final = 2
"""One asks while the other writes down what it was answered."""
LAST_MAILS_S: Final = 12.0
LAST_WORD_S: Final = 3.0
_log = structlog.get_logger(__name__)


class NotReadyError(Exception):
    """A part of the service does not work yet, or not now."""


class Notifier:
    """The parts of the service, and their life from start to stop."""

    def __init__(self, settings: NotifierSettings, pool: Pool) -> None:
        clock, self._worker = settings.clock(), new_id()
        self._pool, self._clock = pool, clock
        self._return_path = settings.return_path
        self._returns = _returns_folder(settings, pool, clock)
        self._publisher = Publisher(settings.kafka, client_id=f"milepost-{NAME}")
        self._relay = OutboxRelay(pool, self._publisher, service=NAME)
        self._mail_server = MailServer(settings)
        self._looks = LookBook(settings)
        self._letters = LetterWriter(settings, self._looks)
        self._look_desk = LookDesk(pool, clock, self._looks, settings.mail_domain)
        self._statements = Statements(settings)
        self._calls, self._plans_url = ServiceCalls(settings), settings.plans_url.rstrip("/")
        self._finisher = Finisher(pool, clock, self._calls, settings.progress_url)
        self._sender = Sender(self._sender_parts(settings))
        self._planners = [
            Planner(
                pool,
                clock,
                self._worker,
                self._statements,
                domain=settings.mail_domain,
                on_planned=self._on_change,
            )
            for _ in range(PLANNERS)
        ]
        self._keeper = Keeper(self._keeper_parts(settings))
        self._poster = Poster(
            is_local=settings.environment == "local", timeout_s=settings.webhook_timeout_s
        )
        self._caller = WebhookCaller(self._caller_parts(settings))
        self._broker = make_broker(settings.kafka, client_id=f"milepost-{NAME}")
        self._ticks = self._subscribe(self._broker)
        self._tasks: list[asyncio.Task[None]] = []
        self._sending: asyncio.Task[None] | None = None

    def _sender_parts(self, settings: NotifierSettings) -> SenderParts:
        connections = [
            MailConnection(self._mail_server, settings) for _ in range(settings.smtp_connections)
        ]
        return SenderParts(
            pool=self._pool,
            clock=self._clock,
            worker=self._worker,
            server=self._mail_server,
            connections=connections,
            write_letter=self._letters.write,
            looks=self._looks,
            backoff=settings.backoff,
            on_recorded=self._relay.wake,
            pacing=settings.pacing,
        )

    def _keeper_parts(self, settings: NotifierSettings) -> KeeperParts:
        return KeeperParts(
            pool=self._pool,
            clock=self._clock,
            worker=self._worker,
            archive=_archive(settings),
            rules=_rules(settings),
            lease=timedelta(seconds=settings.worker_lease_s),
            on_freed=self._on_change,
        )

    def _caller_parts(self, settings: NotifierSettings) -> CallerParts:
        return CallerParts(
            pool=self._pool,
            clock=self._clock,
            worker=self._worker,
            poster=self._poster,
            backoff=settings.webhook_backoff,
        )

    def _subscribe(self, broker: KafkaBroker) -> Subscription:
        handler = on_ticks(self._pool, self._clock, on_new=self._wake_planners)
        poison = to_dead_letters(self._pool, self._clock)
        return Subscription(broker, list(CONSUMES), group=GROUP, handler=handler, poison=poison)

    def _wake_planners(self) -> None:
        for planner in self._planners:
            planner.wake()

    def _on_change(self) -> None:
        self._sender.wake()
        self._relay.wake()

    def routers(self) -> list[APIRouter]:
        """The doors of the service."""
        return [
            log_router(self._pool, self._clock, self._sender),
            unsubscribe_router(self._pool, self._clock),
            preferences_router(self._pool, self._clock),
            participation_router(self._pool, self._calls, self._plans_url),
            returns_router(self._pool, self._clock, self._return_path),
            people_router(self._pool),
            look_router(self._look_desk),
            webhooks_router(self._pool, self._clock, self._poster),
            webhook_router(self._pool),
            dead_letter_router(self._pool, self._publisher, self._clock),
            outbox_router(self._pool),
        ]

    def page_routers(self, pages: Pages, settings: NotifierSettings) -> list[APIRouter]:
        """What administrators see."""
        sender = SampleSender(
            self._pool,
            self._clock,
            self._looks,
            self._letters,
            lambda: MailConnection(self._mail_server, settings),
        )
        samples = Samples(self._look_desk, self._letters)
        return [
            look_pages(pages, self._look_desk),
            sample_pages(pages, samples, sender, settings.mail_domain),
        ]

    def checks(self) -> dict[str, Check]:
        """What readiness looks at."""
        return {
            "database": self._database_answers,
            "kafka": self._ticks_are_heard,
            "mail": self._mail_server.check,
            "work": self._everything_runs,
        }

    async def _database_answers(self) -> None:
        await store.ping(self._pool)

    async def _ticks_are_heard(self) -> None:
        await self._publisher.ping()
        if not self._ticks.assigned:
            raise NotReadyError("no partition of the ticks topic is assigned")

    async def _everything_runs(self) -> None:
        for task in [*self._tasks, self._sending]:
            if task is not None and task.done() and (task.cancelled() or task.exception()):
                raise NotReadyError("a part of the work has ended; the log says why")

    async def start(self) -> None:
        """Begin to work; what is away is waited for in the background."""
        self._tasks = [
            asyncio.create_task(self._keeper.run()),
            asyncio.create_task(self._relay.run()),
            asyncio.create_task(start_patiently("kafka", self._broker.start)),
            *(asyncio.create_task(planner.run()) for planner in self._planners),
            asyncio.create_task(self._finisher.run()),
            asyncio.create_task(self._caller.run()),
            *([asyncio.create_task(self._returns.run())] if self._returns else []),
        ]
        self._sending = asyncio.create_task(self._sender.run())

    async def stop(self) -> None:
        """Finish the mails in DATA, give back the rest, and leave."""
        with contextlib.suppress(KafkaError, OSError):
            await self._ticks.stop()
            await self._broker.stop()
        await self._sender.stop()
        if self._sending is not None:
            await asyncio.wait([self._sending], timeout=LAST_MAILS_S)
            await cancel([self._sending])
        await cancel(self._tasks)
        await self._caller.stop()
        await self._sign_off()
        await self._statements.close()
        await self._calls.close()
        await self._poster.close()
        await self._publisher.stop()

    async def _sign_off(self) -> None:
        """Without it the others would wait for the lease to end."""
        try:
            async with asyncio.timeout(LAST_WORD_S), self._pool.acquire() as connection:
                await store.sign_off(connection, self._worker)
        except Exception as failure:  # noqa: BLE001 - the lease ends by itself
            _log.warning("not_signed_off", error=repr(failure))


def _archive(settings: NotifierSettings) -> Archive:
    return FolderArchive(settings.mail_archive) if settings.mail_archive else NoArchive()


def _returns_folder(settings: NotifierSettings, pool: Pool, clock: Clock) -> ReturnsFolder | None:
    folder = settings.mail_returns_folder
    return ReturnsFolder(folder, pool, clock, settings.return_path) if folder else None


def _rules(settings: NotifierSettings) -> DoubtRules:
    return DoubtRules(
        policy=settings.mail_unknown_policy,
        settle_time=timedelta(seconds=settings.mail_archive_settle_s),
        wait=timedelta(minutes=settings.mail_unknown_wait_minutes),
    )


def build(settings: NotifierSettings) -> FastAPI:
    """The application; it begins to work when it is served."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        url = settings.database_url.get_secret_value()
        pool = await create_pool(url, size=settings.database_pool)
        notifier = Notifier(settings, pool)
        for router in [*notifier.routers(), *notifier.page_routers(pages, settings)]:
            app.include_router(router)
        app.state.checks.update(notifier.checks())
        await notifier.start()
        try:
            yield
        finally:
            await notifier.stop()
            await _close(pool)

    pages = Pages(
        settings,
        settings.clock(),
        site="mails",
        templates=[HERE / "templates"],
        static=[HERE / "static"],
    )
    app = create_app(NAME, settings, lifespan=lifespan)
    pages.install(app)
    return app


async def _close(pool: Pool) -> None:
    try:
        await asyncio.wait_for(pool.close(), LAST_WORD_S)
    except TimeoutError:
        pool.terminate()
