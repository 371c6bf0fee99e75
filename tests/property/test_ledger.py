"""Whatever happens in whatever order: cells equal the ledger, answers equal the oracle's.

`HYPOTHESIS_PROFILE=deep` looks longer and elsewhere each time; by default the same few hundred
steps are taken, so that `make test` gives the same answer twice.
"""

import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from shared.events.plans import PLAN_DEFINED, STRATEGY_DEFINED
from shared.messaging import topics
from tests.backends.database import Database
from tests.oracle import World
from tests.oracle.world import UnknownHereError
from tests.property import universe
from tests.property.progress import Data, Progress
from tests.property.universe import EPOCH, LAST_SECOND, PARTNERS, PLANS, STRATEGIES, Telling, moment

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
LOOSE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
STEPS = settings(
    max_examples=400 if DEEP else 30,
    stateful_step_count=60 if DEEP else 35,
    deadline=None,
    derandomize=not DEEP,
    suppress_health_check=[*LOOSE, HealthCheck.filter_too_much],
)
ORDERS = settings(STEPS, max_examples=400 if DEEP else 40)


@pytest.fixture(scope="module")
def progress(module_database: Database) -> Iterator[Progress]:
    with Progress(module_database) as made:
        yield made


class Play(RuleBasedStateMachine):
    """Upstream and planners tell; what they told arrives late, twice and in any order."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.progress = progress
        self.progress.forget_everything()
        self.world = World()
        self.waiting: list[Telling] = []
        self.arrived: list[Telling] = []
        self.offset = 0
        self.second = 0
        self.revisions: dict[str, int] = {}
        self.created: dict[str, datetime] = {}
        self.gone: set[str] = set()

    @initialize(data=st.data())
    def planners_begin(self, data: st.DataObject) -> None:
        """Most of what is asked about is there from the start; some of it arrives late."""
        for strategy_id in STRATEGIES:
            self.a_strategy_changes(data, strategy_id)
        for plan_id in PLANS:
            self.a_plan_changes(data, plan_id)
        for partner_id in PARTNERS[:2]:
            text = json.dumps({"name": "P", "partner_id": partner_id, "version": 0})
            told = ("milepost.partner.recorded.v1", topics.PARTNERS, partner_id)
            self.waiting.append(Telling(*told, text.replace(" ", ""), moment(0)))
        self.waiting += data.draw(st.lists(universe.record_tellings(), min_size=4, max_size=20))
        self.some_of_it_arrives(data)

    # --- telling ----------------------------------------------------------------------------------
    @rule(tellings=st.lists(universe.record_tellings(), min_size=2, max_size=12))
    def upstream_tells(self, tellings: list[Telling]) -> None:
        self.waiting += tellings

    @rule(data=st.data(), strategy_id=st.sampled_from(STRATEGIES))
    def a_strategy_changes(self, data: st.DataObject, strategy_id: str) -> None:
        if strategy_id in self.gone:
            return
        at, version = self._stamp(), self._revise(strategy_id)
        snapshot = data.draw(universe.strategy_snapshots(strategy_id, version))
        self.waiting.append(universe.told_strategy(snapshot, at))

    @rule(data=st.data(), plan_id=st.sampled_from([*PLANS]))
    def a_plan_changes(self, data: st.DataObject, plan_id: str) -> None:
        if plan_id in self.gone:
            return
        at, version = self._stamp(), self._revise(plan_id)
        created = self.created.setdefault(plan_id, at)
        snapshot = data.draw(universe.plan_snapshots(plan_id, version, created))
        self.waiting.append(universe.told_plan(snapshot, at))

    @precondition(lambda self: len(self.revisions) > 2)
    @rule(data=st.data(), which=st.sampled_from([*PLANS, *STRATEGIES]), chance=st.integers(0, 3))
    def something_is_deleted(self, data: st.DataObject, which: str, chance: int) -> None:
        if chance or which in self.gone or which not in self.revisions:
            return
        at, version = self._stamp(), self._revise(which)
        self.gone.add(which)
        if which in PLANS:
            created = self.created[which]
            snapshot = data.draw(universe.plan_snapshots(which, version, created))
            self.waiting.append(universe.told_plan({**snapshot, "deleted": True}, at))
        else:
            snapshot = data.draw(universe.strategy_snapshots(which, version))
            self.waiting.append(universe.told_strategy({**snapshot, "deleted": True}, at))

    # --- arriving ---------------------------------------------------------------------------------
    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def some_of_it_arrives(self, data: st.DataObject) -> None:
        order = data.draw(st.permutations(self.waiting))
        some = order[: data.draw(st.integers(1, len(order)))]
        for telling in some:
            self.waiting.remove(telling)
        again = data.draw(st.lists(st.sampled_from(self.arrived or some), max_size=3))
        self._arrive(data, [*some, *again])

    @precondition(lambda self: self.arrived)
    @rule(data=st.data())
    def some_of_it_arrives_again(self, data: st.DataObject) -> None:
        self._arrive(
            data, data.draw(st.lists(st.sampled_from(self.arrived), min_size=1, max_size=5))
        )

    @precondition(lambda self: self.arrived)
    @rule(data=st.data(), second=st.integers(0, LAST_SECOND))
    def the_same_was_accepted_at_another_time_too(self, data: st.DataObject, second: int) -> None:
        told = data.draw(st.sampled_from(self.arrived))
        if told.event_type in (PLAN_DEFINED, STRATEGY_DEFINED):
            return
        again = Telling(told.event_type, told.topic, told.key, told.text, moment(second))
        self._arrive(data, [again])

    # --- asking -----------------------------------------------------------------------------------
    def _arrive(self, data: st.DataObject, tellings: list[Telling]) -> None:
        records = []
        for telling in tellings:
            self.offset += 1
            records.append(telling.record(self.offset))
            telling.into(self.world)
        self.progress.take(records)
        self.arrived += tellings
        assert self.progress.verify()["differences"] == 0
        for plan_id in PLANS:
            wanted = sheet_of(self.world, plan_id, EPOCH, None)
            assert shown(self.progress.sheet(plan_id, EPOCH, None)) == wanted
        plan_id, at = data.draw(st.sampled_from([*PLANS])), data.draw(universe.looks)
        compare(self.progress, self.world, plan_id, at, None)
        compare(self.progress, self.world, plan_id, at, data.draw(universe.moments))

    def _stamp(self) -> datetime:
        """Planners' changes are stamped one after another."""
        self.second = min(self.second + 2, LAST_SECOND)
        return moment(self.second) + timedelta(microseconds=len(self.revisions) + self.offset)

    def _revise(self, which: str) -> int:
        self.revisions[which] = self.revisions.get(which, 0) + 1
        return self.revisions[which]


