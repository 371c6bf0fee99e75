"""What all doors share: who may pass, the desk behind them, conditions, sorting, cursors, pages."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Header, Query, Request

from services.plans.domain.refusal import NotFoundError
from services.plans.handlers.desk import Desk, Expected
from shared.kernel.ids import parse_id
from shared.web.auth import Principal, require
from shared.web.paging import DEFAULT_LIMIT, MAX_LIMIT, decode_cursor, encode_cursor
from shared.web.problems import Problem

Item = TypeVar("Item")
_REVISION: Final = re.compile(r'(?:W/)?"?([0-9]{1,18})"?')


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


AtDesk = Annotated[Desk, Depends(_desk)]
Supplier = Annotated[Principal, Depends(require("administrator", "channel_manager"))]
Administrator = Annotated[Principal, Depends(require("administrator"))]
Analyst = Annotated[Principal, Depends(require("analyst", "limited_analyst"))]
Seller = Annotated[Principal, Depends(require("seller"))]
Service = Annotated[Principal, Depends(require("service"))]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
IfMatch = Annotated[str | None, Header()]
PAGE: Final = DEFAULT_LIMIT


def name_of(who: Principal) -> str:
    """How the history calls whoever makes a change."""
    return who.email or who.subject


def found_id(text: str) -> str:
    """The id in a path; one that is malformed belongs to nothing."""
    found = parse_id(text)
    if found is None:
        raise NotFoundError("No such thing")
    return found


def expected_revisions(if_match: str | None) -> Expected:
    """The revisions that an If-Match header takes; None = any."""
    if if_match is None or if_match.strip() == "*":
        return None
    tags = (_REVISION.fullmatch(tag.strip()) for tag in if_match.split(","))
    return frozenset(int(tag[1]) for tag in tags if tag)


def etag(revision: int) -> dict[str, str]:
    """The header that If-Match is compared with."""
    return {"ETag": f'"{revision}"'}


def read_sort(text: str, keys: Sequence[str]) -> tuple[str, bool]:
    """A sort key and whether it goes down (a leading minus)."""
    key = text.removeprefix("-")
    if key not in keys:
        raise Problem.at("/sort", f"must be one of {', '.join(keys)}, with - in front to go down")
    return key, text.startswith("-")


def read_cursor(cursor: str | None, order: str, *kinds: Callable[[Any], Any]) -> list[Any]:
    """The last item's keys, each read by its kind; as many times None without a cursor.

    `order` names the list and its sorting: the cursor of another one is refused.
    """
    if cursor is None:
        return [None] * len(kinds)
    given, *keys = decode_cursor(cursor, len(kinds) + 1)
    try:
        found = [kind(key) for kind, key in zip(kinds, keys, strict=True)]
    except (ValueError, TypeError):
        found = []
    if given != order or not found:
        raise Problem.at("/cursor", "is no cursor of this list")
    return found


def text_key(value: Any) -> str:
    """A text in a cursor."""
    if not isinstance(value, str) or "\x00" in value or not is_storable(value):
        raise ValueError
    return value


def id_key(value: Any) -> str:
    """An id in a cursor."""
    found = parse_id(text_key(value))
    if found is None:
        raise ValueError
    return found


def moment_key(value: Any) -> datetime:
    """A moment in a cursor."""
    moment = datetime.fromisoformat(text_key(value))
    if moment.tzinfo is None:
        raise ValueError
    return moment


def number_key(value: Any) -> int:
    """A number in a cursor."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise ValueError
    return value


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold a text: no null bytes, no halves of characters."""
    return "\x00" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def paged(
    rows: Sequence[Item],
    limit: int,
    order: str,
    show: Callable[[Item], dict[str, Any]],
    keys: Callable[[Item], Sequence[Any]],
) -> dict[str, Any]:
    """A page out of up to `limit + 1` rows; the surplus one tells that there is more."""
    shown = rows[:limit]
    following = encode_cursor([order, *keys(shown[-1])]) if len(rows) > limit else None
    return {"items": [show(row) for row in shown], "next": following}
