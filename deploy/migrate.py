"""`python -m deploy.migrate`: brings a database to what the services of this version need.

Makes the database, and for each service its roles, its schema and what its numbered SQL files say.
Settings: `MILEPOST_ADMIN_DATABASE_URL`; `MILEPOST_<SERVICE>_PASSWORD` sets the password of a
service's role. Forward only: a file that was applied must never change.
"""

import asyncio
import hashlib
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import urlsplit

import asyncpg

from shared.postgres.queries import Queries

SERVICES: Final = ("ingest", "plans", "progress", "notifier")
ROOT: Final = Path(__file__).resolve().parents[1] / "services"
SQL: Final = Queries(Path(__file__).with_name("sql") / "migrate.sql")
LOCK_TIMEOUT: Final = "30s"

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class MigrationError(Exception):
    """The database and the migration files disagree; nothing was changed."""


@dataclass(frozen=True)
class Migration:
    """One numbered SQL file of a service."""

    service: str
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


async def migrate(url: str, passwords: Mapping[str, str] | None = None) -> list[Migration]:
    """Bring a database up to date and give the migrations that were applied.

    Takes the address of the database with an administrator's role, and a password for each
    service's role where it is to be set. Raises MigrationError when an applied file was changed or
    has gone.
    """
    await _make_database(url)
    connection = await asyncpg.connect(url, timeout=30)
    try:
        await connection.execute(SQL["lock"])  # held until the connection ends
        return await _migrate_all(connection, passwords or {})
    finally:
        await connection.close()


async def _migrate_all(connection: Connection, passwords: Mapping[str, str]) -> list[Migration]:
    await connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    await connection.execute(SQL["make_journal"])
    database = await connection.fetchval("SELECT current_database()")
    await connection.execute(_fill("close_database", database=database))
    applied: list[Migration] = []
    for service in SERVICES:
        await _prepare_service(connection, service, passwords.get(service))
        await connection.execute(_fill("open_database", service, database=database))
        applied += await _apply(connection, service)
        await connection.execute(_fill("grant_rights", service))
    return applied


async def _make_database(url: str) -> None:
    database = urlsplit(url).path.lstrip("/")
    try:
        connection = await asyncpg.connect(url, timeout=30)
    except asyncpg.InvalidCatalogNameError:
        connection = await asyncpg.connect(url, database="postgres", timeout=30)
        try:
            await connection.execute(_fill("create_database", database=database))
        except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
            return  # another run was faster
        finally:
            await connection.close()
    else:
        await connection.close()


async def _prepare_service(connection: Connection, service: str, password: str | None) -> None:
    await connection.execute(_fill("create_roles", service))
    if not await connection.fetchval("SELECT usesuper FROM pg_user WHERE usename = current_user"):
        await connection.execute(_fill("let_admin_act_as_owner", service))
    if password:
        await connection.execute(_fill("set_password", service, password=password))
    await connection.execute(_fill("set_role_settings", service))
    if service == "progress":
        await connection.execute(_fill("set_progress_settings", service))
    await connection.execute(_fill("make_schema", service))


async def _apply(connection: Connection, service: str) -> list[Migration]:
    """Apply what is new, each file in one transaction, as the owner of the schema."""
    known = await connection.fetch(SQL["list_applied"], service)
    pending = find_pending(
        read_migrations(service), {row["name"]: row["checksum"] for row in known}
    )
    for migration in pending:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL ROLE {_quote(f'milepost_{service}_owner')}")
            await connection.execute(f"SET LOCAL search_path = {_quote(service)}")
            await connection.execute(migration.sql)
            await connection.execute("RESET ROLE")
            await connection.execute(SQL["write_down"], service, migration.name, migration.checksum)
    return pending


def read_migrations(service: str) -> list[Migration]:
    """The migration files of a service in their order."""
    files = sorted((ROOT / service / "migrations").glob("[0-9]*.sql"))
    return [Migration(service, file.stem, file.read_text()) for file in files]


def find_pending(files: Iterable[Migration], applied: Mapping[str, str]) -> list[Migration]:
    """The migrations that a database lacks, given the checksums of those it has.

    Raises MigrationError when one that was applied differs now, has gone, or would come after one
    with a higher number.
    """
    found = {migration.name: migration for migration in files}
    for name, checksum in applied.items():
        if name not in found:
            raise MigrationError(f"{name} was applied, but there is no such file")
        if found[name].checksum != checksum:
            raise MigrationError(f"{found[name].service}: {name} was changed after it was applied")
    pending = [migration for name, migration in found.items() if name not in applied]
    newest = max(applied, default="")
    for migration in pending:
        if migration.name < newest:
            raise MigrationError(f"{migration.name} comes too late: {newest} was applied already")
    return pending


def _fill(name: str, service: str = "", *, database: str = "", password: str | None = None) -> str:
    """A block with the names it is about. DDL takes no parameters, so they are quoted into it."""
    return SQL[name].format(
        schema=_quote(service),
        user=_quote(f"milepost_{service}"),
        owner=_quote(f"milepost_{service}_owner"),
        database=_quote(database),
        password=_literal(password or ""),
    )


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    if "\\" in text or "\0" in text:
        raise MigrationError("a password must not hold a backslash or a null byte")
    return "'" + text.replace("'", "''") + "'"


def main() -> None:
    """Migrate the database that the environment names."""
    url = os.environ.get("MILEPOST_ADMIN_DATABASE_URL")
    if not url:
        sys.exit("MILEPOST_ADMIN_DATABASE_URL is not set")
    passwords = {
        service: os.environ[variable]
        for service in SERVICES
        if (variable := f"MILEPOST_{service.upper()}_PASSWORD") in os.environ
    }
    try:
        applied = asyncio.run(migrate(url, passwords))
    except MigrationError as refused:
        sys.exit(f"error: {refused}")
    for migration in applied:
        sys.stdout.write(f"{migration.service}: {migration.name}\n")
    sys.stdout.write(f"{len(applied)} migrations applied\n")


if __name__ == "__main__":
    main()
