"""Due ticks become mails: one for each admin, as of its due time, the same to the byte."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.flow.doors import Data, Doors, event, eventually, fresh
from tests.oracle import dues

pytestmark = pytest.mark.flow

WON: Data = {"type": "closed_won_total_deals_amount", "name": "Won", "options": {"currency": "USD"}}
UTC_ZONE = ZoneInfo("UTC")


def won(partner: str, amount: str, day: date) -> Data:
    told = {"deal_id": fresh("d"), "version": 1, "partner_id": partner, "status": "closed_won"}
    return {**told, "amount": amount, "currency": "USD", "closed_on": str(day)}


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def deliveries(doors: Doors, plan_id: str, period: str | None = None) -> list[Data]:
    params = {"plan_id": plan_id, **({"period": period} if period else {})}
    return doors.all("notifier", "/v1/deliveries", params=params)


def mails_of(doors: Doors, plan_id: str, count: int) -> list[EmailMessage]:
    """The mails of a plan once there are so many; a little later there are still as many."""
    eventually(lambda: len(doors.mails(plan_id)), lambda found: found >= count, within=40)
    time.sleep(0.5)
    found = doors.mails(plan_id)
    assert len(found) == count, [(mail["To"], mail["X-Milepost-Period"]) for mail in found]
    return found


def starting_soon(doors: Doors, *goals: Data) -> tuple[date, Data]:
    """A strategy that begins tomorrow by the stack's clock, so that its first due is ahead."""
    start = doors.today() + timedelta(days=1)
    return start, doors.strategy(*(goals or (WON,)), start=start)


def dues_of(start: date, created: datetime) -> list[Any]:
    return dues(start, UTC_ZONE, 8, created)


def test_each_admin_gets_one_mail_a_month_each_as_of_its_own_due_time(doors: Doors) -> None:
    first, second = f"{fresh('Ada')}@p.example", f"{fresh('bob')}@p.example"
    partner = doors.partner(
        users=[
            {"email": first, "name": "Ada", "role": "admin"},
            {"email": first.upper(), "name": "Ada again", "role": "admin"},
            {"email": second, "name": "Bob", "role": "admin"},
            {"email": f"{fresh('m')}@p.example", "name": "Member", "role": "member"},
        ]
    )
    start, strategy = starting_soon(doors)
    plan = doors.plan(strategy, partner, None)
    one, two, three = dues_of(start, doors.now())[:3]
    doors.send(
        event("deal", won(partner, "111.25", start)),
        event("deal", won(partner, "222.50", two.at.date())),
        event("deal", won(partner, "333.75", three.at.date() + timedelta(days=1))),
    )
    doors.progress(plan["plan_id"])
    # One jump over three dues: each is done, as of its own time.
    doors.jump(three.at + timedelta(minutes=5))
    late = event("deal", won(partner, "444.00", start))
    doors.send(late)
    found = mails_of(doors, plan["plan_id"], 6)
    counted = Counter((mail["To"].lower(), mail["X-Milepost-Period"]) for mail in found)
    expected = {(who.lower(), due.period) for who in (first, second) for due in (one, two, three)}
    assert set(counted) == expected
    assert set(counted.values()) == {1}
    by_period = {mail["X-Milepost-Period"]: text_of(mail) for mail in found}
    values = {one.period: "111.25", two.period: "333.75", three.period: "333.75"}
    for period, value in values.items():
        text = by_period[period].replace(",", "").replace("\u202f", "")
        assert value in text, text
        assert str(Decimal(value) + 444) not in text
    # Anything accepted after a due time is in the figures and never in that mail.
    doors.shows(plan["plan_id"], "777.75")
    states = deliveries(doors, plan["plan_id"])
    assert len(states) == 6
    assert {one["state"] for one in states} == {"accepted"}


def test_a_mail_carries_what_the_contract_promises(doors: Doors) -> None:
    address = f"{fresh('a')}@p.example"
    partner = doors.partner(admins=[address])
    start, strategy = starting_soon(doors)
    goal = strategy["goal_groups"][0]["goals"][0]["goal_id"]
    plan = doors.plan(strategy, partner, {goal: {"annual": "400"}})
    doors.tell("deal", **won(partner, "50", start))
    due = dues_of(start, doors.now())[0]
    doors.jump(due.at + timedelta(seconds=1))
    [mail] = mails_of(doors, plan["plan_id"], 1)
    assert mail["To"] == address
    assert mail["Message-ID"]
    assert mail["X-Milepost-Plan"] == plan["plan_id"]
    assert mail["X-Milepost-Period"] == due.period
    assert mail["List-Unsubscribe"].startswith("<http")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Subject"]
    assert mail["From"]
    assert mail["Date"]
    assert mail.get_body(("html",)) is not None
    text = text_of(mail)
    for said in (strategy["name"], "Won", "50.00", "400.00", "12.5", "100.00"):
        assert said in text.replace(",", ""), text
    assert address not in text
    [delivery] = deliveries(doors, plan["plan_id"], due.period)
    assert {"state", "attempts"} <= set(delivery)
    assert strategy["name"] not in json.dumps(delivery)
    assert "50.00" not in json.dumps(delivery)


