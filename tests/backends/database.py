"""Databases of their own for store tests: copies of one that was migrated once."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import asyncpg

from deploy.migrate import SERVICES, migrate
from tests.backends.base import PostgresServer, run

TEMPLATE = "milepost_template"
PASSWORD = "service"


@dataclass(frozen=True)
class Database:
    """A migrated database that nobody else uses."""

    server: PostgresServer
    name: str

    @property
    def admin_url(self) -> str:
        """Its address for the superuser."""
        return self.server.url(self.name)

    def url(self, service: str) -> str:
        """Its address for a service, with that service's rights and nothing more."""
        return self.server.url(self.name, f"milepost_{service}", PASSWORD)


class Databases:
    """Makes databases on a server, each in a fraction of a second."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._numbers = itertools.count(1)
        run(lambda: migrate(server.url(TEMPLATE), dict.fromkeys(SERVICES, PASSWORD)))

    @contextmanager
    def fresh(self) -> Iterator[Database]:
        """A migrated database; it is dropped afterwards, whoever is still connected."""
        name = f"milepost_{next(self._numbers)}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"')
        try:
            yield Database(self._server, name)
        finally:
            self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        async def work() -> None:
            connection = await asyncpg.connect(self._server.url("postgres"))
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        run(work)
