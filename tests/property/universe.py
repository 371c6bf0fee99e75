"""A small world in which everything collides: few ids, few days, all of them at some edge."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from shared.events.envelope import Envelope, to_headers
from shared.events.plans import PLAN_DEFINED, STRATEGY_DEFINED, PlanSnapshot, StrategySnapshot
from shared.kernel.ids import named_id
from shared.messaging import topics
from shared.messaging.message import Record
from tests.oracle import World, quarters, year_end
from tests.oracle.ledger import KEYS

Data = dict[str, Any]

EPOCH = datetime(2025, 6, 1, 12, tzinfo=UTC)
LAST_SECOND = 60
STARTS = ["2025-01-01", "2024-11-30", "2024-02-29"]
DAYS = [
    "2023-05-01",
    "2024-02-28",
    "2024-02-29",
    "2024-05-28",
    "2024-05-29",
    "2024-11-29",
    "2024-11-30",
    "2024-12-31",
    "2025-01-01",
    "2025-02-27",
    "2025-02-28",
    "2025-03-31",
    "2025-04-01",
    "2025-05-29",
    "2025-05-30",
    "2025-06-01",
    "2025-06-02",
    "2025-11-29",
    "2025-11-30",
    "2025-12-31",
    "2026-01-01",
]
PARTNERS = ["p1", "p2", "p3"]
CAMPAIGNS = ["c1", "c2"]
TAGS = ["red", "Red", "blue"]
PRODUCTS = ["Disk", "Tape"]
DEAL_TYPES = ["new", "renewal"]
ACTIVITIES = ["email", "panel"]
CURRENCIES = ["USD", "EUR"]
CERTIFICATIONS = ["Cloud", "cloud"]
FIELDS = ["seats", "desks"]
AMOUNTS = ["0", "0.01", "9", "10", "10.50", "333333.33"]
STRATEGIES = [named_id("strategy", name) for name in "AB"]
PLANS = {
    named_id("plan", strategy, partner): (strategy, partner)
    for strategy in STRATEGIES
    for partner in PARTNERS[:2]
}
TYPES = [
    "approved_accounts",
    "approved_registered_deals",
    "campaign_leads",
    "closed_won_total_deals_amount",
    "completed_certifications",
    "custom_partner_field",
    "registered_leads",
]


def moment(second: int) -> datetime:
    """A second of the play."""
    return EPOCH + timedelta(seconds=second)


@dataclass(frozen=True)
class Telling:
    """Something that was accepted at a moment and is on its way to progress."""

    event_type: str
    topic: str
    key: str
    text: str
    accepted_at: datetime

    @property
    def data(self) -> Data:
        found: Data = json.loads(self.text)
        return found

    def record(self, offset: int) -> Record:
        """It as a record of its topic."""
        envelope = Envelope(f"e{offset}", self.event_type, "tests", self.accepted_at)
        headers = tuple(to_headers(envelope))
        value = self.text.encode()
        return Record(self.topic, 0, offset, self.key.encode(), value, headers, 0)

    def into(self, world: World) -> None:
        """Tell the oracle."""
        if self.event_type == STRATEGY_DEFINED:
            world.tell_strategy(self.data, self.accepted_at)
        elif self.event_type == PLAN_DEFINED:
            world.tell_plan(self.data, self.accepted_at)
        else:
            world.hear(self.event_type, self.data, self.accepted_at)


def some(*words: str) -> st.SearchStrategy[str]:
    return st.sampled_from(words)


def optional(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def several(words: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(words), unique=True, max_size=len(words))


versions = st.integers(1, 4)
days = st.sampled_from(DAYS)
partners = st.sampled_from(PARTNERS)
names = some("é", "z", "A", "\U0001f600")

DEALS = st.fixed_dictionaries(
    {
        "deal_id": some("d1", "d2", "d3"),
        "version": versions,
        "partner_id": partners,
        "status": some(
            "closed_won", "closed_won", "approved", "closed_lost", "registered", "rejected"
        ),
        "products": several(PRODUCTS),
    },
    optional={
        "name": names,
        "deal_type": st.sampled_from(DEAL_TYPES),
        "approved_on": days,
        "closed_on": days,
    },
)
PRICES = st.none() | st.fixed_dictionaries(
    {"amount": st.sampled_from(AMOUNTS), "currency": st.sampled_from(CURRENCIES)}
)
RECORDS: dict[str, st.SearchStrategy[Data]] = {
    "deal": st.builds(lambda deal, price: {**deal, **(price or {})}, DEALS, PRICES),
    "account": st.fixed_dictionaries(
        {
            "account_id": some("a1", "a2"),
            "version": versions,
            "partner_id": partners,
            "name": names,
            "status": some("approved", "approved", "pending", "rejected"),
        },
        optional={"approved_on": days},
    ),
    "campaign": st.fixed_dictionaries(
        {
            "campaign_id": st.sampled_from(CAMPAIGNS),
            "version": versions,
            "name": names,
            "tags": several(TAGS),
        }
    ),
    "lead": st.fixed_dictionaries(
        {
            "lead_id": some("l1", "l2", "l3"),
            "version": versions,
            "partner_id": partners,
            "captured_on": days,
        },
        optional={
            "campaign_id": st.sampled_from([*CAMPAIGNS, "c-unknown"]),
            "activity_type": st.sampled_from(ACTIVITIES),
        },
    ),
    "certification": st.fixed_dictionaries(
        {
            "completion_id": some("x1", "x2", "x3", "x4"),
            "version": versions,
            "partner_id": partners,
            "user_id": some("u1", "u2"),
            "certification": st.sampled_from(CERTIFICATIONS),
            "completed_on": days,
        }
    ),
    "partner_field": st.fixed_dictionaries(
        {
            "partner_id": st.sampled_from(PARTNERS[:2]),
            "field": st.sampled_from(FIELDS),
            "effective_on": days,
            "version": versions,
            "value": some("0", "-3.5", "7", "7.25", "1000"),
        }
    ),
    "partner": st.fixed_dictionaries(
        {"partner_id": partners, "version": versions, "name": names},
        optional={"active": st.booleans(), "groups": several(["West"])},
    ),
}
KINDS = [*RECORDS, "deal", "deal", "lead", "certification", "certification", "partner_field"]


@st.composite
def record_tellings(draw: st.DrawFn) -> Telling:
    """An event about a record: a version, or its deletion."""
    kind = draw(st.sampled_from(KINDS))
    data = draw(RECORDS[kind])
    deleted = draw(st.integers(0, 6)) == 0
    if deleted:
        data = {key: data[key] for key in (*KEYS[kind], "version")}
    what = "deleted" if deleted else "recorded"
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    topic = {"partner": topics.PARTNERS, "campaign": topics.CAMPAIGNS}.get(kind, topics.ACTIVITY)
    key = str(data.get("partner_id") or data[KEYS[kind][0]])
    at = moment(draw(st.integers(0, LAST_SECOND)))
    return Telling(f"milepost.{kind}.{what}.v1", topic, key, text, at)


def _options(kind: str) -> st.SearchStrategy[Data]:
    deals = {"deal_types": several(DEAL_TYPES), "products": several(PRODUCTS)}
    by_type: dict[str, st.SearchStrategy[Data]] = {
        "approved_registered_deals": st.fixed_dictionaries({}, optional=deals),
        "closed_won_total_deals_amount": st.fixed_dictionaries(
            {"currency": st.sampled_from(CURRENCIES)}, optional=deals
        ),
        "campaign_leads": st.fixed_dictionaries(
            {"campaign_tags": several(TAGS).filter(bool)},
            optional={"activity_types": several(ACTIVITIES)},
        ),
        "completed_certifications": st.fixed_dictionaries(
            {"certification": st.sampled_from(CERTIFICATIONS), "count_earlier": st.booleans()}
        ),
        "custom_partner_field": st.fixed_dictionaries({"field": st.sampled_from(FIELDS)}),
    }
    return by_type.get(kind, st.just({}))


@st.composite
def goals(draw: st.DrawFn, strategy_id: str) -> list[Data]:
    """Some goals of a strategy; a goal's id says its type, its options change freely."""
    slots = draw(st.lists(st.integers(0, 9), unique=True, min_size=1, max_size=6))
    found = []
    for slot in slots:
        kind = TYPES[slot % len(TYPES)]
        options = draw(_options(kind))
        money = options.get("currency")
        unit = money or ("number" if kind == "custom_partner_field" else "count")
        goal_id = named_id("goal", strategy_id, str(slot))
        name = draw(some("One", "Two"))
        found.append(
            {"goal_id": goal_id, "type": kind, "name": name, "unit": unit, "options": options}
        )
    return found


