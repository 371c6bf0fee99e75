"""Whatever is told of an office, in whatever order: each insight equals the oracle's.

The events go through the service's own handlers into real tables, and come out as the page and the
mails get them. `HYPOTHESIS_PROFILE=deep` looks longer and elsewhere each time.
"""

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from deploy.local import simulator
from tests.backends.database import Database
from tests.oracle.insight import Company, PeerFigure, peer_figure
from tests.oracle.insight.measures import Measured
from tests.oracle.insight.period import Period
from tests.property.office import CROWD, LAST_DAY, PERIODS, SELLERS, Telling, moment, stories
from tests.property.progress import Data
from tests.property.selling import Selling

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
# Making a failing office smaller takes minutes: by default the first that is found is shown.
PHASES = list(Phase) if DEEP else [Phase.explicit, Phase.generate]
LOOKS = settings(
    max_examples=1500 if DEEP else 20,
    deadline=None,
    derandomize=not DEEP,
    phases=PHASES,
    suppress_health_check=list(HealthCheck),
)
LATER = datetime(2026, 6, 1, tzinfo=UTC)
NOT_THE_ORACLES = ("complete_to", "peers", "methods")
MINIMUM = 2
DUES = {
    "2026-03-08": datetime(2026, 3, 16, 8, tzinfo=UTC),
    "2026-03-22": datetime(2026, 3, 30, 8, tzinfo=UTC),
    "2026-03-29": datetime(2026, 4, 6, 8, tzinfo=UTC),
}


@pytest.fixture(scope="module")
def selling(module_database: Database) -> Iterator[Selling]:
    with Selling(module_database) as made:
        yield made


def tell(selling: Selling, told: Iterable[Telling], cuts: Iterable[int]) -> None:
    """Bring tellings in, in their order and in batches."""
    records = [one.record(offset) for offset, one in enumerate(told)]
    for begin, end in pairwise([0, *sorted(cuts), len(records)]):
        selling.take(records[begin:end])


def company_of(told: Iterable[Telling]) -> Company:
    company = Company()
    for one in told:
        one.reach(company)
    return company


def figures(found: Data) -> Data:
    return {name: value for name, value in found.items() if name not in NOT_THE_ORACLES}


def peers_of(company: Company) -> dict[str, PeerFigure | None]:
    """What the oracle publishes of each period, in the order of the dues."""
    published: dict[str, PeerFigure | None] = {}
    last = None
    for period, due in DUES.items():
        known = [company.known(due, due).measured(one) for one in SELLERS]
        both = {
            one.person: one.external_and_internal(Period.parse(period))
            for one in known
            if is_licensed(one, due)
        }
        last = published[period] = peer_figure(period, both, MINIMUM, last)
    return published


