"""A small office in which everything collides: few people, few days, all of them at some edge."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from shared.messaging.message import Record
from tests.oracle.insight import Company
from tests.property.selling import as_record, spelled

Data = dict[str, Any]

EPOCH = datetime(2026, 3, 14, 12, tzinfo=UTC)
LAST_DAY = 30
"""Things are accepted from the epoch to so many days after it, most of them late."""
SELLERS = [f"s{number}@home.example" for number in range(4)]
BOSS, LEADER = "boss@home.example", "leader@home.example"
INSIDERS = [*SELLERS, BOSS, LEADER]
CUSTOMERS = ["a@one.example", "b@one.example", "c@two.example", "d@gmail.com"]
STRANGERS = ["e@new.example", "room 4", "home.example", "temp@home.example"]
CROWD = [f"x{number}@one.example" for number in range(7)]
EFFECTIVE = ["2026-01-01", "2026-03-05", "2026-03-20", "2026-03-29"]
ZONES = [None, "America/New_York", "Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago"]
DAYS = ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-07", "2026-03-08", "2026-03-11"]
DAYS += ["2026-03-21", "2026-03-22", "2026-03-28", "2026-03-29", "2026-03-31", "2026-04-01"]
CLOCKS = ["00:00", "00:01", "04:30", "09:00", "09:02", "09:30", "10:00", "10:15", "22:30", "23:59"]
LENGTHS = [0, 7, 30, 45, 90, 479, 480]
PERIODS = ["2026-03", "2026-03-01", "2026-03-08", "2026-03-22", "2026-03-29"]

chances = st.integers(0, 9)


@dataclass(frozen=True)
class Telling:
    """A record that was accepted at a moment and is on its way to progress."""

    kind: str
    data: Data
    at: datetime
    deleted: bool = False

    def record(self, offset: int) -> Record:
        value = spelled(self.kind, self.data, deleted=self.deleted)
        return as_record(self.kind, value, self.at, deleted=self.deleted, offset=offset)

    def reach(self, company: Company) -> None:
        """Tell the oracle; it hears of what ingest let through."""
        what = "deleted" if self.deleted else "recorded"
        data = json.loads(spelled(self.kind, self.data, deleted=self.deleted))
        company.hear(f"milepost.{self.kind}.{what}.v1", data, self.at)


def moment(day: int) -> datetime:
    return EPOCH + timedelta(days=day)


# --- people and customers -------------------------------------------------------------------------
@st.composite
def people(draw: st.DrawFn) -> Data:
    told = {
        "person_id": draw(st.sampled_from(INSIDERS)),
        "effective_on": draw(st.sampled_from(EFFECTIVE)),
        "licensed": draw(chances) > 0,
        "opted_out": False,
    }
    optional = {
        "organization": draw(st.sampled_from([None, "Sales", "Ops"])),
        "manager_id": draw(st.sampled_from([None, BOSS, LEADER, *SELLERS[:2]])),
        "time_zone": draw(st.sampled_from(ZONES)),
    }
    return told | {name: value for name, value in optional.items() if value}


@st.composite
def accounts(draw: st.DrawFn) -> Data:
    told = {
        "account_id": draw(st.sampled_from(["A1", "A2", "A3"])),
        "effective_on": draw(st.sampled_from(EFFECTIVE)),
        "name": draw(st.sampled_from(["One", "Two"])),
    }
    money = draw(st.sampled_from([{}, {"annual_revenue": "5.50"}, {"currency": "EUR"}]))
    return told | money | draw(st.sampled_from([{}, {"annual_revenue": "946000"}]))


@st.composite
def contacts(draw: st.DrawFn) -> Data:
    return {
        "contact_id": draw(st.sampled_from(["c1", "c2", "c3", "c4"])),
        "effective_on": draw(st.sampled_from(EFFECTIVE)),
        "account_id": draw(st.sampled_from(["A1", "A2", "A3"])),
        "email": draw(st.sampled_from([*CUSTOMERS, SELLERS[3]])),
    }


@st.composite
def assignments(draw: st.DrawFn) -> Data:
    return {
        "account_id": draw(st.sampled_from(["A1", "A2"])),
        "seller": draw(st.sampled_from(SELLERS)),
        "effective_on": draw(st.sampled_from(EFFECTIVE)),
    }


# --- collaboration --------------------------------------------------------------------------------
@st.composite
def interactions(draw: st.DrawFn) -> Data:
    kind = draw(st.sampled_from(["email", "meeting", "meeting", "call", "chat"]))
    day, clock = draw(st.sampled_from(DAYS)), draw(st.sampled_from(CLOCKS))
    starts = datetime.fromisoformat(f"{day}T{clock}:00+00:00")
    told: Data = {
        "interaction_id": f"i{draw(st.integers(0, 24)):02}",
        "kind": kind,
        "started_at": starts.isoformat(),
        "participants": draw(_participants(kind, starts)),
    }
    if kind in ("meeting", "call"):
        length = timedelta(minutes=draw(st.sampled_from(LENGTHS)))
        told["ended_at"] = (starts + length).isoformat()
    if kind == "chat" and draw(st.booleans()):
        told["chat_id"] = draw(st.sampled_from(["x", "y"]))
    if draw(chances) == 0:
        told["cancelled"] = True
    return told


@st.composite
def _participants(draw: st.DrawFn, kind: str, starts: datetime) -> list[Data]:
    anybody = st.one_of(
        st.sampled_from(SELLERS), st.sampled_from(INSIDERS), st.sampled_from(CUSTOMERS + STRANGERS)
    )
    there = draw(st.lists(anybody, min_size=1, max_size=5))
    if draw(chances) == 0:
        there += CROWD
    return [draw(_participant(kind, starts, one)) for one in there]


@st.composite
def _participant(draw: st.DrawFn, kind: str, starts: datetime, address: str) -> Data:
    roles = {"email": ["sender", "recipient", "recipient"], "chat": ["sender", "recipient"]}
    told: Data = {
        "address": draw(st.sampled_from([address, address, f" {address.title()} "])),
        "role": draw(st.sampled_from(roles.get(kind, ["organizer", "attendee", "attendee"]))),
    }
    responses = [None, None, "accepted", "tentative", "none", "declined"]
    response = draw(st.sampled_from(responses))
    if response:
        told["response"] = response
    if kind == "chat" and draw(st.booleans()):
        told["messages"] = draw(st.integers(0, 4))
    if kind == "call":
        for name in ("joined_at", "left_at"):
            minutes = draw(st.sampled_from([None, None, -10, 5, 20, 100, 1500]))
            if minutes is not None:
                told[name] = (starts + timedelta(minutes=minutes)).isoformat()
    return told


# --- what is told ---------------------------------------------------------------------------------
KINDS = {
    "person": people(),
    "crm_account": accounts(),
    "crm_contact": contacts(),
    "seller_assignment": assignments(),
    "interaction": interactions(),
}


@st.composite
def tellings(draw: st.DrawFn, kind: str) -> Telling:
    data = draw(KINDS[kind]) | {"version": draw(st.integers(1, 3))}
    return Telling(kind, data, moment(draw(st.integers(0, LAST_DAY))), draw(chances) == 0)


@st.composite
def stories(draw: st.DrawFn) -> list[Telling]:
    """What is told of an office, in no order."""
    sizes = {"person": 8, "crm_account": 4, "crm_contact": 6, "seller_assignment": 1}
    told = []
    for kind, most in (sizes | {"interaction": 30}).items():
        told += draw(st.lists(tellings(kind), min_size=most // 2, max_size=most))
    return told
