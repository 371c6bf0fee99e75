"""Playing the year through the public doors: partners, plans, then month by month."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from deploy.demo import generated, told
from deploy.demo.doors import Doors, wait_until
from deploy.demo.figures import figures
from deploy.demo.moving import PlanYear, first_of_month
from deploy.demo.organization import Organization
from deploy.demo.sales import Sales, Seller
from deploy.demo.schedule import Step, Untold, end_of_play, steps
from deploy.demo.sellers import SellerPlay, Sold, company_until, facts_of
from deploy.demo.strategies import groups_of_goals, strategy_body, strategy_name
from deploy.demo.targets import targets
from deploy.demo.teller import Teller
from deploy.demo.told import Told, partner_id
from shared.kernel.period import local_day

SETUP_STEPS: Final = 3


@dataclass(frozen=True)
class Plan:
    """A partner's plan as the stack has it."""

    plan_id: str
    seller: Seller
    created_at: datetime

    @property
    def partner_id(self) -> str:
        return partner_id(self.seller.name)


@dataclass(frozen=True)
class Played:
    """The year as it was played, for the summary."""

    sales: Sales
    year: PlanYear
    zone: ZoneInfo
    ended: datetime
    told: list[Told]
    plans: list[Plan]
    sold: Sold


class Play:
    """Plays a year of sales on a stack; again on the same stack it repeats what is there."""

    def __init__(self, doors: Doors, sales: Sales, organization: Organization) -> None:
        self._doors = doors
        self._sales = sales
        self._zone = organization.zone
        self._mail_hour = organization.mail_hour
        self._groups = sorted({seller.group for seller in sales.sellers})

    def run(self, teller: Teller, real_now: datetime) -> Played:
        """Play until the present, or ten months and a day in, whichever is later."""
        strategies = self._known_strategies()
        year = self._year(strategies)
        everything = [
            *generated.of_everybody(self._sales, year),
            *told.of_sales(self._sales, year),
        ]
        end = end_of_play(year, self._zone, self._mail_hour, real_now)
        company = company_until(end, self._zone, self._mail_hour)
        untold = Untold([*everything, *facts_of(company)], self._zone)
        coming = steps(year, self._zone, self._mail_hour, end)
        with teller.steps(len(coming) + SETUP_STEPS):
            teller.step(f"plan year from {year.starts:%d %B %Y}: partners and what went before")
            self._tell(untold, self._doors.now())
            teller.step("strategies and plans")
            plans = self._plan(strategies, year, everything)
            teller.step("seller plans")
            selling = SellerPlay(self._doors, company, end, self._zone, self._mail_hour)
            sold = selling.set_up()
            for step in coming:
                teller.step(step.label)
                self._take(step, untold)
        ended = self._doors.now()
        known = self._known_by(everything, ended)
        return Played(self._sales, year, self._zone, ended, known, plans, sold)

    def _year(self, strategies: dict[str, Any]) -> PlanYear:
        """The plan year that the stack has, or the one that begins in its current month."""
        starts = [date.fromisoformat(found["start_date"]) for found in strategies.values()]
        first = first_of_month(self._doors.now(), self._zone)
        return PlanYear(min(starts, default=first), self._sales.year_starts)

    def _known_by(self, everything: list[Told], moment: datetime) -> list[Told]:
        day = local_day(moment, self._zone)
        return [one for one in everything if (one.known_on or day) <= day]

    def _take(self, step: Step, untold: Untold) -> None:
        is_ahead = step.at > self._doors.now()
        if is_ahead:
            self._doors.jump(step.at)
        if step.tells:
            self._tell(untold, step.at)
        elif is_ahead:
            self._doors.wait_until_complete(step.at)

    def _tell(self, untold: Untold, moment: datetime) -> None:
        self._doors.tell([one.line() for one in untold.due_by(moment)])

    # --- strategies and plans -------------------------------------------------------------------

    def _known_strategies(self) -> dict[str, Any]:
        """Group → its strategy, where the stack has it already."""
        names = {strategy_name(group): group for group in self._groups}
        return {
            names[found["name"]]: found
            for found in self._doors.pages("plans", "/v1/strategies")
            if found["name"] in names
        }

    def _plan(self, known: dict[str, Any], year: PlanYear, everything: list[Told]) -> list[Plan]:
        """A strategy for each group and a plan for each of its partners."""
        plans = []
        for group in self._groups:
            strategy = self._strategy(known.get(group), group, year)
            sellers = [seller for seller in self._sales.sellers if seller.group == group]
            self._wait_for_partners(strategy, sellers)
            goals = self._targets(strategy, sellers, year, everything)
            plans += self._plans(strategy, sellers, goals)
        return plans

    def _strategy(self, known: Any, group: str, year: PlanYear) -> Any:
        """The whole strategy: lists need not say what its goals are."""
        if known:
            return self._doors.get("plans", f"/v1/strategies/{known['strategy_id']}")
        return self._doors.post("plans", "/v1/strategies", strategy_body(group, self._sales, year))

    def _wait_for_partners(self, strategy: Any, sellers: list[Seller]) -> None:
        path = f"/v1/strategies/{strategy['strategy_id']}/eligible-partners"
        wanted = {partner_id(seller.name) for seller in sellers}

        def all_there() -> bool:
            return wanted <= {found["partner_id"] for found in self._doors.pages("plans", path)}

        wait_until(all_there, f"the partners of {strategy['name']} are known to plans")

    def _targets(
        self, strategy: Any, sellers: list[Seller], year: PlanYear, everything: list[Told]
    ) -> dict[str, dict[str, Any]]:
        """Partner id → goal id → target."""
        partners = [partner_id(seller.name) for seller in sellers]
        ids = {
            goal["name"]: goal["goal_id"]
            for group in strategy["goal_groups"]
            for goal in group["goals"]
        }
        found: dict[str, dict[str, Any]] = {partner: {} for partner in partners}
        planned = [goal for group in groups_of_goals(self._sales) for goal in group.goals]
        for goal in planned:
            if goal.name not in ids:
                continue  # somebody has renamed or removed it since
            outcome = figures(everything, goal, year.starts)
            for partner, target in targets(outcome, partners, is_money=goal.is_money).items():
                found[partner][ids[goal.name]] = target
        return found

    def _plans(
        self, strategy: Any, sellers: list[Seller], goals: dict[str, dict[str, Any]]
    ) -> list[Plan]:
        strategy_id = strategy["strategy_id"]
        known = {
            found["partner_id"]: found
            for found in self._doors.pages("plans", "/v1/plans", strategy_id=strategy_id)
        }
        plans = []
        for seller in sellers:
            partner = partner_id(seller.name)
            body = {"strategy_id": strategy_id, "partner_id": partner, "targets": goals[partner]}
            found = known.get(partner) or self._doors.post("plans", "/v1/plans", body)
            plans.append(Plan(found["plan_id"], seller, _moment(found)))
        return plans


def _moment(plan: Any) -> datetime:
    """When a plan was made, by the stack's clock."""
    return datetime.fromisoformat(plan["created"])
