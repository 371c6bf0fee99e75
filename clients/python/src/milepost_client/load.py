"""`python -m milepost_client.load URL`: a year of believable deals, as load and as an example."""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from milepost_client.client import AsyncClient
from milepost_client.events import Event, recorded
from milepost_client.report import Report

STATUSES: Final = ("registered", "approved", "approved", "rejected", "closed_won", "closed_lost")
DAYS: Final = 365
SHOW_EVERY: Final = 5000


def deals(number: int, partners: int, seed: int) -> Iterator[Event]:
    """Deals over the last year, each of a partner; some come again as a newer version."""
    chance = random.Random(seed)  # noqa: S311 - believable, not secret
    today = datetime.now(UTC).date()
    for at in range(number):
        first = today - timedelta(days=chance.randrange(DAYS))
        known = at if chance.random() > 1 / 3 else chance.randrange(at + 1)
        yield recorded(
            "deal",
            {
                "deal_id": f"load-{seed}-{known}",
                "version": at + 1,
                "partner_id": f"load-{known % partners}",
                "name": f"Deal {known}",
                "status": chance.choice(STATUSES),
                "amount": f"{chance.randrange(100, 5_000_000) / 100:.2f}",
                "currency": "USD",
                "registered_on": first,
                "approved_on": first + timedelta(days=3),
                "closed_on": first + timedelta(days=30),
            },
        )


async def paced(events: Iterator[Event], rate: int) -> AsyncIterator[Event]:
    """Events, so many a second at most (0: as fast as they are taken), telling how far it is."""
    began = time.monotonic()
    for at, event in enumerate(events):
        if at % SHOW_EVERY == 0:
            sys.stderr.write(f"\r{at:,} events")
        if rate and (ahead := at / rate - (time.monotonic() - began)) > 0:
            await asyncio.sleep(ahead)
        yield event
    sys.stderr.write("\n")


async def send(url: str, token: Path, events: AsyncIterator[Event]) -> Report:
    """Send events with the token in a file."""
    async with AsyncClient(url, token=token.read_text, source="/load") as client:
        return await client.send(events)


def main() -> None:
    """Send deals and say how fast they were taken."""
    parser = argparse.ArgumentParser(prog="milepost_client.load", description=__doc__)
    parser.add_argument("url", help="where ingest is")
    parser.add_argument("--token", type=Path, required=True, help="a file with a token of source")
    parser.add_argument("--events", type=int, default=100_000, help="how many (100,000)")
    parser.add_argument("--partners", type=int, default=1000, help="of how many partners (1,000)")
    parser.add_argument("--rate", type=int, default=0, help="a second; 0: as fast as taken")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same deals")
    told = parser.parse_args()
    began = time.monotonic()
    events = paced(deals(told.events, told.partners, told.seed), told.rate)
    report = asyncio.run(send(told.url, told.token, events))
    seconds = time.monotonic() - began
    sys.stdout.write(
        f"{report.accepted:,} taken and {len(report.rejected):,} refused in {seconds:.1f} s: "
        f"{report.accepted / seconds:,.0f} events/s\n"
    )


if __name__ == "__main__":
    main()
