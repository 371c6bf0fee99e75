"""What an earlier mail told and is otherwise since: said once, in the next one, with the reason."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.progress.domain.told import Tick
from shared.kernel.ids import named_id
from tests.backends.database import Database
from tests.store.progress_parts import (
    PARTNER,
    PLAN,
    Told,
    deal,
    event,
    goal,
    partner,
    plan,
    strategy,
    told,
)

ADMINS = [{"email": "ada@one.example", "role": "admin", "name": "Ada"}]
WON = goal("closed_won_total_deals_amount", "won", currency="USD")
LEADS = goal("registered_leads", "leads")
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
SCENE = [
    partner(users=ADMINS, at=BEGUN),
    strategy(WON, LEADS, at=BEGUN),
    plan(at=BEGUN),
]


def tick(month: int, plan_id: str = PLAN) -> Tick:
    period = f"2026-{month:02}"
    due_at = datetime(2026, month, 1, 8, tzinfo=UTC)
    return Tick(UUID(named_id("tick", plan_id, period)), UUID(plan_id), period, due_at)


def on(month: int, day: int) -> datetime:
    return datetime(2026, month, day, 12, tzinfo=UTC)


DELETED = event("deal", {"deal_id": "d1", "version": 2}, what="deleted", at=on(3, 9))
MARCH, APRIL, MAY = tick(3), tick(4), tick(5)


@pytest.fixture
async def progress(module_database: Database) -> AsyncIterator[Told]:
    async with told(module_database) as made:
        await made.hear(
            *SCENE,
            deal("d1", amount="100.50", closed_on="2026-02-10", name="Fleet", at=on(2, 11)),
            deal("d2", amount="40", closed_on="2026-01-20", name="Pilot", at=on(2, 11)),
        )
        await made.mail(MARCH)
        yield made


def said(statement: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What is corrected: figure, quarter, before and after, and each record's change."""
    return [
        (
            one["goal_name"],
            one["quarter"],
            one["was"],
            one["value"],
            *((record["name"] or record["record"], record["change"]) for record in one["records"]),
        )
        for one in statement["corrections"]
    ]


async def april(progress: Told) -> dict[str, Any]:
    return (await progress.mail(APRIL))[APRIL.tick_id]


async def test_what_only_went_on_is_no_correction(progress: Told) -> None:
    await progress.hear(deal("d3", amount="9", closed_on="2026-03-02", at=on(3, 2)))
    statement = await april(progress)
    assert statement["progress"]["goal_groups"][0]["goals"][0]["value"] == "149.50"
    assert statement["corrections"] == []


@pytest.mark.parametrize(
    ("change", "value", "record"),
    [
        (deal("d1", 2, amount="60.50", closed_on="2026-02-10", at=on(3, 9)), "100.50", "changed"),
        (deal("d1", 2, status="closed_lost", closed_on=None, at=on(3, 9)), "40.00", "gone"),
        (deal("d1", 2, closed_on="2026-03-20", at=on(3, 9)), "40.00", "gone"),
        (deal("d1", 2, partner_id="p2", name="Theirs", at=on(3, 9)), "40.00", "gone"),
        (
            event("deal", {"deal_id": "d1", "version": 2}, what="deleted", at=on(3, 9)),
            "40.00",
            "gone",
        ),
    ],
    ids=["repriced", "reopened", "dated on", "given away", "deleted"],
)
async def test_a_figure_that_went_out_is_corrected_in_the_next_statement(
    progress: Told, change: Any, value: str, record: str
) -> None:
    await progress.hear(change)
    assert said(await april(progress)) == [("won", None, "140.50", value, ("Fleet", record))]


async def test_a_late_record_is_told_from_one_that_was_known(progress: Told) -> None:
    await progress.hear(
        deal("late", amount="7", closed_on="2026-02-20", name="Late", at=on(3, 5)),
        deal("open", amount="8", status="approved", closed_on=None, name="Open", at=on(2, 20)),
    )
    await progress.hear(
        deal("open", 2, amount="8", closed_on="2026-02-25", name="Won at last", at=on(3, 6))
    )
    assert said(await april(progress)) == [
        ("won", None, "140.50", "155.50", ("Won at last", "added"), ("Late", "came_late"))
    ]


async def test_a_figure_that_only_changed_its_quarter_is_told_for_the_quarter(
    progress: Told,
) -> None:
    """Both days lie before the mail; the year stands, the quarter that was mailed does not."""
    await progress.mail(MAY)
    dated = deal("d1", 2, amount="100.50", closed_on="2026-04-11", name="Fleet", at=on(5, 4))
    await progress.hear(dated)
    june = tick(6)
    statement = (await progress.mail(june))[june.tick_id]
    assert said(statement) == [("won", 2, "0.00", "100.50", ("Fleet", "added"))]


