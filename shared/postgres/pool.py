"""The connection pool of a service, and which failures are worth another try."""

import json
from functools import partial
from typing import TypeAlias

import asyncpg

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
)


JSONB_VERSION = b"\x01"
"""What the binary form of jsonb begins with."""


async def create_pool(url: str, *, size: int = 10, statement_timeout_s: int = 120) -> Pool:
    """A pool whose connections read and write JSON as Python values and answer in time.

    It connects lazily, so that a service starts, and says so in readiness, without a database.
    """
    return await asyncpg.create_pool(
        url,
        min_size=0,
        max_size=size,
        init=_initialize,
        timeout=10,
        command_timeout=statement_timeout_s,
        server_settings={
            "statement_timeout": f"{statement_timeout_s}s",
            "idle_in_transaction_session_timeout": f"{statement_timeout_s}s",
        },
    )


async def _initialize(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """JSON as Python values; in the binary form, since COPY knows no other."""
    for name, mark in (("json", b""), ("jsonb", JSONB_VERSION)):
        await connection.set_type_codec(
            name,
            encoder=partial(_encode, mark),
            decoder=partial(_decode, mark),
            schema="pg_catalog",
            format="binary",
        )


def _encode(mark: bytes, value: object) -> bytes:
    return mark + json.dumps(value).encode()


def _decode(mark: bytes, raw: bytes) -> object:
    return json.loads(raw[len(mark) :])


def is_transient(failure: BaseException) -> bool:
    """Whether the same work may succeed later: lost connections, deadlocks, a full server."""
    if isinstance(failure, ValueError):  # asyncpg's DataError is an InterfaceError too
        return False
    return isinstance(
        failure,
        (
            OSError,
            TimeoutError,
            asyncpg.InterfaceError,
            asyncpg.PostgresConnectionError,
            asyncpg.InsufficientResourcesError,
            asyncpg.OperatorInterventionError,
            asyncpg.TransactionRollbackError,
            asyncpg.LockNotAvailableError,
            asyncpg.CannotConnectNowError,
            asyncpg.TooManyConnectionsError,
        ),
    )
