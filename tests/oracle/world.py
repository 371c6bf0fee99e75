"""The whole world: events, strategies and plans as told, and the answers due for any moment."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle import figures, plan_year
from tests.oracle.figures import Contribution, Partner, Verdict
from tests.oracle.ledger import Data, Ledger, Version

KINDS_OF_A_PARTNER = ("deal", "account", "lead", "certification", "partner_field")


class UnknownHereError(LookupError):
    """There is no such plan, goal or record at that moment, or it is another partner's."""


class World:
    """Everything that was accepted, and what follows from it."""

    def __init__(self, zone: str = "UTC", mail_hour: int = 8) -> None:
        self.zone = ZoneInfo(zone)
        self.mail_hour = mail_hour
        self.ledger = Ledger()
        self._strategies: list[tuple[datetime, Data]] = []
        self._plans: list[tuple[datetime, Data]] = []

    def hear(self, event_type: str, data: Data, accepted_at: datetime) -> None:
        """Take an accepted event (`milepost.deal.recorded.v1`) with the moment of acceptance."""
        _, kind, what, _ = event_type.split(".")
        self.ledger.hear(kind, data, accepted_at, deleted=what == "deleted")

    def tell_strategy(self, snapshot: Data, recorded_at: datetime) -> None:
        """Take a change of a strategy, as a whole snapshot."""
        self._strategies.append((recorded_at, snapshot))

    def tell_plan(self, snapshot: Data, recorded_at: datetime) -> None:
        """Take a change of a plan, as a whole snapshot."""
        self._plans.append((recorded_at, snapshot))

    def plan(self, plan_id: str, known_at: datetime) -> Data:
        """The plan as known then; UnknownHereError before it existed and once it is deleted."""
        return _newest(self._plans, "plan_id", plan_id, known_at)

    def strategy(self, strategy_id: str, known_at: datetime) -> Data:
        """The strategy as known then; UnknownHereError as for a plan."""
        return _newest(self._strategies, "strategy_id", strategy_id, known_at)

    def day_of(self, moment: datetime) -> date:
        """The organization's calendar day of a moment."""
        return moment.astimezone(self.zone).date()

    def progress(self, plan_id: str, at: datetime, known_at: datetime) -> Data:
        """The progress answer of the contract, but for its echoes of `at` and `known_at` and
        `complete_to`, which are no figures."""
        plan = self.plan(plan_id, known_at)
        strategy = self.strategy(plan["strategy_id"], known_at)
        start = date.fromisoformat(strategy["start_date"])
        return {
            "plan_id": plan_id,
            "strategy_name": strategy["name"],
            "partner_id": plan["partner_id"],
            "start_date": start.isoformat(),
            "end_date": plan_year.year_end(start).isoformat(),
            "status": plan_year.status(self.day_of(at), start),
            "goal_groups": [
                {
                    "name": group["name"],
                    "goals": [self._standing(plan, goal, at, known_at) for goal in group["goals"]],
                }
                for group in strategy["goal_groups"]
            ],
        }

    def contributions(
        self, plan_id: str, goal_id: str, at: datetime, known_at: datetime
    ) -> list[Contribution]:
        """What a goal's value is the sum of."""
        plan = self.plan(plan_id, known_at)
        strategy = self.strategy(plan["strategy_id"], known_at)
        start = date.fromisoformat(strategy["start_date"])
        goal = _goals(strategy).get(goal_id)
        if goal is None:
            raise UnknownHereError(goal_id)
        partner = self._partner(plan["partner_id"], known_at)
        return figures.contributions(goal, start, self.day_of(at), partner)

    def verdicts(
        self, plan_id: str, record: str, at: datetime, known_at: datetime
    ) -> dict[str, Verdict]:
        """For each goal of a plan, whether a record counts.

        Raises UnknownHereError for a record that is not known or another partner's.
        """
        plan = self.plan(plan_id, known_at)
        version = self.ledger.newest(record, known_at)
        if (
            version is None
            or version.deleted
            or version.data.get("partner_id") != plan["partner_id"]
        ):
            raise UnknownHereError(record)
        return {
            goal_id: _verdict(goal_id, record, self.contributions(plan_id, goal_id, at, known_at))
            for goal_id in _goals(self.strategy(plan["strategy_id"], known_at))
        }

    def recipients(self, plan_id: str, due_at: datetime) -> list[str]:
        """Who gets the mail: the admins of the newest partner record known at the due time, each
        address once whatever its case; nobody for a partner that is inactive or unknown."""
        partner = self._known_partner(self.plan(plan_id, due_at)["partner_id"], due_at)
        if partner is None or partner.data.get("active") is False:
            return []
        users = partner.data.get("users", [])
        return sorted({user["email"].casefold() for user in users if user["role"] == "admin"})

    def dues(self, plan_id: str, known_at: datetime) -> list[plan_year.Due]:
        """The plan's monthly dues, as its strategy stands at a moment."""
        plan = self.plan(plan_id, known_at)
        strategy = self.strategy(plan["strategy_id"], known_at)
        created_at = datetime.fromisoformat(plan["created_at"])
        start = date.fromisoformat(strategy["start_date"])
        return plan_year.dues(start, self.zone, self.mail_hour, created_at)

    def _standing(self, plan: Data, goal: Data, at: datetime, known_at: datetime) -> Data:
        unit = figures.unit_of(goal)
        start = date.fromisoformat(self.strategy(plan["strategy_id"], known_at)["start_date"])
        counted = self.contributions(plan["plan_id"], goal["goal_id"], at, known_at)
        targets = plan["targets"].get(goal["goal_id"], {})
        return {
            "goal_id": goal["goal_id"],
            "name": goal["name"],
            "type": goal["type"],
            "unit": unit,
            **_figures(counted, targets.get("annual"), unit),
            "quarters": [
                {
                    "quarter": number,
                    "starts": first.isoformat(),
                    "ends": after.isoformat(),
                    **_figures(
                        [one for one in counted if one.quarter == number],
                        targets.get(f"q{number}"),
                        unit,
                    ),
                }
                for number, (first, after) in enumerate(plan_year.quarters(start), 1)
            ],
        }

    def _known_partner(self, partner_id: str, known_at: datetime) -> Version | None:
        return self.ledger.living("partner", known_at).get(f"partner/{partner_id}")

    def _partner(self, partner_id: str, known_at: datetime) -> Partner:
        """The partner's records; none as long as the partner itself is unknown or deleted."""
        known = self._known_partner(partner_id, known_at) is not None
        deals, accounts, leads, certifications, fields = (
            {
                record: version
                for record, version in self.ledger.living(kind, known_at).items()
                if known and version.data["partner_id"] == partner_id
            }
            for kind in KINDS_OF_A_PARTNER
        )
        campaigns = self.ledger.living("campaign", known_at)
        return Partner(deals, accounts, leads, certifications, fields, campaigns)


def _newest(told: list[tuple[datetime, Data]], key: str, wanted: str, known_at: datetime) -> Data:
    known = [one for at, one in told if one[key] == wanted and at <= known_at]
    newest = max(known, key=lambda one: int(one["version"]), default=None)
    if newest is None or newest["deleted"]:
        raise UnknownHereError(wanted)
    return newest


def _goals(strategy: Data) -> dict[str, Data]:
    return {goal["goal_id"]: goal for group in strategy["goal_groups"] for goal in group["goals"]}


def _verdict(goal_id: str, record: str, counted: list[Contribution]) -> Verdict:
    for one in counted:
        if one.record == record:
            return Verdict(goal_id, counts=True, amount=one.amount, quarter=one.quarter)
    return Verdict(goal_id, counts=False)


def _figures(counted: list[Contribution], target: Any, unit: str) -> Data:
    value = sum((one.amount for one in counted), Decimal(0))
    goal = None if target is None else Decimal(str(target))
    return {
        "target": None if goal is None else figures.plain(goal, unit),
        "value": figures.plain(value, unit),
        "percent": figures.percent(value, goal),
    }