def everything_known(known_at: datetime | None) -> datetime:
    return known_at or EPOCH + timedelta(days=3650)


def sheet_of(world: World, plan_id: str, at: datetime, known_at: datetime | None) -> Data | None:
    """What the oracle says; None where there is no plan."""
    try:
        return world.progress(plan_id, at, everything_known(known_at))
    except UnknownHereError:
        return None


def shown(sheet: Data | None) -> Data | None:
    """The progress answer without what is no figure, or no part of the contract."""
    if sheet is None:
        return None
    left_out = {"at", "known_at", "complete_to", "strategy_id"}
    groups = [{"name": g["name"], "goals": g["goals"]} for g in sheet["goal_groups"]]
    kept = {key: value for key, value in sheet.items() if key not in left_out}
    return {**kept, "goal_groups": groups}


def compare(
    progress: Progress, world: World, plan_id: str, at: datetime, known_at: datetime | None
) -> None:
    """Progress, contributions and verdicts of a plan against the oracle."""
    wanted = sheet_of(world, plan_id, at, known_at)
    assert shown(progress.sheet(plan_id, at, known_at)) == wanted
    if wanted is None:
        return
    for group in wanted["goal_groups"]:
        for goal in group["goals"]:
            contributions_agree(progress, world, plan_id, goal, at, known_at)
    verdicts_agree(progress, world, plan_id, at, known_at)