@st.composite
def strategy_snapshots(draw: st.DrawFn, strategy_id: str, version: int) -> Data:
    """What a strategy may be after its `version`-th change."""
    start = draw(st.sampled_from(STARTS))
    first = datetime.fromisoformat(start).date()
    cut = draw(st.integers(0, 3))
    own = draw(goals(strategy_id))
    groups = [own[:cut], own[cut:]]
    return {
        "strategy_id": strategy_id,
        "version": version,
        "name": f"Strategy {draw(names)}",
        "start_date": start,
        "end_date": str(year_end(first)),
        "quarter_starts": [str(day) for day, _ in quarters(first)],
        "partner_groups": [],
        "goal_groups": [
            {"group_id": named_id("group", strategy_id, str(n)), "name": f"G{n}", "goals": group}
            for n, group in enumerate(groups)
        ],
        "deleted": False,
    }


@st.composite
def plan_snapshots(draw: st.DrawFn, plan_id: str, version: int, created_at: datetime) -> Data:
    """What a plan may be after its `version`-th change."""
    strategy_id, partner_id = PLANS[plan_id]
    targets = {}
    for slot in draw(st.lists(st.integers(0, 9), unique=True, max_size=4)):
        whole = TYPES[slot % len(TYPES)] not in (TYPES[3], TYPES[5])
        four = draw(
            st.lists(
                some("0", "3", "8") if whole else some("0.00", "0.03", "12.50"),
                min_size=4,
                max_size=4,
            )
        )
        quarter = {f"q{n}": figure for n, figure in enumerate(four, 1)}
        annual = str(sum(map(_exact, four)))
        targets[named_id("goal", strategy_id, str(slot))] = {"annual": annual, **quarter}
    return {
        "plan_id": plan_id,
        "version": version,
        "strategy_id": strategy_id,
        "partner_id": partner_id,
        "created_at": created_at.isoformat(),
        "targets": targets,
        "deleted": False,
    }


def _exact(text: str) -> Any:
    from decimal import Decimal

    return Decimal(text)


def told_strategy(data: Data, at: datetime) -> Telling:
    """A strategy's snapshot as the plans service tells it."""
    text = StrategySnapshot.model_validate_json(json.dumps(data)).value().decode()
    return Telling(STRATEGY_DEFINED, topics.PLANS, data["strategy_id"], text, at)


def told_plan(data: Data, at: datetime) -> Telling:
    """A plan's snapshot as the plans service tells it."""
    text = PlanSnapshot.model_validate_json(json.dumps(data)).value().decode()
    return Telling(PLAN_DEFINED, topics.PLANS, data["plan_id"], text, at)


moments = st.integers(-1, LAST_SECOND + 1).map(lambda n: moment(LAST_SECOND - n))
"""When something may be known: from before the play until after it."""

looks = st.sampled_from(
    [*(f"{day}T12:00:00+00:00" for day in DAYS), "2027-01-01T00:00:00+00:00"]
).map(datetime.fromisoformat)
"""Days up to which things may count."""