async def test_what_was_corrected_once_is_not_told_again(progress: Told) -> None:
    await progress.hear(deal("d1", 2, amount="60", closed_on="2026-02-10", at=on(3, 9)))
    assert said(await april(progress)) != []
    assert (await progress.mail(MAY))[MAY.tick_id]["corrections"] == []


async def test_what_comes_after_the_due_time_waits_for_the_next_mail(progress: Told) -> None:
    await progress.hear(deal("d1", 2, amount="60", closed_on="2026-02-10", at=on(4, 2)))
    assert (await april(progress))["corrections"] == []
    assert said((await progress.mail(MAY))[MAY.tick_id]) == [
        ("won", None, "140.50", "100.00", ("Fleet", "changed"))
    ]


async def test_a_statement_that_went_to_nobody_is_not_corrected(progress: Told) -> None:
    await progress.hear(partner(version=2, users=[], at=on(3, 20)))
    assert (await april(progress))["reason"] == "no_recipients"
    await progress.hear(
        partner(version=3, users=ADMINS, at=on(4, 3)),
        deal("d9", amount="5", closed_on="2026-03-20", at=on(4, 5)),
        deal("d2", 2, amount="50", closed_on="2026-01-20", name="Pilot", at=on(4, 5)),
    )
    # April was never told, so March's mail is what the reader has.
    statement = (await progress.mail(MAY))[MAY.tick_id]
    assert said(statement) == [("won", None, "140.50", "150.50", ("Pilot", "changed"))]
    assert [one["period"] for one in await progress.sent()] == ["2026-05", "2026-03"]


async def test_of_many_records_those_that_moved_most_are_named(progress: Told) -> None:
    await progress.hear(
        *(
            deal(f"m{n}", amount=str(n), closed_on="2026-02-01", name=f"M{n}", at=on(3, 3))
            for n in range(1, 6)
        )
    )
    [one] = (await april(progress))["corrections"]
    assert [record["name"] for record in one["records"]] == ["M5", "M4", "M3"]
    assert (one["more"], one["value"]) == (2, "155.50")


async def test_goals_that_came_or_went_correct_nothing(progress: Told) -> None:
    new = goal("approved_registered_deals", "approved")
    await progress.hear(strategy(LEADS, new, version=2, at=on(3, 9)))
    assert (await april(progress))["corrections"] == []


async def test_a_changed_rule_corrects_what_was_told(progress: Told) -> None:
    typed = {**WON, "options": {"currency": "USD", "deal_types": ["new"]}}
    await progress.hear(strategy(typed, LEADS, version=2, at=on(3, 9)))
    assert said(await april(progress)) == [
        ("won", None, "140.50", "0.00", ("Fleet", "gone"), ("Pilot", "gone"))
    ]


async def test_statements_asked_for_together_say_what_they_say_one_by_one(progress: Told) -> None:
    await progress.hear(
        deal("d1", 2, amount="60", closed_on="2026-02-10", at=on(3, 9)),
        deal("d1", 3, amount="50", closed_on="2026-02-10", at=on(4, 9)),
    )
    together = await progress.render(MAY, APRIL)
    apart = {**await progress.mail(APRIL), **await progress.mail(MAY)}
    assert together == apart
    assert [said(apart[one.tick_id])[0][2:4] for one in (APRIL, MAY)] == [
        ("140.50", "100.00"),
        ("100.00", "90.00"),
    ]


async def test_a_plans_statements_are_listed_with_what_is_otherwise_now(progress: Told) -> None:
    await april(progress)
    later = on(4, 20)
    await progress.hear(deal("d1", 2, amount="0.50", closed_on="2026-02-10", at=later))
    now = await progress.sent(at=later)
    assert [(one["period"], one["due_at"]) for one in now] == [
        ("2026-04", "2026-04-01T08:00:00.000000Z"),
        ("2026-03", "2026-03-01T08:00:00.000000Z"),
    ]
    assert [said(one)[0][2:4] for one in now] == [("140.50", "40.50")] * 2
    before = await progress.sent(at=later, known_at=later - timedelta(seconds=1))
    assert [one["corrections"] for one in before] == [[], []]


async def test_another_partners_name_for_a_record_is_not_told(progress: Told) -> None:
    await progress.hear(
        partner("p2", users=ADMINS, at=BEGUN),
        deal("d1", 2, partner_id="p2", name="Secret of p2", at=on(3, 9)),
        deal("d1", 3, partner_id="p2", name="Secret again", at=on(3, 10)),
    )
    assert "Secret" not in str(await april(progress))
    assert PARTNER in str(await progress.sheet())
