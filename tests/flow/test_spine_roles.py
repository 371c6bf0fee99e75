"""Who may pass which door (rule 9 and the contract's Roles): every role at every endpoint."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from tests.flow.doors import Data, Doors, event, fresh

pytestmark = pytest.mark.flow

NOBODY = "nobody"
SUPPLIER = {"administrator", "channel_manager"}
OWN = "own partner"
FOREIGN = "foreign partner"
ROLES = [
    "administrator",
    "channel_manager",
    "analyst",
    "limited_analyst",
    "source",
    "service",
    "seller",
    OWN,
    FOREIGN,
    NOBODY,
]


@dataclass(frozen=True)
class Endpoint:
    """A door, who may pass, and what a partner gets that may not (404 hides what is foreign)."""

    service: str
    method: str
    path: str
    may: set[str]
    body: Data = field(default_factory=dict)
    hidden_from: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        return f"{self.method} {self.service}{self.path}"


ENDPOINTS = [
    Endpoint("ingest", "POST", "/v1/events", {"source"}),
    Endpoint("ingest", "POST", "/v1/uploads/deal", {"source", "administrator"}),
    Endpoint("ingest", "GET", "/v1/uploads/{unknown}", {"source", "administrator"}),
    Endpoint("ingest", "GET", "/v1/uploads/{unknown}/errors.csv", {"source", "administrator"}),
    Endpoint("ingest", "POST", "/v1/leads", {OWN, FOREIGN}),
    Endpoint("ingest", "GET", "/v1/dead-letters", {"administrator"}),
    Endpoint("plans", "POST", "/v1/strategies", SUPPLIER),
    Endpoint("plans", "GET", "/v1/strategies", SUPPLIER),
    Endpoint("plans", "GET", "/v1/strategies/{strategy}", SUPPLIER),
    Endpoint("plans", "PUT", "/v1/strategies/{unknown}", SUPPLIER),
    Endpoint("plans", "DELETE", "/v1/strategies/{unknown}", {"administrator"}),
    Endpoint("plans", "GET", "/v1/strategies/{strategy}/eligible-partners", SUPPLIER),
    Endpoint("plans", "POST", "/v1/plans", SUPPLIER),
    Endpoint("plans", "GET", "/v1/plans", SUPPLIER),
    Endpoint("plans", "GET", "/v1/plans/{plan}", SUPPLIER),
    Endpoint("plans", "DELETE", "/v1/plans/{unknown}", {"administrator"}),
    Endpoint("plans", "PUT", "/v1/plans/{unknown}/targets", SUPPLIER),
    Endpoint("plans", "GET", "/v1/plans/{plan}/targets/history", SUPPLIER),
    Endpoint(
        "progress", "GET", "/v1/plans/{plan}/progress", SUPPLIER | {OWN}, hidden_from={FOREIGN}
    ),
    Endpoint(
        "progress",
        "GET",
        "/v1/plans/{plan}/goals/{goal}/contributions",
        SUPPLIER | {OWN},
        hidden_from={FOREIGN},
    ),
    Endpoint(
        "progress",
        "GET",
        "/v1/plans/{plan}/verdicts?record={record}",
        SUPPLIER | {OWN},
        hidden_from={FOREIGN},
    ),
    Endpoint(
        "progress", "GET", "/v1/plans/{plan}/statements", SUPPLIER | {OWN}, hidden_from={FOREIGN}
    ),
    Endpoint(
        "progress", "GET", "/v1/partners/{partner}/plans", SUPPLIER | {OWN}, hidden_from={FOREIGN}
    ),
    Endpoint("progress", "POST", "/v1/statements", {"service"}, body={"tick_ids": []}),
    Endpoint("progress", "POST", "/v1/verify", {"administrator"}),
    Endpoint("progress", "GET", "/v1/watermark", SUPPLIER | {"service"}),
    Endpoint("progress", "GET", "/v1/dead-letters", {"administrator"}),
    Endpoint("notifier", "GET", "/v1/deliveries", {"administrator"}),
    Endpoint("notifier", "GET", "/v1/dead-letters", {"administrator"}),
    Endpoint("notifier", "GET", "/v1/look", {"administrator"}),
    Endpoint("notifier", "PUT", "/v1/look", {"administrator"}),
    Endpoint("notifier", "GET", "/v1/look/logo", {"administrator"}),
    Endpoint("notifier", "PUT", "/v1/look/logo", {"administrator"}),
    Endpoint("notifier", "DELETE", "/v1/look/logo", {"administrator"}),
    Endpoint("notifier", "GET", "/v1/look/history", {"administrator"}),
]


@dataclass(frozen=True)
class Scene:
    """A plan with a record, and tokens of every role."""

    names: dict[str, str]
    tokens: dict[str, str | None]


@pytest.fixture(scope="module")
def scene(doors: Doors) -> Scene:
    partner, other = doors.partner(), doors.partner()
    strategy = doors.strategy({"type": "approved_registered_deals", "options": {}})
    plan = doors.plan(strategy, partner)
    deal = fresh("d")
    approved_on = str(doors.today() - timedelta(days=2))
    told = {"deal_id": deal, "version": 1, "partner_id": partner, "status": "approved"}
    doors.send(event("deal", {**told, "products": [], "approved_on": approved_on}))
    doors.shows(plan["plan_id"], "1")
    names = {
        "strategy": strategy["strategy_id"],
        "goal": strategy["goal_groups"][0]["goals"][0]["goal_id"],
        "plan": plan["plan_id"],
        "partner": partner,
        "record": f"deal/{deal}",
        "unknown": "0198f3a0-0000-7000-8000-000000000000",
    }
    tokens: dict[str, str | None] = {role: doors.token(role) for role in ROLES[:6]}
    tokens["seller"] = doors.token("seller", email="s@us.example")
    tokens[OWN] = doors.token("partner_member", partner=partner)
    tokens[FOREIGN] = doors.token("partner_admin", partner=other)
    tokens[NOBODY] = None
    return Scene(names, tokens)


def attempt(doors: Doors, scene: Scene, endpoint: Endpoint, **options: Any) -> int:
    path = endpoint.path.format(**scene.names)
    sent = {} if endpoint.method in ("GET", "DELETE") else {"json": endpoint.body}
    answer = doors.call(
        endpoint.method, endpoint.service, path, **{"role": None, **sent, **options}
    )
    if answer.status_code >= 400:
        assert answer.headers["content-type"].startswith("application/problem+json")
    return answer.status_code


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_every_role_at_this_door(doors: Doors, scene: Scene, endpoint: Endpoint) -> None:
    for role in ROLES:
        status = attempt(doors, scene, endpoint, token=scene.tokens[role])
        if role == NOBODY:
            assert status == 401, f"{role}: {status}"
        elif role in endpoint.may:
            assert status not in (401, 403, 405, 500), f"{role}: {status}"
        elif role in endpoint.hidden_from:
            assert status == 404, f"{role}: {status}"
        else:
            assert status == 403, f"{role}: {status}"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_a_token_that_is_none_is_refused_at_this_door(
    doors: Doors, scene: Scene, endpoint: Endpoint
) -> None:
    good = doors.token("administrator")
    head, payload, signature = good.split(".")
    unsigned = "eyJhbGciOiJub25lIn0"
    for bad in (
        "x",
        f"{head}.{payload}.{signature[:-4]}AAAA",
        f"{unsigned}.{payload}.",
        f"{head}.{payload}",
    ):
        assert attempt(doors, scene, endpoint, token=bad) == 401


def test_health_needs_no_token(doors: Doors) -> None:
    for service in ("ingest", "plans", "progress", "notifier"):
        for path in ("/livez", "/readyz", "/metrics"):
            assert doors.call("GET", service, path, role=None).status_code == 200


def test_a_partner_token_without_a_partner_sees_nothing(doors: Doors, scene: Scene) -> None:
    nobodys = doors.token("partner_admin", email="a@nowhere.example")
    for path in ("/v1/plans/{plan}/progress", "/v1/partners/{partner}/plans"):
        answer = doors.call("GET", "progress", path.format(**scene.names), token=nobodys)
        assert answer.status_code in (403, 404)


def test_a_partners_lead_is_its_own_whatever_it_says(doors: Doors, scene: Scene) -> None:
    strategy = doors.strategy({"type": "registered_leads", "options": {}})
    plan = doors.plan(strategy, scene.names["partner"])
    body = {"name": "Lee", "email": "lee@customer.example", "partner_id": "p-of-others"}
    token = scene.tokens[OWN]
    answer = doors.call("POST", "ingest", "/v1/leads", token=token, json=body)
    assert answer.status_code in (201, 202), answer.text
    doors.shows(plan["plan_id"], "1")
