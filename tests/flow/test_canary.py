"""The attack on a seller's privacy: everybody, at every door, looks for what only one may know.

The canary is a seller with a customer, an account and a figure of its own. What the tests look for
must be found at the canary's own doors, and nowhere else: no role, no service's credential, no
teammate, no manager, at any operation of the committed OpenAPI documents, at any page, in a topic,
a log, a metric, or by a database role. The last of them leaves, and is forgotten.
"""

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from deploy.documents import FOLDER, SERVICES
from deploy.local.personas import Persona
from tests.backends.signing_in import HTML, sign_in
from tests.flow.doors import Data, Doors, eventually
from tests.flow.planted import SCHEMAS, Planted, rows_with, tables

pytestmark = pytest.mark.flow

TOLD_UPSTREAM = {"milepost.people.v1", "milepost.collaboration.v1", "milepost.crm.v1"}
ROLES = (
    "administrator",
    "channel_manager",
    "analyst",
    "limited_analyst",
    "source",
    "service",
    "partner_admin",
    "partner_member",
)
ATTACKERS = (*ROLES, "teammate", "manager", "customer", "nobody", "forger")
MAY_KNOW_WHO = {
    ("administrator", "GET /v1/deliveries"),
    ("service", "POST /v1/participants/resolve"),
}
"""Doors that name a participant, by the rules: that a mail went out to whom, and whose an id is."""
PAGES = {
    "progress": (
        "/seller",
        "/seller?period={period}",
        "/seller/network",
        "/seller/reads",
        "/seller/export",
        "/partners",
        "/partners/{person}",
        "/progress/plans/{plan_id}",
        "/portal",
        "/questions",
    ),
    "plans": ("/", "/plans", "/strategies", "/seller-plans", "/seller-plans/{plan_id}"),
}
VISITORS = ("administrator", "channel_manager", "analyst", "limited_analyst", "seller")


@pytest.fixture(scope="module")
def planted(doors: Doors) -> Planted:
    made = Planted(doors)
    made.plant()
    return made


@pytest.fixture(scope="module")
def bait(planted: Planted) -> dict[str, str]:
    """Values for the parameters of doors: the canary's own ids, wherever an attacker has some."""

    async def ask(connection: asyncpg.Connection) -> dict[str, str]:
        sought = "SELECT {} FROM plans.participant WHERE person = $1"
        own = await connection.fetchval(sought.format("participant_id"), planted.canary)
        mate = await connection.fetchval(sought.format("participant_id"), planted.mate(9))
        tick = await connection.fetchval(
            "SELECT tick_id FROM plans.seller_tick WHERE participant_id = $1", own
        )
        delivery = await connection.fetchval(
            "SELECT delivery_id FROM notifier.delivery WHERE recipient = $1", planted.canary
        )
        assert None not in (own, mate, tick, delivery)
        return {
            "canary_id": str(own),
            # Doors under a participant's id end that participation, with a service's credential.
            "participant_id": str(mate),
            "tick_id": str(tick),
            "delivery_id": str(delivery),
        }

    return planted.in_database(ask) | {
        "plan_id": planted.plan_id,
        "seller_plan_id": planted.plan_id,
        "partner_id": planted.canary,
        "person": planted.canary,
        "record": "person",
        "outcome": "errors",
        "step": "leave",
        "period": planted.period,
        "recipient": planted.canary,
        "token": uuid4().hex,
    }


# --- the canary itself: what the others look for is there ---------------------------------------


def test_the_canary_finds_its_own_secrets(planted: Planted) -> None:
    insight = planted.own(planted.canary).text
    network = planted.own(planted.canary, "/v1/me/network").text
    for secret in planted.secrets:
        assert secret in insight + network
    [mail] = [m for m in planted.doors.mails(planted.plan_id) if m["To"] == planted.canary]
    assert f"Secret {planted.mark}" in str(mail.get_body(("plain",)))


# --- every operation ----------------------------------------------------------------------------


def operations(service: str) -> Iterator[tuple[str, str, Data]]:
    """Every operation of a service's committed document; those that change things come last."""
    paths = json.loads((FOLDER / f"{service}.openapi.json").read_text())["paths"]
    found = [
        (method.upper(), path, told)
        for path, ways in paths.items()
        for method, told in ways.items()
    ]
    return iter(sorted(found, key=lambda one: (one[0] != "GET", one[0], one[1])))


def token_of(planted: Planted, attacker: str) -> str | None:
    doors = planted.doors
    sellers = {
        "teammate": planted.mate(1),
        "manager": planted.manager,
        "customer": f"buyer-{planted.mark}@secret.example",
    }
    if attacker == "nobody":
        return None
    if attacker == "forger":
        # The canary's own words under somebody else's signature.
        words = doors.token("seller", email=planted.canary).rpartition(".")[0]
        return f"{words}.{doors.token('seller', email=planted.mate(1)).rpartition('.')[2]}"
    if attacker in sellers:
        return doors.token("seller", email=sellers[attacker])
    partner = "p1" if attacker.startswith("partner") else None
    return doors.token(attacker, partner, planted.canary if partner else None)


