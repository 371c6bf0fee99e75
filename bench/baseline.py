"""The baseline that the ratio is measured against: one transaction per event.

`python -m bench.baseline BOOTSTRAP DATABASE START SECONDS` reads the same topic with the same
client from its beginning, with everything in its favour that one transaction per event leaves:
prepared statements, a connection of its own, offsets in the same transaction and no commits to
Kafka. It prints how many events it brought into its tables, and in how many seconds.
"""

import asyncio
import sys
import time
from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

import asyncpg
import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from bench.deals import GOALS
from bench.stack import QUERIES
from shared.kernel.period import quarter_of
from shared.messaging.topics import ACTIVITY

Moves = dict[tuple[int, int], Decimal]


class Baseline:
    """Applies one event in one transaction."""

    def __init__(self, connection: asyncpg.Connection, starts: date) -> None:
        self._connection = connection
        self._starts = starts

    async def apply(self, record: ConsumerRecord) -> None:
        deal = orjson.loads(record.value)
        async with self._connection.transaction():
            found = await self._connection.fetchrow(QUERIES["find_deal"], deal["deal_id"])
            await self._decide(deal, record.value.decode(), found)
            await self._connection.execute(
                QUERIES["move_position"], record.partition, record.offset + 1
            )

    async def _decide(self, deal: Any, body: str, found: asyncpg.Record | None) -> None:
        known = found and orjson.loads(found["body"])
        if found and found["version"] >= deal["version"]:
            if found["version"] > deal["version"]:
                await self._keep(deal["deal_id"], deal["version"], body)
            return
        if found:
            await self._keep(deal["deal_id"], found["version"], found["body"])
        await self._connection.execute(
            QUERIES["put_deal"], deal["deal_id"], deal["version"], deal["partner_id"], body
        )
        await self._move(deal, known)

    async def _keep(self, deal_id: str, version: int, body: str) -> None:
        await self._connection.execute(QUERIES["keep_superseded"], deal_id, version, body)

    async def _move(self, deal: Any, known: Any) -> None:
        moves: Moves = defaultdict(Decimal)
        self._add(moves, deal, 1)
        if known:
            self._add(moves, known, -1)
        goals = [goal for goal, _ in moves]
        quarters = [quarter for _, quarter in moves]
        await self._connection.execute(
            QUERIES["move_cells"], deal["partner_id"], goals, quarters, list(moves.values())
        )

    def _add(self, moves: Moves, deal: Any, sign: int) -> None:
        for number, goal in enumerate(GOALS):
            counted = self._counts(deal, goal)
            if counted:
                moves[number, counted[0]] += sign * counted[1]

    def _counts(self, deal: Any, goal: Any) -> tuple[int, Decimal] | None:
        options, is_money = goal["options"], "currency" in goal["options"]
        if deal["deal_type"] not in options.get("deal_types", (deal["deal_type"],)):
            return None
        if not set(deal["products"]) & set(options.get("products", deal["products"])):
            return None
        if is_money and deal["status"] != "closed_won":
            return None
        day = date.fromisoformat(deal["closed_on" if is_money else "approved_on"])
        quarter = quarter_of(day, self._starts)
        return (quarter, Decimal(deal["amount"]) if is_money else Decimal(1)) if quarter else None


async def consume(bootstrap: str, database: str, starts: date, seconds: float) -> tuple[int, float]:
    """Consume for some seconds; gives the events and the time from the first to the last."""
    connection = await asyncpg.connect(database)
    await connection.execute(QUERIES["make_tables"])
    consumer = AIOKafkaConsumer(
        ACTIVITY, bootstrap_servers=bootstrap, auto_offset_reset="earliest", group_id=None
    )
    await consumer.start()
    baseline, count, began = Baseline(connection, starts), 0, 0.0
    try:
        async for record in consumer:
            began = began or time.perf_counter()
            await baseline.apply(record)
            count += 1
            if time.perf_counter() - began > seconds:
                break
    finally:
        await consumer.stop()
        await connection.execute(QUERIES["drop_tables"])
        await connection.close()
    return count, time.perf_counter() - began


if __name__ == "__main__":
    events, took = asyncio.Runner(loop_factory=uvloop.new_event_loop).run(
        consume(sys.argv[1], sys.argv[2], date.fromisoformat(sys.argv[3]), float(sys.argv[4]))
    )
    print(events, took)
