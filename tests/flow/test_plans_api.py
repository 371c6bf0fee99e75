"""The plans service from outside: strategies, plans, targets, imports, ticks and what it tells."""

import asyncio
import csv
import io
import json
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.flow.doors import Data, Doors, eventually, fresh

pytestmark = pytest.mark.flow

DEALS: Data = {"type": "approved_registered_deals"}
WON: Data = {"type": "closed_won_total_deals_amount", "options": {"currency": "USD"}}
FIELD: Data = {"type": "custom_partner_field", "options": {"field": "score"}}
UNKNOWN = "0198f3a0-0000-7000-8000-000000000000"


def call(doors: Doors, method: str, path: str, **options: Any) -> httpx.Response:
    return doors.call(method, "plans", f"/v1{path}", **options)


def problem(answer: httpx.Response, status: int) -> list[str]:
    """The pointers of a problem."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert found["status"] == status
    return [error["pointer"] for error in found.get("errors", [])]


def goal_ids(strategy: Data) -> list[str]:
    return [goal["goal_id"] for group in strategy["goal_groups"] for goal in group["goals"]]


def told(doors: Doors, topic: str, key: str) -> list[tuple[Data, dict[str, str]]]:
    """Data and headers of what lies in a topic under a key, oldest first."""

    async def read() -> list[tuple[Data, dict[str, str]]]:
        consumer = AIOKafkaConsumer(bootstrap_servers=doors.stack["kafka"], group_id=None)
        await consumer.start()
        try:
            await consumer._client.set_topics([topic])
            partitions = consumer.partitions_for_topic(topic) or set()
            at = [TopicPartition(topic, number) for number in partitions]
            consumer.assign(at)
            await consumer.seek_to_beginning(*at)
            ends = await consumer.end_offsets(at)
            found: list[tuple[Data, dict[str, str]]] = []
            while any([await consumer.position(one) < ends[one] for one in at]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += [
                        (json.loads(r.value), {n: v.decode() for n, v in r.headers})
                        for r in records
                        if r.key == key.encode()
                    ]
            return found
        finally:
            await consumer.stop()

    return asyncio.run(read())


@pytest.fixture(scope="module")
def partner(doors: Doors) -> str:
    return doors.partner()


# --- strategies ---------------------------------------------------------------------------------
def test_a_strategy_is_made_read_replaced_and_deleted(doors: Doors) -> None:
    name, year = fresh("FY"), doors.today().year + 1
    made = call(
        doors,
        "POST",
        "/strategies",
        json={"name": f"  {name} ", "start_date": f"{year}-02-28", "goal_groups": None},
    )
    assert made.status_code == 201
    strategy = made.json()
    assert strategy["name"] == name
    assert (strategy["start_date"], strategy["end_date"]) == (f"{year}-02-28", f"{year + 1}-02-28")
    assert [(g["name"], g["goals"]) for g in strategy["goal_groups"]] == [("New Group", [])]
    path = f"/strategies/{strategy['strategy_id']}"
    assert made.headers["location"] == f"/v1{path}"
    read = call(doors, "GET", path)
    assert read.json() == strategy
    assert read.headers["etag"] == made.headers["etag"] == '"1"'

    group = {**strategy["goal_groups"][0], "name": "Sales", "goals": [DEALS, {**WON, "name": "W"}]}
    sent = {**strategy, "goal_groups": [group], "status": "ended", "end_date": "1999-01-01"}
    replaced = call(doors, "PUT", path, json=sent, role="channel_manager")
    assert replaced.status_code == 200
    found = replaced.json()
    assert found["goal_groups"][0]["group_id"] == group["group_id"]
    assert [goal["name"] for goal in found["goal_groups"][0]["goals"]] == [
        "Approved Registered Deals",
        "W",
    ]
    assert [goal["unit"] for goal in found["goal_groups"][0]["goals"]] == ["count", "USD"]
    assert found["end_date"] == f"{year + 1}-02-28"
    assert call(doors, "PUT", path, json=found).json() == found

    stale = {"If-Match": '"1"'}
    problem(call(doors, "PUT", path, json=found, headers=stale), 412)
    problem(call(doors, "DELETE", path, headers=stale), 412)
    fitting = {"If-Match": f'W/"7", "{found["version"]}"'}
    assert call(doors, "PUT", path, json=found, headers=fitting).status_code == 200

    problem(call(doors, "DELETE", path, role="channel_manager"), 403)
    assert call(doors, "DELETE", path).status_code == 204
    problem(call(doors, "GET", path), 404)
    problem(call(doors, "DELETE", path), 404)
    versions = eventually(
        lambda: told(doors, "milepost.plans.v1", strategy["strategy_id"]), lambda f: len(f) == 3
    )
    assert [(data["version"], data["deleted"]) for data, _ in versions] == [
        (1, False),
        (2, False),
        (3, True),
    ]
    assert {headers["ce_type"] for _, headers in versions} == {"milepost.plans.strategy.defined.v1"}


def test_a_start_may_be_a_time_and_becomes_a_day(doors: Doors) -> None:
    strategy = doors.strategy(start="2026-03-31T23:30:00-02:00")  # type: ignore[arg-type]
    assert strategy["start_date"] == "2026-04-01"


def test_goals_not_named_go_with_their_targets_and_never_come_back(doors: Doors) -> None:
    strategy = doors.strategy(DEALS, WON)
    deals, won = goal_ids(strategy)
    plan = doors.plan(strategy, doors.partner(), {deals: {"annual": 8}, won: {"annual": "80"}})
    [group] = strategy["goal_groups"]
    smaller = doors.replace(strategy, goal_groups=[{**group, "goals": group["goals"][:1]}])
    found = call(doors, "GET", f"/plans/{plan['plan_id']}").json()
    assert found["targets"].keys() == {deals}
    path = f"/strategies/{strategy['strategy_id']}"
    back = call(doors, "PUT", path, json={**smaller, "goal_groups": [group]})
    assert problem(back, 422) == ["/goal_groups/0/goals/1/goal_id"]
    history = doors.all("plans", f"/v1/plans/{plan['plan_id']}/targets/history")
    assert [(one["goal_id"], one["old"]["annual"], one["new"]) for one in history] == [
        (won, "80.00", None)
    ]


def test_lists_of_strategies_are_sorted_filtered_and_paged(doors: Doors) -> None:
    prefix, today = fresh("List"), doors.today()
    starts = {"c": today - timedelta(days=400), "A": today, "b": today + timedelta(days=1)}
    for name, start in starts.items():
        doors.strategy(name=f"{prefix} {name}", start=start)

    def names(**params: Any) -> list[str]:
        found = doors.all("plans", "/v1/strategies", params={"limit": 2, **params})
        return [s["name"][-1] for s in found if s["name"].startswith(prefix)]

    assert names(sort="name") == ["A", "b", "c"]
    assert names(sort="-name") == ["c", "b", "A"]
    assert names(sort="start_date") == ["c", "A", "b"]
    assert names(sort="-end_date") == ["b", "A", "c"]
    assert names(status="ended") == ["c"]
    assert names(status="in_progress") == ["A"]
    assert names(status="upcoming") == ["b"]


# --- plans and targets --------------------------------------------------------------------------
def test_a_plan_carries_what_it_is_about(doors: Doors) -> None:
    partner = doors.partner(name="Zoë & Co")
    strategy = doors.strategy(DEALS, WON, FIELD)
    deals, won, field = goal_ids(strategy)
    targets = {
        deals: {"annual": "10"},
        won: {"annual": 100.5, "q1": "100.50", "q2": 0, "q3": 0, "q4": 0},
        field: None,
    }
    plan = doors.plan(strategy, partner, targets)
    assert plan == {
        "plan_id": plan["plan_id"],
        "version": 1,
        "strategy_id": strategy["strategy_id"],
        "strategy_name": strategy["name"],
        "partner_id": partner,
        "partner_name": "Zoë & Co",
        "status": "in_progress",
        "start_date": strategy["start_date"],
        "end_date": strategy["end_date"],
        "created": plan["created"],
        "label": None,
        "targets": {
            deals: {"annual": "10", "q1": "3", "q2": "3", "q3": "2", "q4": "2"},
            won: {"annual": "100.50", "q1": "100.50", "q2": "0.00", "q3": "0.00", "q4": "0.00"},
        },
    }
    assert call(doors, "GET", f"/plans/{plan['plan_id']}").json() == plan
    [(data, headers)] = eventually(lambda: told(doors, "milepost.plans.v1", plan["plan_id"]), bool)
    assert data["targets"] == plan["targets"]
    assert data["created_at"] == plan["created"] == headers["ce_acceptedat"]
    assert headers["ce_type"] == "milepost.plans.plan.defined.v1"


def test_targets_are_revised_and_the_history_is_kept(doors: Doors, partner: str) -> None:
    strategy = doors.strategy(DEALS, WON)
    deals, won = goal_ids(strategy)
    plan = doors.plan(strategy, partner, {deals: {"annual": 10}})
    path = f"/plans/{plan['plan_id']}/targets"

    def put(targets: Data, **more: Any) -> Data:
        answer = call(doors, "PUT", path, json={"targets": targets, **more})
        assert answer.status_code == 200, answer.text
        found: Data = answer.json()["targets"]
        return found

    assert put({deals: {"q4": "5"}}, reason="a late push")[deals]["annual"] == "13"
    assert put({won: {"annual": "99.99"}})[deals]["annual"] == "13"
    assert put({deals: None}).keys() == {won}
    assert put({}) == put({deals: None})
    history = doors.all("plans", f"/v1{path}/history", params={"limit": 1})
    assert [(h["goal_id"], h["reason"]) for h in history] == [
        (deals, None),
        (won, None),
        (deals, "a late push"),
    ]
    last = history[-1]
    assert last["old"] == {"annual": "10", "q1": "3", "q2": "3", "q3": "2", "q4": "2"}
    assert last["new"] == {"annual": "13", "q1": "3", "q2": "3", "q3": "2", "q4": "5"}
    assert (history[0]["new"], history[1]["old"]) == (None, None)
    assert last["who"]
    assert last["when"].endswith("Z")
    wrong = call(doors, "PUT", path, json={"targets": {won: {"annual": "0.005"}}})
    assert problem(wrong, 422) == [f"/targets/{won}/annual"]
    assert problem(call(doors, "PUT", path, json={}), 422) == ["/targets"]
    headers = {"If-Match": '"1"'}
    problem(call(doors, "PUT", path, json={"targets": {}}, headers=headers), 412)


def test_money_keeps_every_cent_of_a_json_number(doors: Doors, partner: str) -> None:
    strategy = doors.strategy(WON)
    [won] = goal_ids(strategy)
    body = {"strategy_id": strategy["strategy_id"], "partner_id": partner}
    raw = json.dumps({**body, "targets": {won: {"annual": "X"}}})
    raw = raw.replace('"X"', "999999999999999.99")
    kind = {"Content-Type": "application/json"}
    answer = call(doors, "POST", "/plans", content=raw, headers=kind)
    assert answer.json()["targets"][won]["annual"] == "999999999999999.99"


def test_who_can_have_a_plan(doors: Doors) -> None:
    group = fresh("West")
    inside, outside = doors.partner(groups=[group, "x"]), doors.partner(groups=["x"])
    idle = doors.partner(groups=[group], active=False)
    strategy = doors.strategy(DEALS, partner_groups=[group])

    def make(partner: str) -> httpx.Response:
        body = {"strategy_id": strategy["strategy_id"], "partner_id": partner}
        return call(doors, "POST", "/plans", json=body)

    for partner in (outside, idle, fresh("nobody")):
        assert problem(make(partner), 422) == ["/partner_id"]
    path = f"/v1/strategies/{strategy['strategy_id']}/eligible-partners"
    listed = doors.all("plans", path)
    assert listed == [{"partner_id": inside, "name": inside, "has_plan": False}]
    made = make(inside)
    assert made.status_code == 201
    problem(make(inside), 409)
    assert [one["has_plan"] for one in doors.all("plans", path)] == [True]
    doors.tell("partner", partner_id=inside, version=2, name="Moved", groups=[])
    plan = f"/v1/plans/{made.json()['plan_id']}"
    eventually(lambda: doors.get("plans", plan)["partner_name"], lambda name: name == "Moved")
    doors.forget("partner", partner_id=inside, version=3)
    eventually(lambda: doors.get("plans", plan)["partner_name"], lambda name: name is None)


def test_a_partner_sent_just_before_can_have_a_plan_at_once(doors: Doors) -> None:
    strategy = doors.strategy(DEALS)
    for _ in range(5):
        partner = doors.partner()
        body = {"strategy_id": strategy["strategy_id"], "partner_id": partner}
        assert call(doors, "POST", "/plans", json=body).status_code == 201


def test_lists_of_plans_are_sorted_filtered_and_paged(doors: Doors) -> None:
    today, prefix = doors.today(), fresh("Plans")
    partners = [doors.partner() for _ in range(3)]
    starts = {"b": today - timedelta(days=500), "A": today, "c": today + timedelta(days=5)}
    strategies = {
        name: doors.strategy(DEALS, name=f"{prefix} {name}", start=start)
        for name, start in starts.items()
    }
    made = [doors.plan(strategies[name], one) for one in partners for name in ("b", "c", "A")]

    def shown(**params: Any) -> list[tuple[str, str]]:
        found = doors.all("plans", "/v1/plans", params={"limit": 2, **params})
        return [
            (p["strategy_name"][-1], p["partner_id"]) for p in found if p["partner_id"] in partners
        ]

    created = [(p["strategy_name"][-1], p["partner_id"]) for p in made]
    assert shown(sort="created") == created
    assert shown(sort="-created") == shown() == created[::-1]
    assert [name for name, _ in shown(sort="strategy_name")] == list("AAAbbbccc")
    assert [name for name, _ in shown(sort="-strategy_name")] == list("cccbbbAAA")
    assert [name for name, _ in shown(sort="start_date")] == list("bbbAAAccc")
    assert [name for name, _ in shown(sort="-end_date")] == list("cccAAAbbb")
    for status, name in (("ended", "b"), ("in_progress", "A"), ("upcoming", "c")):
        assert [n for n, _ in shown(status=status)] == [name] * 3
        assert [n for n, _ in shown(status=status, sort="start_date")] == [name] * 3
    one = strategies["A"]["strategy_id"]
    assert sorted(p for _, p in shown(strategy_id=one)) == sorted(partners)
    assert shown(strategy_id=one, partner_id=partners[0]) == [("A", partners[0])]
    assert len(shown(partner_id=partners[0], sort="strategy_name")) == 3
    assert shown(strategy_id=UNKNOWN) == shown(partner_id=fresh("x")) == []


def test_ended_ones_are_kept_as_they_are(doors: Doors) -> None:
    start = doors.today() - timedelta(days=366)
    strategy = doors.strategy(DEALS, start=start)
    assert strategy["status"] == "ended"
    plan = doors.plan(strategy, doors.partner(), {goal_ids(strategy)[0]: {"annual": 4}})
    assert plan["status"] == "ended"
    problem(call(doors, "PUT", f"/plans/{plan['plan_id']}/targets", json={"targets": {}}), 409)
    problem(call(doors, "DELETE", f"/plans/{plan['plan_id']}"), 409)
    path = f"/strategies/{strategy['strategy_id']}"
    problem(call(doors, "PUT", path, json={**strategy, "start_date": str(doors.today())}), 409)
    problem(call(doors, "DELETE", path), 409)


def test_a_deleted_plan_is_gone(doors: Doors, partner: str) -> None:
    plan = doors.plan(doors.strategy(DEALS), partner)
    path = f"/plans/{plan['plan_id']}"
    problem(call(doors, "DELETE", path, role="channel_manager"), 403)
    assert call(doors, "DELETE", path).status_code == 204
    for method, more in (("GET", ""), ("DELETE", ""), ("GET", "/targets/history")):
        problem(call(doors, method, path + more), 404)
    problem(call(doors, "PUT", f"{path}/targets", json={"targets": {}}), 404)


# --- bad input ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"name": NaN}', b"[" * 100_000, b"1" * 9000],
)
@pytest.mark.parametrize("path", ["/strategies", "/plans"])
def test_a_body_that_is_no_object_is_refused(doors: Doors, path: str, raw: bytes) -> None:
    kind = {"Content-Type": "application/json"}
    problem(call(doors, "POST", path, content=raw, headers=kind), 422)


def test_a_body_too_large_is_413(doors: Doors) -> None:
    problem(call(doors, "POST", "/strategies", content=b" " * 2_000_000), 413)
    problem(call(doors, "POST", "/imports", content=b" " * 65 * 1024 * 1024), 413)


def test_null_bytes_are_refused_wherever_they_are(doors: Doors, partner: str) -> None:
    strategy = doors.strategy(DEALS)
    body = {"strategy_id": strategy["strategy_id"], "partner_id": "a\x00"}
    assert problem(call(doors, "POST", "/plans", json=body), 422) == ["/partner_id"]
    body = {**body, "partner_id": partner, "targets": {"\x00": None}}
    assert problem(call(doors, "POST", "/plans", json=body), 422) == ["/targets"]
    goal = {**DEALS, "options": {"products": ["a", "b\x00"]}}
    told = {**strategy, "goal_groups": [{"name": "G", "goals": [goal]}]}
    path = f"/strategies/{strategy['strategy_id']}"
    assert problem(call(doors, "PUT", path, json=told), 422) == [
        "/goal_groups/0/goals/0/options/products/1"
    ]
    problem(call(doors, "GET", f"{path}/template.csv?group=%00"), 422)


def test_a_misspelled_option_is_refused(doors: Doors) -> None:
    goal = {**DEALS, "options": {"product": ["a"]}}
    body = {"name": fresh("S"), "start_date": "2026-01-01"}
    body["goal_groups"] = [{"name": "G", "goals": [goal]}]  # type: ignore[assignment]
    answer = call(doors, "POST", "/strategies", json=body)
    assert problem(answer, 422) == ["/goal_groups/0/goals/0/options/product"]


# --- bulk ---------------------------------------------------------------------------------------
@pytest.fixture
def bulk(doors: Doors) -> tuple[Data, list[str]]:
    group = fresh("Bulk")
    partners = [doors.partner(groups=[group], name=f"={n}+1 {group}") for n in range(4)]
    strategy = doors.strategy(DEALS, {**DEALS}, WON, partner_groups=[group])
    eligible = f"/v1/strategies/{strategy['strategy_id']}/eligible-partners"
    eventually(
        lambda: [one["partner_id"] for one in doors.all("plans", eligible)],
        lambda found: found == partners,
    )
    return strategy, partners


def upload(doors: Doors, text: str | bytes, status: int = 201) -> Data:
    content = text.encode() if isinstance(text, str) else text
    kind = {"Content-Type": "text/csv"}
    answer = call(doors, "POST", "/imports", content=content, headers=kind, role="channel_manager")
    assert answer.status_code == status, answer.text
    found: Data = answer.json()
    return found


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def written(rows: list[dict[str, str]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return "\ufeff" + out.getvalue()


STEMS = [
    "Goals_Approved Registered Deals",
    "Goals_Approved Registered Deals (2)",
    "Goals_Closed Won Total Deals Amount",
]


def template(doors: Doors, strategy: Data) -> list[dict[str, str]]:
    path = f"/strategies/{strategy['strategy_id']}/template.csv"
    return table(call(doors, "GET", path).content.decode())


def plans_of(doors: Doors, strategy: Data) -> list[Data]:
    params = {"strategy_id": strategy["strategy_id"], "sort": "created"}
    return doors.all("plans", "/v1/plans", params=params)


def commit(doors: Doors, found: Data) -> Data:
    answer = call(doors, "POST", f"/imports/{found['import_id']}/commit")
    assert answer.status_code == 200, answer.text
    done: Data = answer.json()
    return done


def counts(found: Data) -> tuple[int, int, int, int]:
    return found["new"], found["updates"], found["unchanged"], found["errors"]


def test_a_template_has_a_row_for_each_partner(doors: Doors, bulk: tuple[Data, list[str]]) -> None:
    strategy, partners = bulk
    answer = call(doors, "GET", f"/strategies/{strategy['strategy_id']}/template.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = template(doors, strategy)
    assert list(rows[0]) == [
        "Strategy Name",
        "Strategy Id",
        "Partner Name",
        "Partner Id",
        *(f"{stem}_{part}" for stem in STEMS for part in ("Target", "Q1", "Q2", "Q3", "Q4")),
        "Template Version",
    ]
    assert [row["Partner Id"] for row in rows] == partners
    assert rows[0]["Partner Name"].startswith("'=0+1")


def test_plans_are_previewed_imported_and_corrected(
    doors: Doors, bulk: tuple[Data, list[str]]
) -> None:
    strategy, partners = bulk
    rows = template(doors, strategy)
    for row, target in zip(rows, ("10", "many", "", "4"), strict=True):
        row[f"{STEMS[0]}_Target"] = target
    found = upload(doors, written(rows))
    assert found.keys() == {"import_id", "new", "updates", "unchanged", "errors"}
    assert counts(found) == (2, 0, 1, 1)
    assert plans_of(doors, strategy) == []
    one = f"/imports/{found['import_id']}"
    assert call(doors, "GET", one).json()["state"] == "previewed"
    new = table(call(doors, "GET", f"{one}/new.csv").text)
    assert [row["Partner Id"] for row in new] == [partners[0], partners[3]]
    assert commit(doors, found) == commit(doors, found) == found
    assert call(doors, "GET", one).json()["state"] == "committed"
    made = plans_of(doors, strategy)
    labels = {plan["partner_id"]: plan["label"] for plan in made}
    assert labels == {partners[0]: "new", partners[3]: "new"}
    doors.get("plans", f"/v1/plans/{made[0]['plan_id']}")
    assert [plan["label"] for plan in plans_of(doors, strategy)] == [None, "new"]

    errors = table(call(doors, "GET", f"{one}/errors.csv").text)
    assert "number" in errors[0]["Error"]
    errors[0][f"{STEMS[0]}_Target"] = "9"
    assert counts(upload(doors, written(errors))) == (1, 0, 0, 0)


def test_plans_are_updated_by_csv_and_what_is_the_same_is_unchanged(
    doors: Doors, bulk: tuple[Data, list[str]]
) -> None:
    strategy, partners = bulk
    deals, _, won = goal_ids(strategy)
    plan = doors.plan(strategy, partners[0], {deals: {"annual": 3}})
    rows = template(doors, strategy)
    assert counts(upload(doors, written(rows))) == (0, 0, 4, 0)
    rows[0] |= {f"{STEMS[2]}_Target": "0.03"}
    found = upload(doors, written(rows))
    assert counts(found) == (0, 1, 3, 0)
    commit(doors, found)
    [listed] = plans_of(doors, strategy)
    assert listed["label"] == "updated"
    assert listed["targets"][won] == {
        "annual": "0.03",
        "q1": "0.01",
        "q2": "0.01",
        "q3": "0.01",
        "q4": "0.00",
    }
    versions = eventually(
        lambda: told(doors, "milepost.plans.v1", plan["plan_id"]), lambda f: len(f) == 2
    )
    assert versions[-1][0]["targets"] == listed["targets"]
    [change] = doors.all("plans", f"/v1/plans/{plan['plan_id']}/targets/history")
    assert (change["goal_id"], change["old"], change["new"]) == (won, None, listed["targets"][won])
    doors.replace(strategy, description="changed since")
    assert counts(upload(doors, written(rows))) == (0, 0, 0, 4)


def test_a_file_that_cannot_be_read_is_refused(doors: Doors, bulk: tuple[Data, list[str]]) -> None:
    strategy, _ = bulk
    text = call(doors, "GET", f"/strategies/{strategy['strategy_id']}/template.csv").text
    for wrong in (
        b"",
        b"a,b\n1,2\n",
        text.encode("utf-16"),
        ("é" + text).encode("latin-1", "replace"),
        text.replace("Partner Id", "Partner").encode(),
        (text + '"never closed').encode(),
    ):
        found = upload(doors, wrong, 422)
        assert found["errors"][0]["detail"]
    json_body = call(doors, "POST", "/imports", json={"rows": []})
    problem(json_body, 415)
    problem(call(doors, "GET", f"/imports/{UNKNOWN}/new.csv"), 404)
    problem(call(doors, "GET", "/imports/nonsense/new.csv"), 404)
    problem(call(doors, "POST", f"/imports/{UNKNOWN}/commit"), 404)
    problem(call(doors, "GET", f"/imports/{UNKNOWN}/other.csv"), 404)
    group = fresh("foreign")
    template = f"/strategies/{strategy['strategy_id']}/template.csv?group={group}"
    assert problem(call(doors, "GET", template), 422) == ["/group"]


# --- roles --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/strategies/{strategy}/template.csv"),
        ("GET", "/campaign-tags"),
        ("POST", "/imports"),
        ("GET", "/imports/{unknown}"),
        ("POST", "/imports/{unknown}/commit"),
        ("GET", "/imports/{unknown}/errors.csv"),
    ],
)
def test_imports_are_for_the_supplier(
    doors: Doors, bulk: tuple[Data, list[str]], method: str, path: str
) -> None:
    path = path.format(strategy=bulk[0]["strategy_id"], unknown=UNKNOWN)
    problem(call(doors, method, path, role=None), 401)
    for role in ("analyst", "limited_analyst", "source", "service"):
        problem(call(doors, method, path, role=role), 403)
    for role in ("partner_admin", "partner_member"):
        token = doors.token(role, partner=bulk[1][0], email="a@x.example")
        problem(call(doors, method, path, token=token), 403)
    for role in ("administrator", "channel_manager"):
        assert call(doors, method, path, role=role).status_code in (200, 404, 422)


# --- time ---------------------------------------------------------------------------------------
def test_ticks_fall_due_by_the_stacks_clock_and_statuses_follow(doors: Doors, partner: str) -> None:
    today = doors.today()
    strategy = doors.strategy(DEALS, start=today + timedelta(days=1))
    plan = doors.plan(strategy, partner)
    assert plan["status"] == "upcoming"
    late = doors.strategy(DEALS, start=today - timedelta(days=1))
    doors.plan(late, partner)
    doors.jump(doors.now() + timedelta(days=40))
    found = eventually(
        lambda: told(doors, "milepost.ticks.v1", plan["plan_id"]), lambda f: len(f) == 2
    )
    start = date.fromisoformat(strategy["start_date"])
    assert found[0][0]["period"] == f"{start:%Y-%m}"
    assert found[0][0]["due_at"] == f"{start}T08:00:00Z"
    assert found[0][0]["tick_id"] == found[0][1]["ce_id"]
    assert call(doors, "GET", f"/plans/{plan['plan_id']}").json()["status"] == "in_progress"
    assert [(d["plan_id"], d["partner_id"]) for d, _ in found] == [(plan["plan_id"], partner)] * 2


def test_the_word_on_completeness_follows_the_clock(doors: Doors) -> None:
    async def newest() -> Data:
        consumer = AIOKafkaConsumer(bootstrap_servers=doors.stack["kafka"], group_id=None)
        await consumer.start()
        at = TopicPartition("milepost.watermarks.v1", 0)
        consumer.assign([at])
        await consumer.seek_to_end(at)
        try:
            while True:
                found: Data = json.loads((await consumer.getone()).value)
                if found["source"] == "plans":
                    return found
        finally:
            await consumer.stop()

    before = doors.now()
    doors.strategy(DEALS)
    found = eventually(
        lambda: asyncio.run(newest()), lambda f: f["complete_to"] > before.isoformat()[:26]
    )
    assert sum(found["positions"]["milepost.plans.v1"].values()) > 0
    assert found["positions"].keys() >= {"milepost.plans.v1", "milepost.ticks.v1"}
