"""The ledger: whatever the order, the batches and the repetitions, the same state."""

import itertools
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta

import pytest

from shared.messaging.message import Record
from tests.backends.database import Database
from tests.store.progress_parts import (
    NOW,
    OPEN_TABLES,
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

WON = goal("closed_won_total_deals_amount", "won", currency="USD")
APPROVED = goal("approved_registered_deals", "approved")
SCENE = [partner(), strategy(WON, APPROVED), plan()]
OTHER_PLAN = "5b0c0f52-6a53-5d1f-8d1f-0a5d1a3c2b11"


@pytest.fixture
async def progress(module_database: Database) -> AsyncIterator[Told]:
    async with told(module_database) as made:
        yield made


async def versions(progress: Told) -> list[tuple[object, ...]]:
    """All that is kept, which counts, and since when it is known."""
    rows = await progress.rows(
        "SELECT record_id, version, body, known_from, true AS counts FROM record "
        "WHERE kind = 'deal' UNION ALL "
        "SELECT record_id, version, body, known_from, false FROM record_history "
        "WHERE kind = 'deal' ORDER BY 1, 2, 3, 4"
    )
    return [tuple(row) for row in rows]


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


async def test_any_order_of_versions_and_of_plans_gives_the_same_state(progress: Told) -> None:
    story = [
        deal(version=3, at=NOW + minutes(1), amount="7"),
        deal(version=2, at=NOW + minutes(2), amount="1000"),
        deal(version=3, at=NOW + minutes(3), amount="70"),
        SCENE[1],
        SCENE[2],
    ]
    seen = []
    for order in itertools.permutations(story):
        # Not truncated: new files every time would take longer than all the rest.
        await progress.pool.execute(
            "; ".join(f"DELETE FROM {table}" for table in reversed(OPEN_TABLES))
        )
        await progress.hear(SCENE[0])
        for one in order:
            await progress.hear(one)
        seen.append((await versions(progress), await progress.values()))
    assert all(state == seen[0] for state in seen)
    assert seen[0][1] == {"won": "70.00 = 0.00 70.00 0.00 0.00", "approved": "1 = 1 0 0 0"}


async def test_batches_and_repetitions_do_not_matter(progress: Told) -> None:
    story = [deal(f"d{n % 3}", version=n, amount=str(n)) for n in range(9)]
    await progress.hear(*SCENE, *story)
    whole = await versions(progress), await progress.values()
    await progress.hear(*reversed(story), *story)
    for one in story:
        await progress.hear(one, one)
    assert (await versions(progress), await progress.values()) == whole
    assert (await progress.verify())["differences"] == 0


async def test_the_same_version_again_keeps_its_earliest_acceptance(progress: Told) -> None:
    await progress.hear(*SCENE, deal(at=NOW + minutes(5)))
    await progress.hear(deal(at=NOW - minutes(5)), deal(at=NOW + minutes(9)))
    assert [row[3] for row in await versions(progress)] == [NOW - minutes(5)]
    await progress.hear(deal(version=2, at=NOW + minutes(6)))
    await progress.hear(deal(at=NOW - minutes(7)))
    assert [row[3] for row in await versions(progress)] == [NOW - minutes(7), NOW + minutes(6)]


async def test_a_version_that_comes_late_is_kept_and_counts_where_it_was_known(
    progress: Told,
) -> None:
    await progress.hear(*SCENE, deal(version=5, at=NOW, amount="5"))
    await progress.hear(deal(version=4, at=NOW - minutes(10), amount="4"))
    assert (await progress.values())["won"].startswith("5.00")
    then = await progress.values(known_at=NOW - minutes(10))
    assert then["won"].startswith("4.00")
    assert (await progress.values(known_at=NOW - minutes(11)))["won"].startswith("0.00")


@pytest.mark.parametrize("together", [True, False])
async def test_two_bodies_of_a_version_are_a_conflict_and_the_greater_counts(
    progress: Told, together: bool
) -> None:
    pair = [deal(amount="2"), deal(amount="1")]
    for order in itertools.permutations(pair):
        await progress.pool.execute(f"TRUNCATE {', '.join(OPEN_TABLES)}")
        await progress.hear(*SCENE)
        for batch in [order] if together else [[one] for one in order]:
            await progress.hear(*batch)
        assert (await progress.values())["won"].startswith("2.00")
        assert len(await versions(progress)) == 2
        [conflict] = await progress.rows("SELECT record_id, kind, version FROM conflict")
        assert tuple(conflict) == ("d1", "deal", 1)


@pytest.mark.parametrize(
    "batches",
    [
        # each pair of bodies meets in another place: newest, late, history, replaced, folded
        [["2b"], ["2a"]],
        [["3a"], ["2a", "2b"]],
        [["3a"], ["2a"], ["2b"]],
        [["2a"], ["2b", "3a"]],
        [["2a"], ["3a", "2b", "1a"]],
        [["2a", "2b", "3a"]],
        [["2a", "3a"], ["2b"]],
        [["2b"], ["3a"], ["2a"]],
    ],
)
async def test_a_conflict_is_found_wherever_the_two_bodies_meet(
    progress: Told, batches: list[list[str]]
) -> None:
    for batch in batches:
        told_now = [deal(version=int(one[0]), name=one[1]) for one in batch]
        await progress.hear(*told_now)
    rows = await progress.rows("SELECT version FROM conflict")
    assert [row["version"] for row in rows] == [2]


async def test_a_deletion_is_a_version_and_a_higher_one_brings_the_record_back(
    progress: Told,
) -> None:
    gone = event("deal", {"deal_id": "d1", "version": 2}, what="deleted", at=NOW + minutes(1))
    for order in itertools.permutations([deal(version=1), gone]):
        await progress.pool.execute(f"TRUNCATE {', '.join(OPEN_TABLES)}")
        await progress.hear(*SCENE)
        for one in order:
            await progress.hear(one)
        assert (await progress.values())["won"].startswith("0.00")
        assert (await progress.values(known_at=NOW))["won"].startswith("100.50")
        assert set((await progress.reasons("deal/d1")).values()) == {"The record was deleted."}
        assert await progress.judge("deal/d1", known_at=NOW) is not None
    await progress.hear(deal(version=3, amount="9"))
    assert (await progress.values())["won"].startswith("9.00")


async def test_a_deal_that_changes_hands_moves_and_stays_where_it_was_known(
    progress: Told,
) -> None:
    await progress.hear(*SCENE, partner("p2"), plan(OTHER_PLAN, "p2"), deal(at=NOW))
    await progress.hear(deal(version=2, partner_id="p2", at=NOW + minutes(2)))
    await progress.hear(deal(version=3, partner_id="p3", at=NOW + minutes(4)))
    moments = [NOW, NOW + minutes(2), NOW + minutes(4)]
    held = [
        (
            (await progress.values(PLAN, known_at=at))["won"].split()[0],
            (await progress.values(OTHER_PLAN, known_at=at))["won"].split()[0],
        )
        for at in moments
    ]
    assert held == [("100.50", "0.00"), ("0.00", "100.50"), ("0.00", "0.00")]
    assert await progress.judge("deal/d1") is None
    assert await progress.judge("deal/d1", known_at=NOW) is not None
    assert (await progress.verify())["differences"] == 0


async def test_records_of_a_partner_count_once_it_is_known_and_not_while_it_is_deleted(
    progress: Told,
) -> None:
    await progress.hear(*SCENE[1:], deal())
    assert (await progress.values())["won"].startswith("0.00")
    assert set((await progress.reasons("deal/d1")).values()) == {"The partner is not known."}
    await progress.hear(partner(at=NOW))
    assert (await progress.values())["won"].startswith("100.50")
    gone = event(
        "partner", {"partner_id": PARTNER, "version": 2}, what="deleted", at=NOW + minutes(1)
    )
    await progress.hear(gone)
    assert (await progress.values())["won"].startswith("0.00")
    assert (await progress.values(known_at=NOW))["won"].startswith("100.50")
    await progress.hear(partner(version=3))
    assert (await progress.values())["won"].startswith("100.50")
    assert (await progress.verify())["differences"] == 0


async def test_an_inactive_partner_goes_on_counting(progress: Told) -> None:
    await progress.hear(*SCENE, deal(), partner(version=2, active=False))
    assert (await progress.values())["won"].startswith("100.50")


async def test_a_plan_waits_for_its_strategy(progress: Told) -> None:
    await progress.hear(partner(), deal(), plan())
    assert await progress.sheet() is None
    await progress.hear(SCENE[1])
    assert (await progress.values())["won"].startswith("100.50")


@pytest.mark.parametrize("gone", ["plan", "strategy"])
async def test_what_is_deleted_is_not_there_and_still_was(progress: Told, gone: str) -> None:
    await progress.hear(*SCENE, deal(at=NOW))
    later = NOW + minutes(1)
    deleted = {
        "plan": plan(version=2, deleted=True, at=later),
        "strategy": strategy(WON, version=2, deleted=True, at=later),
    }
    await progress.hear(deleted[gone])
    assert await progress.sheet() is None
    assert await progress.sheet(known_at=later) is None
    assert (await progress.values(known_at=NOW))["won"].startswith("100.50")
    assert await progress.sheet(known_at=NOW - timedelta(days=40)) is None
    assert await progress.rows("SELECT FROM cell") == []
    assert (await progress.verify())["differences"] == 0


async def test_bad_events_become_dead_letters_and_the_others_count(progress: Told) -> None:
    good = deal()
    bad = [
        good._replace(value=b"{"),
        good._replace(value=b"\xff"),
        good._replace(value=None),
        deal("d2", amount="much"),
        deal("d3", approved_on="2026-02-30"),
        deal("d4", version=-1),
        deal("d5", version=2**63),
        deal("", amount="1"),
        deal("d6", partner_id="a\x00b"),
        good._replace(headers=good.headers[:5]),  # not when it was accepted
        good._replace(
            headers=(("ce_type", b"milepost.deal.recorded.v1"), ("ce_acceptedat", b"now"))
        ),
    ]
    await progress.hear(*SCENE, *bad, good)
    assert (await progress.values())["won"].startswith("100.50")
    rows = await progress.rows("SELECT errors FROM dead_letter")
    assert len(rows) == len(bad)
    assert all(row["errors"][0]["detail"] for row in rows)


async def test_unknown_types_are_skipped_and_positions_move_on(progress: Told) -> None:
    unknown = deal()._replace(headers=(("ce_type", b"milepost.unicorn.recorded.v1"),))
    await progress.hear(unknown, unknown)
    [row] = await progress.rows("SELECT next_offset FROM consumed")
    assert row["next_offset"] == 2
    assert await progress.rows("SELECT FROM dead_letter") == []


async def test_positions_never_go_back(progress: Told) -> None:
    def at(offset: int) -> Iterable[Record]:
        progress.offset = offset
        return [deal()]

    await progress.hear(*at(10))
    await progress.hear(*at(3))
    [row] = await progress.rows("SELECT next_offset FROM consumed")
    assert row["next_offset"] == 11


async def test_a_broken_cell_is_found_by_verify(progress: Told) -> None:
    await progress.hear(*SCENE, deal())
    assert await progress.verify() == {"plans": 1, "goals": 2, "cells": 8, "differences": 0}
    await progress.pool.execute("UPDATE cell SET q1 = q1 + 1")
    assert (await progress.verify())["differences"] == 2


async def test_ids_that_look_like_names_are_kept_apart(progress: Told) -> None:
    seats = {"version": 1, "effective_on": "2026-02-01"}
    await progress.hear(
        event("partner_field", {**seats, "partner_id": "a/b", "field": "c", "value": "1"}),
        event("partner_field", {**seats, "partner_id": "a", "field": "b/c", "value": "2"}),
        deal("d/1"),
        event("account", {"account_id": "d1", "version": 1, "partner_id": "p1", "status": "x"}),
    )
    rows = await progress.rows("SELECT kind FROM record")
    assert len(rows) == 4
    assert await progress.rows("SELECT FROM conflict") == []
