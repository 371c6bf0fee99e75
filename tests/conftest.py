"""Real parts for the tests: Kafka, PostgreSQL and SMTP, and whole stacks of the four services.

`MILEPOST_TEST_BACKEND` says where Kafka and PostgreSQL come from: `docker` (testcontainers),
`embedded` (wheels, as in the local stack), or `auto`: docker where it can be used, else embedded.
Nothing starts before a test asks for it.
"""

import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from tests.backends.base import Backend, KafkaServer, PostgresServer
from tests.backends.containers import ContainerBackend, why_not
from tests.backends.database import Database, Databases
from tests.backends.embedded import EmbeddedBackend
from tests.backends.sink import SmtpSink
from tests.backends.stack import RunningStack

# How fast a machine is says nothing about an example.
settings.register_profile("milepost", deadline=None)
settings.load_profile("milepost")

BACKEND = pytest.StashKey[str]()
NEEDS = {"stack": "flow", "make_stack": "flow", "database": "store", "module_database": "store"}


def pytest_configure(config: pytest.Config) -> None:
    wanted = os.environ.get("MILEPOST_TEST_BACKEND", "auto")
    if wanted not in ("auto", "docker", "embedded"):
        raise pytest.UsageError(f"MILEPOST_TEST_BACKEND={wanted}: docker, embedded or auto")
    obstacle = None if wanted == "embedded" else why_not()
    if wanted == "docker" and obstacle:
        raise pytest.UsageError(f"MILEPOST_TEST_BACKEND=docker: {obstacle}")
    config.stash[BACKEND] = "embedded" if wanted == "embedded" or obstacle else "docker"
    config.stash[REASON] = obstacle or f"MILEPOST_TEST_BACKEND={wanted}"
    logging.getLogger("aiokafka").setLevel(logging.ERROR)


REASON = pytest.StashKey[str]()


def pytest_report_header(config: pytest.Config) -> str:
    sources = {"docker": "containers", "embedded": "wheels on this machine"}
    name = config.stash[BACKEND]
    return f"backend: {name}, Kafka and PostgreSQL from {sources[name]} ({config.stash[REASON]})"


MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
PLENTY = 8 << 30
FIRST = ("chaos", "local", "property")
LAST = ("browser",)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by what they need, so that `-m 'not flow'` leaves the slow ones out.

    The longest modules come first, after any shuffling, so that processes that share the modules
    out end together. Those in a browser come last: Playwright keeps an event loop running in the
    main thread for as long as its browser is open, and no other test could run its own.
    """
    items.sort(key=_turn)
    for item in items:
        for fixture, marker in NEEDS.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)


def _turn(item: pytest.Item) -> int:
    room = item.path.relative_to(Path(__file__).parent).parts[0]
    return 0 if room in FIRST else 2 if room in LAST else 1


@pytest.fixture(scope="session")
def server_folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Where servers and stacks of this run keep their data; kept on disk when something failed.

    Not pytest's own folder: each run that begins closes that to all other users, and PostgreSQL
    of a run under way, which is another user's where root runs it, would lose its files.
    In memory where there is plenty: a store test's database is 700 files, made five times as fast.
    """
    spacious = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= PLENTY
    folder = Path(tempfile.mkdtemp(prefix="milepost-test-", dir=MEMORY if spacious else None))
    yield folder
    if not request.session.testsfailed:
        shutil.rmtree(folder, ignore_errors=True)
    elif spacious:
        shutil.move(folder, tempfile.gettempdir())


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest, server_folder: Path) -> Backend:
    """Where Kafka and PostgreSQL come from in this run."""
    folder = server_folder / "servers"
    folder.mkdir()
    if request.config.stash[BACKEND] == "docker":
        return ContainerBackend(folder)
    return EmbeddedBackend(folder)


@pytest.fixture(scope="session")
def postgres(backend: Backend) -> Iterator[PostgresServer]:
    """A PostgreSQL server for all store tests of the run."""
    server = backend.postgres()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_url(postgres: PostgresServer) -> str:
    """The superuser's address of that server."""
    return postgres.url("postgres")


@pytest.fixture(scope="session")
def databases(postgres: PostgresServer) -> Databases:
    """Makes migrated databases on that server."""
    return Databases(postgres)


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    """A migrated database for one test."""
    with databases.fresh() as made:
        yield made


@pytest.fixture(scope="module")
def module_database(databases: Databases) -> Iterator[Database]:
    """A migrated database that the tests of a module share."""
    with databases.fresh() as made:
        yield made


@pytest.fixture(scope="session")
def kafka_server(backend: Backend) -> Iterator[KafkaServer]:
    """A Kafka node for all tests of the run that need one and no whole stack. It has no topics."""
    server = backend.kafka()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def kafka(kafka_server: KafkaServer) -> str:
    """The address of that node."""
    return kafka_server.bootstrap


@pytest.fixture
async def smtp_sink() -> AsyncIterator[SmtpSink]:
    """A mail server in the test's event loop."""
    sink = await SmtpSink().start()
    yield sink
    await sink.stop()


@pytest.fixture(scope="session")
def make_stack(backend: Backend, server_folder: Path) -> Iterator[Callable[..., RunningStack]]:
    """Makes whole stacks, each in a home of its own; they are stopped when the run ends.

    Takes settings as `MILEPOST_…` variables. A stack is made but not started.
    """
    with ExitStack() as closing:

        def make(**environment: str) -> RunningStack:
            home = Path(tempfile.mkdtemp(prefix="stack-", dir=server_folder))
            made = RunningStack(home, backend, environment)
            closing.callback(made.close)
            return made

        yield make


@pytest.fixture(scope="session")
def stack(make_stack: Callable[..., RunningStack]) -> RunningStack:
    """The stack that flow tests share: use names of your own, and move its clock forward only."""
    return make_stack().up()
