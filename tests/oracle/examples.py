"""Short ways to write worlds down: events, goals, strategies and plans with few words."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.oracle.world import World

Data = dict[str, Any]

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
PLAN, STRATEGY, GOAL, PARTNER = "plan-1", "strategy-1", "goal-1", "p1"
DEAL: Data = {
    "deal_id": "d1",
    "version": 1,
    "partner_id": PARTNER,
    "products": [],
    "status": "draft",
}
LEAD: Data = {"lead_id": "l1", "version": 1, "partner_id": PARTNER, "captured_on": "2026-02-01"}


def goal(kind: str, goal_id: str = GOAL, **options: Any) -> Data:
    """A goal of a type, named after its id."""
    return {"goal_id": goal_id, "type": kind, "name": f"name of {goal_id}", "options": options}


class Story:
    """A world in which each telling happens an hour after the one before."""

    def __init__(self, *goals: Data, start: str = "2026-01-01", zone: str = "UTC") -> None:
        self.world = World(zone)
        self.now = NOON - timedelta(days=30)
        self.versions = 0
        self.partner()
        self.strategy(*goals, start=start)
        self.plan()

    def at(self, *, hour: int) -> datetime:
        """The moment that many hours after the story began; 1 is the first telling."""
        return NOON - timedelta(days=30) + timedelta(hours=hour)

    def tick(self) -> datetime:
        self.now += timedelta(hours=1)
        self.versions += 1
        return self.now

    def hear(self, kind: str, _what: str = "recorded", **data: Any) -> "Story":
        self.world.hear(f"milepost.{kind}.{_what}.v1", data, self.tick())
        return self

    def partner(self, **changes: Any) -> "Story":
        told = {
            "partner_id": PARTNER,
            "version": self.versions,
            "name": "P",
            "groups": [],
            "users": [],
        }
        return self.hear("partner", **{**told, **changes})

    def deal(self, **changes: Any) -> "Story":
        return self.hear("deal", **{**DEAL, **changes})

    def lead(self, **changes: Any) -> "Story":
        return self.hear("lead", **{**LEAD, **changes})

    def account(self, **changes: Any) -> "Story":
        told = {"account_id": "a1", "version": 1, "partner_id": PARTNER, "name": "A"}
        return self.hear("account", **{**told, "status": "approved", **changes})

    def campaign(self, *tags: str, **changes: Any) -> "Story":
        told = {"campaign_id": "c1", "version": self.versions, "name": "C", "tags": [*tags]}
        return self.hear("campaign", **{**told, **changes})

    def completion(
        self, completion_id: str, user_id: str, completed_on: str, **changes: Any
    ) -> "Story":
        told = {"completion_id": completion_id, "user_id": user_id, "completed_on": completed_on}
        rest = {"version": 1, "partner_id": PARTNER, "certification": "Cloud"}
        return self.hear("certification", **{**told, **rest, **changes})

    def field(self, effective_on: str, value: str, **changes: Any) -> "Story":
        told = {"effective_on": effective_on, "value": value, "field": "seats"}
        return self.hear(
            "partner_field", **{**told, "partner_id": PARTNER, "version": 1, **changes}
        )

    def strategy(self, *goals: Data, start: str = "2026-01-01", deleted: bool = False) -> "Story":
        moment = self.tick()
        self.world.tell_strategy(
            {
                "strategy_id": STRATEGY,
                "version": self.versions,
                "name": f"Strategy {self.versions}",
                "start_date": start,
                "goal_groups": [{"name": "New Group", "goals": list(goals)}],
                "deleted": deleted,
            },
            moment,
        )
        return self

    def plan(self, targets: Data | None = None, *, deleted: bool = False) -> "Story":
        moment = self.tick()
        self.world.tell_plan(
            {
                "plan_id": PLAN,
                "version": self.versions,
                "strategy_id": STRATEGY,
                "partner_id": PARTNER,
                "created_at": moment.isoformat(),
                "targets": targets or {},
                "deleted": deleted,
            },
            moment,
        )
        return self

    def value(
        self, goal_id: str = GOAL, at: datetime | None = None, known_at: datetime | None = None
    ) -> str:
        """A goal's value and its quarters as `value = q1 q2 q3 q4`."""
        found = self.world.progress(PLAN, at or NOON, known_at or self.now)
        goals = [one for group in found["goal_groups"] for one in group["goals"]]
        [one] = [one for one in goals if one["goal_id"] == goal_id]
        return " ".join([one["value"], "=", *(quarter["value"] for quarter in one["quarters"])])

    def counted(self, goal_id: str = GOAL, at: datetime | None = None) -> list[str]:
        """What counts for a goal as `record day amount quarter`."""
        found = self.world.contributions(PLAN, goal_id, at or NOON, self.now)
        return [f"{one.record} {one.day} {one.amount} q{one.quarter}" for one in found]
