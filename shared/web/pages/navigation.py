"""The ways through the pages, the same on every service: what the console's side bar offers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from shared.web.auth import Principal, Role

Site = Literal["console", "portal", "mails"]
"""Which service has a page: plans has the console, progress the portal, the notifier its mails."""


@dataclass(frozen=True)
class Entry:
    """A page in the navigation, and whose it is."""

    label: str
    site: Site
    path: str
    icon: str
    roles: frozenset[Role]

    def holds(self, site: Site, path: str) -> bool:
        """Whether a page of a site lies below this entry."""
        return site == self.site and (path == self.path or path.startswith(f"{self.path}/"))


_SUPPLIER: frozenset[Role] = frozenset({"administrator", "channel_manager"})
_ANALYSTS: frozenset[Role] = frozenset({"analyst", "limited_analyst"})
_PARTNER: frozenset[Role] = frozenset({"partner_admin", "partner_member"})

ENTRIES: Sequence[Entry] = (
    Entry("Success Plans", "console", "/plans", "flag", _SUPPLIER),
    Entry("Strategies", "console", "/strategies", "layers", _SUPPLIER),
    Entry("Partners", "portal", "/partners", "building", _SUPPLIER),
    Entry("Portal pages", "portal", "/portal-pages", "layout", _SUPPLIER),
    Entry("Mails", "mails", "/mails", "mail", frozenset({"administrator"})),
    Entry("Seller plans", "console", "/seller-plans", "chart", _ANALYSTS),
    Entry("Success Plan", "portal", "/portal", "flag", _PARTNER),
)


@dataclass(frozen=True)
class Step:
    """An entry as it is shown to one person on one page."""

    label: str
    url: str
    icon: str
    current: bool


def steps_for(
    principal: Principal | None,
    entries: Sequence[Entry],
    *,
    bases: dict[Site, str],
    site: Site,
    path: str,
) -> list[Step]:
    """What a person may go to from a page."""
    if principal is None:
        return []
    return [
        Step(entry.label, bases[entry.site] + entry.path, entry.icon, entry.holds(site, path))
        for entry in entries
        if not entry.roles.isdisjoint(principal.roles)
    ]
