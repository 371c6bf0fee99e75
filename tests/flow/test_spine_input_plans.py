"""Bad input at plans, progress and notifier: clear problems, never a crash."""

import json
from typing import Any

import pytest

from tests.flow.doors import CHECKOUT, Data, Doors, fresh
from tests.flow.test_spine_input import TOO_LONG, a_problem

pytestmark = pytest.mark.flow

GOAL: Data = {"type": "approved_registered_deals", "options": {}}


def body(**changes: Any) -> Data:
    told = {
        "name": fresh("S"),
        "start_date": "2026-01-01",
        "partner_groups": [],
        "goal_groups": [{"name": "G", "goals": [GOAL]}],
    }
    return {key: value for key, value in {**told, **changes}.items() if value is not None}


def goals(*some: Any) -> list[Data]:
    return [{"name": "G", "goals": list(some)}]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": None}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "   "}, "/name"),
        ({"name": 7}, "/name"),
        ({"name": "a\x00b"}, "/name"),
        ({"name": TOO_LONG}, "/name"),
        ({"description": "a\x00b"}, "/description"),
        ({"start_date": None}, "/start_date"),
        ({"start_date": "2026-02-30"}, "/start_date"),
        ({"start_date": "soon"}, "/start_date"),
        ({"start_date": "9999-12-31"}, "/start_date"),
        ({"start_date": 20260101}, "/start_date"),
        ({"partner_groups": "West"}, "/partner_groups"),
        ({"partner_groups": [7]}, "/partner_groups/0"),
        ({"partner_groups": ["a\x00b"]}, "/partner_groups/0"),
        ({"goal_groups": "none"}, "/goal_groups"),
        ({"goal_groups": [{"name": "", "goals": []}]}, "/goal_groups/0/name"),
        ({"goal_groups": goals({"type": "unicorns"})}, "/goal_groups/0/goals/0/type"),
        ({"goal_groups": goals({"options": {}})}, "/goal_groups/0/goals/0/type"),
        (
            {"goal_groups": goals({"type": "campaign_leads", "options": {}})},
            "/goal_groups/0/goals/0/options/campaign_tags",
        ),
        (
            {"goal_groups": goals({"type": "campaign_leads", "options": {"campaign_tags": []}})},
            "/goal_groups/0/goals/0/options/campaign_tags",
        ),
        (
            {
                "goal_groups": goals(
                    {
                        "type": "campaign_leads",
                        "options": {"campaign_tags": ["t"], "activity_types": ["fax"]},
                    }
                )
            },
            "/goal_groups/0/goals/0/options/activity_types/0",
        ),
        (
            {"goal_groups": goals({"type": "closed_won_total_deals_amount", "options": {}})},
            "/goal_groups/0/goals/0/options/currency",
        ),
        (
            {
                "goal_groups": goals(
                    {"type": "closed_won_total_deals_amount", "options": {"currency": "usd"}}
                )
            },
            "/goal_groups/0/goals/0/options/currency",
        ),
        (
            {"goal_groups": goals({"type": "completed_certifications", "options": {}})},
            "/goal_groups/0/goals/0/options/certification",
        ),
        (
            {"goal_groups": goals({"type": "custom_partner_field", "options": {"field": ""}})},
            "/goal_groups/0/goals/0/options/field",
        ),
    ],
)
def test_a_bad_strategy_is_refused_naming_the_field(
    doors: Doors, changes: Data, pointer: str
) -> None:
    found = a_problem(doors.call("POST", "plans", "/v1/strategies", json=body(**changes)), 422)
    assert pointer in [error["pointer"] for error in found["errors"]]


def test_a_lone_surrogate_in_a_name_is_no_crash(doors: Doors) -> None:
    told = json.dumps(body(name="X")).replace('"X"', '"\\ud800"')
    headers = {"Content-Type": "application/json"}
    answer = doors.call("POST", "plans", "/v1/strategies", content=told, headers=headers)
    a_problem(answer, 400, 422)


@pytest.fixture(scope="module")
def planned(doors: Doors) -> tuple[Data, Data]:
    strategy = doors.strategy(
        GOAL, {"type": "closed_won_total_deals_amount", "options": {"currency": "USD"}}
    )
    return strategy, doors.plan(strategy, doors.partner())


