"""A list's state in its address: sorting, filters and page, and the links that change them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlencode

from fastapi import Request

CURSOR: Final = "cursor"
LONGEST: Final = 500
Align = Literal["start", "end"]


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, and whether the list can be sorted by it."""

    key: str
    label: str
    sort: str | None = None
    """The API's sort key of this column."""
    align: Align = "start"
    whole: bool = False
    """Whether its values stay on one line: days, figures."""
    hidden_label: bool = False
    """Whether only screen readers need the heading: a column of buttons, for instance."""


class Listing:
    """What a visitor asked a list to show, read from the query and written back into links.

    Anything that is not known is left out, so that an old link still shows a list.
    """

    def __init__(
        self,
        request: Request,
        *,
        sorts: Iterable[str] = (),
        default_sort: str = "",
        filters: Iterable[str] = (),
    ) -> None:
        query = request.query_params
        self.path = request.url.path
        wanted = query.get("sort", "")
        self.sort = wanted if wanted.removeprefix("-") in set(sorts) else default_sort
        self._default_sort = default_sort
        given = {name: query.get(name, "").strip()[:LONGEST] for name in filters}
        self.filters: dict[str, str] = {name: value for name, value in given.items() if value}
        self.cursor = query.get(CURSOR) or None

    def url(self, **changes: str | None) -> str:
        """The address of the changed list, from its first page; None takes a filter away."""
        query: dict[str, str | None] = {**self.filters, **changes}
        sort = query.pop("sort", self.sort)
        if sort and sort != self._default_sort:
            query["sort"] = sort
        kept = {name: value for name, value in query.items() if value}
        return self.path + (f"?{urlencode(kept)}" if kept else "")

    def next_url(self, cursor: str) -> str:
        """The address of the page that a cursor leads to."""
        return self.url(cursor=cursor)

    def sorted_by(self, key: str) -> Literal["ascending", "descending"] | None:
        """How the list is sorted by a key, in ARIA's words."""
        if self.sort.removeprefix("-") != key:
            return None
        return "descending" if self.sort.startswith("-") else "ascending"

    def sort_url(self, key: str) -> str:
        """The address that sorts by a key: up first, then down."""
        return self.url(sort=f"-{key}" if self.sorted_by(key) == "ascending" else key)

    def applied(self, labels: Mapping[str, str]) -> list[tuple[str, str]]:
        """The filters in force as (what they say, the address without them).

        `labels` maps a filter, or `filter=value`, to the words for it; others are not shown.
        """
        shown = []
        for name, value in self.filters.items():
            text = labels.get(f"{name}={value}")
            if text is None and name in labels:
                text = f"{labels[name]}: {value}"
            if text is not None:
                shown.append((text, self.url(**{name: None})))
        return shown
