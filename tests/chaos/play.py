"""A year of four partners on a whole stack, and what must be true of it whatever was killed."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.backends.stack import RunningStack
from tests.chaos.upstream import Upstream
from tests.flow.doors import Doors, eventually, fresh
from tests.oracle import World, dues

Data = dict[str, Any]
GOALS: list[Data] = [
    {"type": "closed_won_total_deals_amount", "options": {"currency": "USD"}},
    {"type": "approved_registered_deals", "options": {"products": ["Tape"]}},
    {"type": "registered_leads", "options": {}},
    {"type": "approved_accounts", "options": {}},
    {"type": "completed_certifications", "options": {"certification": "Cloud"}},
    {"type": "custom_partner_field", "options": {"field": "seats"}},
]
LATE = timedelta(days=364)


@dataclass
class Play:
    """A stack with partners and plans, and an upstream that never stops for long."""

    stack: RunningStack
    doors: Doors
    first_day: date
    created: datetime
    strategy: Data
    plans: dict[str, Data] = field(default_factory=dict)
    admins: dict[str, list[str]] = field(default_factory=dict)
    world: World = field(default_factory=World)
    dues_passed: list[Any] = field(default_factory=list)

    def jump_over_the_next_due(self) -> None:
        """Move the clock over one due."""
        ahead = [due for due in self.dues if due.at > self.doors.now()]
        self.doors.jump(ahead[0].at + timedelta(seconds=1))
        self.dues_passed.append(ahead[0])

    @property
    def dues(self) -> list[Any]:
        return dues(self.first_day, ZoneInfo("UTC"), 8, self.created)

    def oracle_says(self, plan_id: str) -> list[Data]:
        """The goals of a plan as they must be when all days of its year are counted."""
        now = self.doors.now()
        at = datetime.combine(self.first_day + LATE, datetime.min.time(), UTC)
        answer = self.world.progress(plan_id, at, now)
        return [goal for group in answer["goal_groups"] for goal in group["goals"]]

    def services_say(self, plan_id: str) -> list[Data]:
        at = f"{self.first_day + LATE}T12:00:00Z"
        answer = self.doors.progress(plan_id, at=at)
        return [goal for group in answer["goal_groups"] for goal in group["goals"]]


def begin(stack: RunningStack) -> Play:
    """Partners and plans of a year that starts tomorrow, on a stack that is up."""
    doors = Doors(stack.home / "stack.json")
    first_day = doors.today() + timedelta(days=1)
    strategy = doors.strategy(*GOALS, start=first_day)
    made = Play(stack, doors, first_day, doors.now(), strategy)
    made.world.tell_strategy({**strategy, "version": 1, "deleted": False}, made.created)
    for _ in range(4):
        admins = [f"{fresh('a')}@p.example" for _ in range(2)]
        partner = doors.partner(admins=admins)
        made.world.hear(
            "milepost.partner.recorded.v1", {"partner_id": partner, "version": 1}, made.created
        )
        plan = doors.plan(strategy, partner)
        told = {**plan, "version": 1, "deleted": False, "created_at": made.created.isoformat()}
        made.world.tell_plan({**told, "targets": {}}, made.created)
        made.plans[partner], made.admins[partner] = plan, admins
    return made


def all_is_right(play: Play, upstream: Upstream) -> None:
    """What upstream was told for certain is in every figure once, and every mail went once."""
    assert len(upstream.told) > 20
    upstream.into(play.world, play.doors)
    figures_are_right(play)
    every_mail_went_once(play)
    assert play.doors.verify()["differences"] == 0


def figures_are_right(play: Play) -> None:
    """Every plan shows what the oracle says."""
    for partner, plan in play.plans.items():
        wanted = play.oracle_says(plan["plan_id"])
        eventually(
            lambda plan_id=plan["plan_id"]: play.services_say(plan_id),  # type: ignore[misc]
            lambda found, wanted=wanted: _without_names(found) == _without_names(wanted),  # type: ignore[misc]
            within=40,
        )
        assert partner


def _without_names(goals: list[Data]) -> list[Data]:
    return [{key: value for key, value in goal.items() if key != "name"} for goal in goals]


def every_mail_went_once(play: Play) -> None:
    """One mail for each admin and each due that has passed; no more and no fewer."""
    for partner, plan in play.plans.items():
        wanted = Counter(
            {(to, due.period): 1 for to in play.admins[partner] for due in play.dues_passed}
        )

        def found(plan_id: str = plan["plan_id"]) -> Counter[tuple[str, str]]:
            mails = play.doors.mails(plan_id)
            return Counter((mail["To"], mail["X-Milepost-Period"]) for mail in mails)

        eventually(found, lambda some, wanted=wanted: some >= wanted, within=60)  # type: ignore[misc]
        assert found() == wanted