@pytest.mark.parametrize(
    ("goal", "target", "pointer"),
    [
        (0, {"annual": "-1"}, "/annual"),
        (0, {"annual": "1.5"}, "/annual"),
        (0, {"annual": "many"}, "/annual"),
        (0, {"annual": "1e400"}, "/annual"),
        (0, {"annual": True}, "/annual"),
        (0, {"annual": []}, "/annual"),
        (1, {"annual": "1.001"}, "/annual"),
        (1, {"q2": "-0.01"}, "/q2"),
        (0, {"annual": "10", "q1": "1", "q2": "1", "q3": "1", "q4": "1"}, ""),
        (0, {"q5": "1"}, ""),
        (0, "text", ""),
    ],
)
def test_a_bad_target_is_refused_naming_it(
    doors: Doors, planned: tuple[Data, Data], goal: int, target: Any, pointer: str
) -> None:
    strategy, plan = planned
    goal_id = strategy["goal_groups"][0]["goals"][goal]["goal_id"]
    path = f"/v1/plans/{plan['plan_id']}/targets"
    found = a_problem(doors.call("PUT", "plans", path, json={"targets": {goal_id: target}}), 422)
    assert any(e["pointer"].startswith(f"/targets/{goal_id}{pointer}") for e in found["errors"])


def test_unknown_ids_in_a_body_are_422_and_in_a_path_404(
    doors: Doors, planned: tuple[Data, Data]
) -> None:
    strategy, plan = planned
    unknown = "0198f3a0-0000-7000-8000-000000000000"
    for told, pointer in (
        ({"strategy_id": unknown, "partner_id": "p"}, "/strategy_id"),
        ({"strategy_id": "nonsense", "partner_id": "p"}, "/strategy_id"),
        ({"strategy_id": strategy["strategy_id"], "partner_id": fresh("nobody")}, "/partner_id"),
        ({"strategy_id": strategy["strategy_id"]}, "/partner_id"),
        (
            {
                "strategy_id": strategy["strategy_id"],
                "partner_id": plan["partner_id"],
                "targets": {"x": None},
            },
            "/targets/x",
        ),
    ):
        found = a_problem(doors.call("POST", "plans", "/v1/plans", json=told), 422, 409)
        if found["status"] == 422:
            assert pointer in [error["pointer"] for error in found["errors"]], found
    for wrong in (unknown, "nonsense", "%00", "1", "..%2f", "a" * 300):
        for path in (
            f"/v1/strategies/{wrong}",
            f"/v1/plans/{wrong}",
            f"/v1/plans/{wrong}/targets/history",
            f"/v1/strategies/{wrong}/eligible-partners",
        ):
            a_problem(doors.call("GET", "plans", path), 404)
        a_problem(doors.call("GET", "progress", f"/v1/plans/{wrong}/progress"), 404)
        path = f"/v1/plans/{plan['plan_id']}/goals/{wrong}/contributions"
        a_problem(doors.call("GET", "progress", path), 404)


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("/v1/strategies?sort=colour", "sort"),
        ("/v1/strategies?status=asleep", "status"),
        ("/v1/strategies?limit=0", "limit"),
        ("/v1/strategies?limit=many", "limit"),
        ("/v1/strategies?cursor=nonsense", "cursor"),
        ("/v1/strategies?cursor=WyJ4IiwieSJd", "cursor"),
        ("/v1/strategies?cursor=W251bGwsbnVsbF0", "cursor"),
        ("/v1/strategies?cursor=W3t9LFtdXQ", "cursor"),
        ("/v1/plans?sort=name", "sort"),
        ("/v1/plans?status=asleep", "status"),
        ("/v1/plans?cursor=WyJ4IiwieSJd", "cursor"),
        ("/v1/plans?cursor=W251bGwsbnVsbF0", "cursor"),
    ],
)
def test_a_bad_query_is_422_and_names_it(doors: Doors, path: str, pointer: str) -> None:
    found = a_problem(doors.call("GET", "plans", path), 422)
    assert found["errors"][0]["pointer"].strip("/") == pointer