@LOOKS
@given(told=stories(), chance=st.randoms(use_true_random=False), data=st.data())
def test_every_figure_is_the_oracles(
    selling: Selling, told: list[Telling], chance: Random, data: st.DataObject
) -> None:
    selling.forget_everything()
    told = [*told, *chance.sample(told, min(4, len(told)))]
    chance.shuffle(told)
    cuts = data.draw(st.lists(st.integers(0, len(told)), max_size=4))
    selling.enrol(SELLERS, MINIMUM)
    tell(selling, told, cuts)
    company = company_of(told)
    period = data.draw(st.sampled_from(PERIODS))
    for now in (moment(LAST_DAY // 2), LATER):
        for one in SELLERS:
            found = selling.insights(one, period, now)
            assert figures(found) == company.insights(one, period, now, now)


@LOOKS
@given(told=stories(), chance=st.randoms(use_true_random=False))
def test_mails_tell_what_was_known_at_their_due(
    selling: Selling, told: list[Telling], chance: Random
) -> None:
    selling.forget_everything()
    selling.enrol(SELLERS, MINIMUM)
    chance.shuffle(told)
    tell(selling, told, [])
    company = company_of(told)
    peers = peers_of(company)
    for period, due in DUES.items():
        for one, statement in selling.statements(SELLERS, period, due).items():
            if not is_licensed(company.known(due, due).measured(one), due):
                assert statement["insights"] is None
                continue
            found = statement["insights"]
            assert figures(found) == company.insights(one, period, due, due)
            assert found["peers"] == shown(peers[period])


def is_licensed(measured: Measured, due: datetime) -> bool:
    row = measured.directory.row(measured.person, due.date())
    return bool(row.get("licensed"))


def shown(figure: PeerFigure | None) -> Data | None:
    if figure is None:
        return None
    return {
        "period": figure.period,
        "external_percent": figure.external_percent,
        "internal_percent": figure.internal_percent,
    }


@LOOKS
@given(told=stories(), chance=st.randoms(use_true_random=False))
def test_any_order_and_any_batches_leave_the_same_rows(
    selling: Selling, told: list[Telling], chance: Random
) -> None:
    states = []
    for _ in range(2):
        selling.forget_everything()
        chance.shuffle(told)
        again = chance.sample(told, min(3, len(told)))
        tell(selling, [*told, *again], [chance.randrange(len(told) + 1) for _ in range(3)])
        states.append(selling.state())
    assert states[0] == states[1]


# --- differences that were found, and what the rules say ------------------------------------------
HERE, THERE = SELLERS[0], "a@one.example"


def told_of(record: str, **data: Any) -> Telling:
    return Telling(record, {"version": 1, **data}, moment(0))


def happened(name: str, kind: str, *people: Data, **more: Any) -> Telling:
    starts = "2026-03-11T09:00:00Z"
    told = {"interaction_id": name, "kind": kind, "started_at": starts}
    return told_of("interaction", **told, participants=list(people), **more)


def who(address: str, role: str = "recipient", **more: Any) -> Data:
    return {"address": address, "role": role, **more}


SINCE = {"effective_on": "2026-01-01"}
KNOWN = told_of("person", person_id=HERE, licensed=True, opted_out=False, **SINCE)
CONTACT = told_of("crm_contact", contact_id="c1", account_id="A1", email=THERE, **SINCE)


def account(**money: str) -> Telling:
    return told_of("crm_account", account_id="A1", name="One", **money, **SINCE)


FOUND: dict[str, list[Telling]] = {
    "a name without a domain is no address of ours": [
        KNOWN,
        happened("i1", "email", who(HERE, "sender"), who("home.example")),
    ],
    "messages of one listed twice add up": [
        KNOWN,
        happened("i1", "chat", who(HERE, messages=2), who(HERE, messages=3), who(THERE)),
    ],
    "a chat's messages of a day add up, whoever was there for some": [
        KNOWN,
        account(),
        CONTACT,
        happened("i1", "chat", who(HERE, messages=1), who(THERE), chat_id="x"),
        happened(
            "i2",
            "chat",
            *(who(one, messages=1) for one in (HERE, THERE, *CROWD)),
            chat_id="x",
        ),
    ],
    "revenue is spelled as money": [
        KNOWN,
        account(annual_revenue="5.50"),
        CONTACT,
        happened("i1", "email", who(HERE, "sender"), who(THERE)),
    ],
}


@pytest.mark.parametrize("name", FOUND)
def test_a_difference_that_was_found_stays_away(selling: Selling, name: str) -> None:
    selling.forget_everything()
    selling.enrol(SELLERS, MINIMUM)
    tell(selling, FOUND[name], [])
    found = figures(selling.insights(HERE, "2026-03", LATER))
    assert found == company_of(FOUND[name]).insights(HERE, "2026-03", LATER, LATER)
    assert found["collaboration"]["seconds"] > 0


# --- the simulated company ------------------------------------------------------------------------
BATCH = 700
SIMULATED = simulator.Company(date(2026, 2, 2), weeks=9, sellers=24, customers=10)


def simulated(chance: Random) -> list[Telling]:
    """The company as its systems tell it: late, corrected, some of it taken back or told twice."""
    told = []
    for fact in (*SIMULATED.directory(), *SIMULATED.collaboration()):
        at = moment(chance.randrange(LAST_DAY))
        told.append(Telling(fact.record, fact.data, at))
        fate = chance.random()
        if fate < 0.05:
            told.append(Telling(fact.record, fact.data | changed(fact, chance), at))
        elif fate < 0.07:
            told.append(Telling(fact.record, fact.data | {"version": 3}, at, deleted=True))
        elif fate < 0.12:
            told.append(told[-1])
    chance.shuffle(told)
    return told


def changed(fact: simulator.Fact, chance: Random) -> Data:
    """A later version of a fact."""
    version: Data = {"version": 2}
    if fact.record == "crm_contact":
        return version | {"account_id": f"sim-account-{chance.randrange(10):03}"}
    if fact.record == "interaction":
        there: list[Any] = fact.data["participants"]
        return version | {"participants": [*there[:-1], {**there[-1], "response": "declined"}]}
    return version


@pytest.mark.parametrize("seed", range(8 if DEEP else 1))
def test_the_simulated_company_is_the_oracles(selling: Selling, seed: int) -> None:
    told = simulated(Random(seed))
    people = [SIMULATED.seller(number) for number in range(SIMULATED.sellers)]
    selling.forget_everything()
    selling.enrol(people, 5)
    tell(selling, told, range(0, len(told), BATCH))
    company = company_of(told)
    for period in ("2026-03", "2026-03-22"):
        for person in people:
            found = selling.insights(person, period, LATER)
            assert figures(found) == company.insights(person, period, LATER, LATER)
