"""What the pages share: who may see them, refusals as problems, and the words for things."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

from fastapi import Depends

from services.plans.api.refusals import STATUSES
from services.plans.domain.refusal import InvalidError, RefusalError, StaleError
from services.plans.handlers.desk import Desk
from services.plans.store import strategies
from shared.kernel.ids import parse_id
from shared.web.auth import Principal, Role
from shared.web.problems import Problem
from shared.web.session import require_page

VERSION: Final = re.compile(r"[0-9]{1,18}")
ROWS: Final = 50
MOST_STRATEGIES: Final = 300
STATUS_CHOICES: Final = [
    ("upcoming", "Upcoming"),
    ("in_progress", "In Progress"),
    ("ended", "Ended"),
]
STATUS_LABELS: Final = {f"status={value}": text for value, text in STATUS_CHOICES}
SUPPLIER: Final[frozenset[Role]] = frozenset({"administrator", "channel_manager"})
ANALYSTS: Final[frozenset[Role]] = frozenset({"analyst", "limited_analyst"})
Supplier = Annotated[Principal, Depends(require_page(*SUPPLIER))]
Analyst = Annotated[Principal, Depends(require_page(*ANALYSTS))]
Anybody = Annotated[Principal, Depends(require_page(*SUPPLIER, *ANALYSTS))]
"""Of those who have pages here."""
Administrator = Annotated[Principal, Depends(require_page("administrator"))]


def problem_of(refusal: RefusalError) -> Problem:
    """A refusal as what forms show and problem pages tell."""
    flaws = refusal.flaws if isinstance(refusal, InvalidError) else []
    errors = [{"pointer": flaw.pointer, "detail": flaw.detail} for flaw in flaws]
    status = 409 if isinstance(refusal, StaleError) else STATUSES[type(refusal)]
    return Problem(status, str(refusal), errors=errors)


@contextmanager
def as_problems() -> Iterator[None]:
    """Refusals inside become problem pages."""
    try:
        yield
    except RefusalError as refusal:
        raise problem_of(refusal) from None


def version_of(values: dict[str, Any]) -> frozenset[int]:
    """The version that a form was opened with; without one, nothing matches."""
    text = str(values.get("version", ""))
    return frozenset({int(text)}) if VERSION.fullmatch(text) else frozenset()


async def name_strategies(desk: Desk, chosen: str | None = None) -> list[tuple[str, str]]:
    """Strategies to choose from, by name; the one chosen is among them, however many there are."""
    async with desk.pool.acquire() as connection:
        found = await strategies.list_strategies(
            connection,
            day=desk.today,
            status=None,
            key="name",
            down=False,
            after=(None, None),
            limit=MOST_STRATEGIES,
        )
        named = {strategy.strategy_id: strategy.name for strategy, _ in found}
        missing = parse_id(chosen) if chosen else None
        if missing and missing not in named:
            other = await strategies.find_strategy(connection, missing)
            named |= {missing: other.name} if other else {}
    return list(named.items())