def test_recipients_are_the_admins_known_at_the_due_time(doors: Doors) -> None:
    old, new = f"{fresh('old')}@p.example", f"{fresh('new')}@p.example"
    partner = doors.partner(admins=[old])
    start, strategy = starting_soon(doors)
    plan = doors.plan(strategy, partner)
    due = dues_of(start, doors.now())[0]
    doors.jump(due.at - timedelta(seconds=30))
    users = [{"email": new, "name": "N", "role": "admin"}]
    doors.tell("partner", partner_id=partner, version=2, name=partner, groups=[], users=users)
    assert doors.now() < due.at, "the test was too slow"
    doors.jump(due.at + timedelta(seconds=30))
    doors.tell("partner", partner_id=partner, version=3, name=partner, groups=[], users=[])
    [mail] = mails_of(doors, plan["plan_id"], 1)
    assert mail["To"] == new


def test_nobody_is_mailed_for_what_is_over_gone_or_asleep(doors: Doors) -> None:
    def admin() -> list[str]:
        return [f"{fresh('a')}@p.example"]

    start, strategy = starting_soon(doors)
    asleep = doors.plan(strategy, sleeper := doors.partner(admins=admin()))
    deleted = doors.plan(strategy, doors.partner(admins=admin()))
    lost = doors.plan(strategy, gone := doors.partner(admins=admin()))
    nobody = doors.plan(strategy, doors.partner())
    awake = doors.plan(strategy, doors.partner(admins=admin()))
    past = doors.strategy(WON, start=doors.today() - timedelta(days=400))
    over = doors.plan(past, doors.partner(admins=admin()))
    doors.tell(
        "partner",
        partner_id=sleeper,
        version=2,
        name="S",
        active=False,
        users=[{"email": admin()[0], "name": "A", "role": "admin"}],
    )
    doors.forget("partner", partner_id=gone, version=2)
    assert doors.call("DELETE", "plans", f"/v1/plans/{deleted['plan_id']}").status_code == 204
    due = dues_of(start, doors.now())[0]
    doors.jump(due.at + timedelta(minutes=1))
    mails_of(doors, awake["plan_id"], 1)
    doors.settled()
    time.sleep(2)
    for plan in (asleep, deleted, lost, nobody, over):
        assert doors.mails(plan["plan_id"]) == []


def test_dues_from_before_the_plan_existed_are_not_made_up_for(doors: Doors) -> None:
    start = doors.today() - timedelta(days=100)
    partner = doors.partner(admins=[f"{fresh('a')}@p.example"])
    plan = doors.plan(doors.strategy(WON, start=start), partner)
    ahead = [due for due in dues_of(start, doors.now()) if due.at > doors.now()]
    doors.jump(ahead[0].at + timedelta(minutes=1))
    found = mails_of(doors, plan["plan_id"], 1)
    assert [mail["X-Milepost-Period"] for mail in found] == [ahead[0].period]


async def ticks(doors: Doors, plan_id: str) -> list[Data]:
    """The ticks of a plan that lie in Kafka."""
    consumer = AIOKafkaConsumer(bootstrap_servers=doors.stack["kafka"])
    await consumer.start()
    try:
        topic = "milepost.ticks.v1"
        await consumer._client.set_topics([topic])  # there is no public way to look one up
        parts = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(parts)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(parts)
        found = []
        while any([await consumer.position(part) < ends[part] for part in parts]):
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                found += [json.loads(record.value) for record in batch]
        return [tick for tick in found if tick.get("plan_id") == plan_id]
    finally:
        await consumer.stop()


async def test_a_statement_is_the_same_to_the_byte_whenever_it_is_rendered(doors: Doors) -> None:
    partner = doors.partner(admins=[f"{fresh('a')}@p.example"])
    start, strategy = starting_soon(doors)
    plan = doors.plan(strategy, partner)
    told = won(partner, "100", start)
    doors.tell("deal", **told)
    due = dues_of(start, doors.now())[0]
    doors.jump(due.at + timedelta(seconds=5))
    mails_of(doors, plan["plan_id"], 1)
    [tick] = await ticks(doors, plan["plan_id"])
    assert tick["period"] == due.period
    assert datetime.fromisoformat(tick["due_at"]) == due.at
    assert "@" not in json.dumps(tick), "a tick carries no addresses"

    def statement() -> bytes:
        body = {"tick_ids": [tick["tick_id"]]}
        answer = doors.call("POST", "progress", "/v1/statements", role="service", json=body)
        assert answer.status_code == 200, answer.text
        return answer.content

    first = statement()
    doors.tell("deal", **{**told, "version": 2, "amount": "999"})
    doors.replace(strategy, name=fresh("Renamed"), goal_groups=[{"name": "Other", "goals": [WON]}])
    doors.forget("partner", partner_id=partner, version=7)
    doors.settled()
    assert statement() == first


def test_no_tick_and_no_mail_carries_another_zone_of_dues(doors: Doors) -> None:
    """Dues are at eight o'clock of the organization's zone (here UTC), never at midnight."""
    partner = doors.partner(admins=[f"{fresh('a')}@p.example"])
    start, strategy = starting_soon(doors)
    plan = doors.plan(strategy, partner)
    morning = datetime(start.year, start.month, start.day, 7, 59, 57, tzinfo=UTC)
    doors.jump(morning)
    time.sleep(1)
    assert doors.now() < morning + timedelta(seconds=3)
    assert doors.mails(plan["plan_id"]) == []
    mails_of(doors, plan["plan_id"], 1)


@pytest.fixture(scope="module", autouse=True)
def nothing_is_lost(doors: Doors) -> Iterator[None]:
    """After all of it: no delivery is left in an unnamed state, verify finds nothing."""
    yield
    doors.settled()
    assert doors.verify()["differences"] == 0
