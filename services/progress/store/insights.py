"""Reading what measures are made of: people's activities, and who the others were."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from services.progress.domain.insight.directory import (
    AccountFacts,
    ContactFacts,
    Course,
    Directory,
    PersonFacts,
    domain_of,
)
from services.progress.domain.insight.rules import InsightRules
from services.progress.domain.insight.timeline import Involvement
from services.progress.store import LONGEST_S, SQL
from shared.postgres.pool import Connection

BETWEEN: Final = "\x1f"
Own = dict[str, list[Involvement]]
"""Person → what it took part in."""


async def list_involvements(
    connection: Connection,
    people: Collection[str],
    known_at: datetime,
    first: datetime,
    last: datetime,
) -> Own:
    """What people took part in that began from `first` to `last`; none out of scope."""
    rows = await connection.fetch(
        SQL["list_involvements"], list(people), known_at, first, last, timeout=LONGEST_S
    )
    own: Own = {person: [] for person in people}
    for row in rows:
        own[row[0]].append(Involvement._make((*row[1:-1], row[-1].split(BETWEEN))))
    return own


async def find_directory(
    connection: Connection, addresses: Collection[str], known_at: datetime, rules: InsightRules
) -> Directory:
    """What is known of some addresses: their rows, their managers', their accounts."""
    people = await _people(connection, addresses, known_at)
    domains = {domain_of(one) for one in addresses}
    own = rules.domains
    if own is None:
        found = await connection.fetch(SQL["list_own_domains"], list(domains), known_at)
        own = frozenset(row["one"] for row in found) - rules.public_domains
    strangers = {one for one in addresses if one not in people and domain_of(one) not in own}
    contacts = await _contacts(connection, strangers, known_at, rules)
    account_ids = {row.account_id for course in contacts for row in course.rows}
    accounts = await _accounts(connection, account_ids, known_at)
    return Directory(people, accounts, contacts, own, rules)


async def _people(
    connection: Connection, addresses: Collection[str], known_at: datetime
) -> dict[str, Course[PersonFacts]]:
    rows = await connection.fetch(SQL["list_person_rows"], list(addresses), known_at)
    return _courses(rows, PersonFacts)


async def _contacts(
    connection: Connection, strangers: Collection[str], known_at: datetime, rules: InsightRules
) -> list[Course[ContactFacts]]:
    domains = {domain_of(one) for one in strangers} - rules.public_domains
    rows = await connection.fetch(
        SQL["list_contact_rows"], list(strangers), list(domains), known_at
    )
    return list(_courses(rows, ContactFacts).values())


async def _accounts(
    connection: Connection, account_ids: Collection[str], known_at: datetime
) -> dict[str, Course[AccountFacts]]:
    rows = await connection.fetch(SQL["list_account_rows"], list(account_ids), known_at)
    return _courses(rows, AccountFacts)


def _courses(rows: Any, facts: Any) -> dict[str, Course[Any]]:
    """Rows that begin with an id and go on as facts do, put together by id."""
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        key, *rest = row
        found[key].append(facts(*rest))
    return {key: Course(every) for key, every in found.items()}