@pytest.mark.parametrize(
    "cursor",
    ["nonsense", "WyJ4IiwieSJd", "W251bGwsbnVsbF0", "WyJcdTAwMDAiLCJcdTAwMDAiXQ", "é", "%00"],
)
@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("ingest", "/v1/dead-letters"),
        ("progress", "/v1/dead-letters"),
        ("notifier", "/v1/deliveries"),
        ("plans", "/v1/strategies"),
        ("plans", "/v1/plans"),
        ("plans", "/v1/plans/{plan}/targets/history"),
        ("plans", "/v1/strategies/{strategy}/eligible-partners"),
        ("progress", "/v1/partners/{partner}/plans"),
        ("progress", "/v1/plans/{plan}/goals/{goal}/contributions"),
    ],
)
def test_a_cursor_that_is_none_is_refused_everywhere(
    doors: Doors, planned: tuple[Data, Data], service: str, path: str, cursor: str
) -> None:
    strategy, plan = planned
    doors.progress(plan["plan_id"])
    path = path.format(**_names(strategy, plan))
    a_problem(doors.call("GET", service, path, params={"cursor": cursor}), 422)


def _names(strategy: Data, plan: Data) -> dict[str, str]:
    return {
        "strategy": strategy["strategy_id"],
        "plan": plan["plan_id"],
        "partner": plan["partner_id"],
        "goal": strategy["goal_groups"][0]["goals"][0]["goal_id"],
    }


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("plans", "/v1/plans?partner_id=%00"),
        ("plans", "/v1/plans?strategy_id=%00"),
        ("plans", "/v1/plans?strategy_id=nonsense"),
        ("progress", "/v1/partners/%00/plans"),
        ("progress", "/v1/partners/%ff/plans"),
        ("notifier", "/v1/deliveries?plan_id=%00"),
        ("notifier", "/v1/deliveries?plan_id=nonsense"),
        ("notifier", "/v1/deliveries?period=%00"),
        ("ingest", "/v1/uploads/%00"),
        ("ingest", "/v1/uploads/nonsense"),
    ],
)
def test_odd_parameters_are_no_crash(doors: Doors, service: str, path: str) -> None:
    assert doors.call("GET", service, path).status_code in (200, 404, 422)


@pytest.mark.parametrize("service", ["ingest", "plans", "progress", "notifier"])
def test_unknown_paths_and_methods_are_problems_too(doors: Doors, service: str) -> None:
    a_problem(doors.call("GET", service, "/v1/nowhere"), 404)
    a_problem(doors.call("DELETE", service, "/livez"), 405)


def test_a_name_that_is_taken_and_a_second_plan_are_conflicts(
    doors: Doors, planned: tuple[Data, Data]
) -> None:
    strategy, plan = planned
    taken = body(name=f"  {strategy['name'].upper()} ")
    a_problem(doors.call("POST", "plans", "/v1/strategies", json=taken), 409)
    again = {"strategy_id": strategy["strategy_id"], "partner_id": plan["partner_id"]}
    a_problem(doors.call("POST", "plans", "/v1/plans", json=again), 409)


def test_statements_for_ticks_that_are_none_are_refused(doors: Doors) -> None:
    unknown = "0198f3a0-0000-7000-8000-000000000000"
    bodies: list[Any] = [{}, {"tick_ids": "x"}, {"tick_ids": [7]}, {"tick_ids": ["nonsense"]}, []]
    for told in bodies:
        answer = doors.call("POST", "progress", "/v1/statements", role="service", json=told)
        a_problem(answer, 404, 422)
    answer = doors.call(
        "POST", "progress", "/v1/statements", role="service", json={"tick_ids": [unknown]}
    )
    assert answer.status_code in (200, 404, 422, 503)


def test_nothing_above_crashed_a_service(doors: Doors) -> None:
    for service in ("ingest", "plans", "progress", "notifier"):
        assert doors.call("GET", service, "/readyz", role=None).status_code == 200
        text = (CHECKOUT / doors.stack["logs"][service]).read_text(errors="replace")
        crashes = [line[:500] for line in text.splitlines() if "request_failed" in line]
        assert crashes == [], service
