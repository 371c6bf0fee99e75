"""How far the outbox has been relayed."""

from services.plans.store import SQL
from shared.postgres.pool import Connection


async def last_message(connection: Connection) -> int:
    """The number of the last message in the outbox; 0 when it is empty."""
    found: int = await connection.fetchval(SQL["last_message"])
    return found


async def is_relayed(connection: Connection, last: int) -> bool:
    """Whether every message up to this one has been acknowledged by Kafka."""
    return bool(await connection.fetchval(SQL["is_relayed"], last))
