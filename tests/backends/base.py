"""What every backend gives, and running its coroutines from fixtures that are none."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")


class Server(Protocol):
    """A server that tests can end without warning and start again with its data."""

    def start(self) -> None: ...

    def kill(self) -> None: ...

    def stop(self) -> None: ...


class KafkaServer(Server, Protocol):
    bootstrap: str


class PostgresServer(Server, Protocol):
    def url(self, database: str, user: str = "postgres", password: str = "") -> str: ...


class Backend(Protocol):
    """Where Kafka and PostgreSQL come from."""

    name: str

    def kafka(self) -> KafkaServer:
        """A Kafka node of its own, started."""
        ...

    def postgres(self) -> PostgresServer:
        """A PostgreSQL server of its own, started."""
        ...


def run(work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Run a coroutine in a thread of its own: pytest-asyncio's loops stay as they are."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(work())).result()