def contributions_agree(
    progress: Progress,
    world: World,
    plan_id: str,
    goal: Data,
    at: datetime,
    known_at: datetime | None,
) -> None:
    wanted = world.contributions(plan_id, goal["goal_id"], at, everything_known(known_at))
    found = progress.contributions(plan_id, goal["goal_id"], at, known_at)
    assert [(i["record"], i["version"], i["day"], i["quarter"]) for i in found] == [
        (one.record, one.version, str(one.day), one.quarter) for one in wanted
    ]
    assert [Decimal(item["amount"]) for item in found] == [one.amount for one in wanted]
    assert sum(Decimal(item["amount"]) for item in found) == Decimal(goal["value"])


def verdicts_agree(
    progress: Progress, world: World, plan_id: str, at: datetime, known_at: datetime | None
) -> None:
    known = everything_known(known_at)
    for record in list(world.ledger.heard):
        if record.startswith(("partner/", "campaign/")):
            continue
        found = progress.verdicts(plan_id, record, at, known_at)
        try:
            wanted = world.verdicts(plan_id, record, at, known)
        except UnknownHereError:
            # A deleted record may be explained as such to the partner that it was told about.
            assert found is None or not any(verdict["counts"] for verdict in found)
            continue
        assert found is not None, record
        assert {
            v["goal_id"]: (v["counts"], _decimal(v["amount"]), v["quarter"]) for v in found
        } == {goal_id: (one.counts, one.amount, one.quarter) for goal_id, one in wanted.items()}
        assert all(bool(verdict["reason"]) is not verdict["counts"] for verdict in found)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def test_cells_and_answers_are_right_after_every_step(progress: Progress) -> None:
    class Given(Play):
        def __init__(self) -> None:
            super().__init__(progress)

    run_state_machine_as_test(Given, settings=STEPS)


@st.composite
def whole_stories(draw: st.DrawFn) -> list[Telling]:
    """Everything that is told in a play, in no particular order."""
    told = draw(st.lists(universe.record_tellings(), min_size=5, max_size=40))
    at = 0
    for strategy_id in STRATEGIES:
        for version in range(1, draw(st.integers(1, 3)) + 1):
            at += 1
            snapshot = draw(universe.strategy_snapshots(strategy_id, version))
            told.append(universe.told_strategy(snapshot, moment(at)))
    for plan_id in PLANS:
        for version in range(1, draw(st.integers(0, 2)) + 1):
            at += 1
            snapshot = draw(universe.plan_snapshots(plan_id, version, moment(at)))
            told.append(universe.told_plan(snapshot, moment(at)))
    return told


def _in_batches(told: list[Telling], cuts: list[int]) -> Iterator[list[Telling]]:
    edges = sorted({0, len(told), *(cut % (len(told) + 1) for cut in cuts)})
    for first, last in pairwise(edges):
        yield told[first:last]


def test_any_order_any_repetition_any_batches_give_the_identical_state(progress: Progress) -> None:
    @ORDERS
    @given(
        told=whole_stories(),
        cuts=st.lists(st.integers(0, 60), max_size=12),
        other_cuts=st.lists(st.integers(0, 60), max_size=12),
        data=st.data(),
    )
    def orders_do_not_matter(
        told: list[Telling], cuts: list[int], other_cuts: list[int], data: st.DataObject
    ) -> None:
        again = data.draw(st.lists(st.sampled_from(told), max_size=10))
        other = data.draw(st.permutations([*told, *again]))
        states: list[Any] = []
        for order, places in ((told, cuts), (other, other_cuts)):
            progress.forget_everything()
            offset = 0
            for batch in _in_batches(list(order), places):
                progress.take(telling.record(offset := offset + 1) for telling in batch)
            assert progress.verify()["differences"] == 0
            states.append(progress.state())
        assert states[0] == states[1]

    orders_do_not_matter()