def attack(
    planted: Planted, token: str | None, service: str, bait: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """Try every operation of a service; gives what was called and all that came back."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = {
        "tick_ids": [bait["tick_id"]],
        "participant_ids": [bait["canary_id"]],
        "filters": [{"attribute": "PersonId", "operator": "equals", "values": [bait["person"]]}],
        "plan_id": bait["plan_id"],
        "partner_id": bait["person"],
    }
    with httpx.Client(
        base_url=planted.doors.stack[service], headers=headers, trust_env=False, timeout=30
    ) as client:
        for method, path, told in operations(service):
            named = {one["name"] for one in told.get("parameters", ()) if one["in"] == "query"}
            # What no document names is tried as well: a door must not listen to it.
            params = {
                name: bait[name] for name in bait if name in {*named, "person", "participant_id"}
            }
            where = re.sub(r"\{(\w+)\}", lambda name: bait.get(name[1], str(uuid4())), path)
            sent = body if "requestBody" in told else None
            answer = client.request(method, where, params=params, json=sent)
            assert answer.status_code < 500 or answer.status_code == 503, (
                f"{method} {where}: {answer.text}"
            )
            yield f"{method} {path}", f"{answer.headers}\n{answer.text}"


@pytest.mark.parametrize("attacker", ATTACKERS)
def test_no_door_tells_anybody_else(planted: Planted, bait: dict[str, str], attacker: str) -> None:
    token = token_of(planted, attacker)
    told = []
    for service in SERVICES:
        for called, answer in attack(planted, token, service, bait):
            told += [
                (called, secret) for secret in planted.secrets if secret.lower() in answer.lower()
            ]
            if (attacker, called) not in MAY_KNOW_WHO and planted.canary in answer.lower():
                told.append((called, planted.canary))
    assert told == []
    assert planted.own(planted.canary).status_code == 200, "somebody else ended its participation"


@pytest.mark.parametrize("attacker", [*ROLES, "nobody", "forger"])
@pytest.mark.parametrize("path", ["insights?period={period}", "reads", "export", "network"])
def test_only_sellers_pass_the_doors_of_sellers(planted: Planted, attacker: str, path: str) -> None:
    where = f"/v1/me/{path.format(period=planted.period)}"
    token = token_of(planted, attacker)
    answer = planted.doors.call("GET", "progress", where, token=token, role=None)
    assert answer.status_code == (401 if attacker in ("nobody", "forger") else 403)


# --- pages --------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", VISITORS)
def test_no_page_tells_anybody_else(planted: Planted, role: str) -> None:
    visitor = Persona("Visitor", role, planted.mate(2))
    names = {"period": planted.period, "person": planted.canary, "plan_id": planted.plan_id}
    with httpx.Client(timeout=30, trust_env=False) as client:
        sign_in(client, str(planted.doors.stack["progress"]), visitor)
        for service, paths in PAGES.items():
            site = planted.doors.stack[service]
            for path in paths:
                text = client.get(
                    site + path.format(**names), headers=HTML, follow_redirects=True
                ).text
                shown = text.replace(path.format(**names), "")
                assert not [s for s in (*planted.secrets, planted.canary) if s in shown], path


# --- what is written down -----------------------------------------------------------------------


def test_topics_hold_what_upstream_told_and_nothing_more(planted: Planted) -> None:
    for word in (planted.canary, *planted.secrets):
        found = {name for kind, name in planted.census(word) if kind == "topic"}
        assert found <= TOLD_UPSTREAM, word


def test_logs_and_metrics_name_nobody(planted: Planted) -> None:
    metrics = [planted.doors.call("GET", name, "/metrics", role=None).text for name in SERVICES]
    logs = [text for _, text in planted.logs()]
    assert logs
    for word in (planted.canary, *planted.secrets):
        assert not any(word.lower() in text.lower() for text in (*metrics, *logs)), word


def test_no_table_holds_an_insight(planted: Planted) -> None:
    figure = planted.secrets[-1]
    assert [place for place in planted.census(figure) if place[0] == "table"] == []
    kept = {name for kind, name in planted.census(f"Secret {planted.mark}") if kind == "table"}
    assert kept <= {
        "progress.record",
        "progress.account_row",
        "progress.contact_row",
        "plans.crm_record",
    }


# --- database roles -----------------------------------------------------------------------------


@pytest.mark.parametrize("role", SCHEMAS)
def test_a_database_role_sees_its_own_schema_and_no_collaboration(
    planted: Planted, role: str
) -> None:
    async def look(connection: asyncpg.Connection) -> dict[str, Any]:
        names = await tables(connection)
        await connection.execute(f"SET SESSION AUTHORIZATION milepost_{role}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("SET ROLE milepost_progress_owner")
        await connection.execute("SET row_security = on")
        found: dict[str, Any] = {}
        for name in names:
            try:
                found[name] = await rows_with(connection, name, planted.canary)
            except asyncpg.InsufficientPrivilegeError:
                continue
        return found

    found = planted.in_database(look)
    assert {name.partition(".")[0] for name in found} == {role}
    seen = {name for name, rows in found.items() if rows}
    assert seen <= {
        "plans.participant",
        "plans.person_row",
        "progress.record",
        "progress.person_row",
        "notifier.delivery",
        "notifier.subscription_link",
    }


def test_whatever_holds_collaboration_or_reads_is_behind_forced_row_security(
    planted: Planted,
) -> None:
    async def look(connection: asyncpg.Connection) -> list[str]:
        rows = await connection.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = 'progress'::regnamespace"
            " AND relkind = 'r' AND relrowsecurity AND relforcerowsecurity"
        )
        return [row["relname"] for row in rows]

    assert set(planted.in_database(look)) >= {
        "involvement",
        "interaction",
        "interaction_history",
        "insight_read",
        "participant",
        "peer_split",
        "seller_tick",
    }


# --- erasure ------------------------------------------------------------------------------------


def test_who_leaves_is_held_as_before_joining(planted: Planted) -> None:
    who = planted.leaver
    assert planted.own(who).status_code == 200
    during = planted.census(who)
    assert during - planted.before[who], "nothing was held that could be forgotten"
    assert planted.own(who, "/v1/me/leave", "POST", "plans").status_code == 204
    eventually(lambda: planted.own(who).status_code, lambda status: status == 404)
    eventually(lambda: planted.census(who), lambda found: found == planted.before[who], within=15)
