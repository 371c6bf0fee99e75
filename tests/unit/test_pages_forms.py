"""Forms keep what was typed and say what is wrong beside the field; lists keep their state."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import FormData
from starlette.requests import Request

from shared.web.pages.forms import Form, nested, sentence
from shared.web.pages.listing import Listing
from shared.web.problems import Problem


def test_names_with_dots_make_what_the_api_takes() -> None:
    sent = FormData(
        [
            ("csrf_token", "secret"),
            ("name", " FY2027 "),
            ("partner_groups[]", "gold"),
            ("partner_groups[]", "silver"),
            ("goal_groups.0.name", "Sales"),
            ("goal_groups.0.goals.3.type", "registered_leads"),
            ("goal_groups.0.goals.10.type", "approved_accounts"),
            ("goal_groups.0.goals.10.options.deal_types[]", "new"),
        ]
    )
    assert nested(sent) == {
        "name": "FY2027",
        "partner_groups": ["gold", "silver"],
        "goal_groups": [
            {
                "name": "Sales",
                "goals": [
                    {"type": "registered_leads"},
                    {"type": "approved_accounts", "options": {"deal_types": ["new"]}},
                ],
            }
        ],
    }


@given(st.lists(st.tuples(st.text("ab.0[]", max_size=40), st.text(max_size=3)), max_size=20))
def test_no_names_break_it(pairs: list[tuple[str, str]]) -> None:
    assert isinstance(nested(pairs), dict | list)


def test_a_refusal_stands_beside_its_field_and_the_values_stay() -> None:
    typed = {"name": "Taken", "goal_groups": [{"goals": [{"name": "x"}]}], "partner_groups": ["a"]}
    problem = Problem(
        409,
        errors=[
            {"pointer": "/name", "detail": "is taken"},
            {"pointer": "/goal_groups/0/goals/0/name", "detail": "must not be empty"},
            {"pointer": "/partner_groups/0", "detail": "no such group"},
        ],
    )
    form = Form.refused(typed, problem)
    assert form.error("name") == "Is taken."
    assert form.error("goal_groups.0.goals.0.name") == "Must not be empty."
    assert form.error("partner_groups") == "No such group."
    assert form.value("name") == "Taken"
    assert form.value("goal_groups.0.goals.0.name") == "x"
    assert form.value("goal_groups.7.name", "none") == "none"
    assert form.chosen("partner_groups") == ["a"]
    assert form.complaints()[0] == ("name", "Name: is taken.")


def test_a_refusal_of_the_whole_stands_above() -> None:
    form = Form.refused({}, Problem(409, "Changed meanwhile", "somebody saved another version"))
    assert form.message == "Somebody saved another version."
    assert form.failed
    assert not Form().failed


def test_complaints_are_sentences() -> None:
    assert sentence("must be a number") == "Must be a number."
    assert sentence("Really?") == "Really?"
    assert sentence("") == ""


def listing(query: str, **settings: Any) -> Listing:
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/plans",
        "query_string": query.encode(),
        "headers": [],
        "server": ("127.0.0.1", 80),
    }
    given_settings = {
        "sorts": ["name", "start_date"],
        "default_sort": "name",
        "filters": ["q", "status"],
    }
    return Listing(Request(scope), **(given_settings | settings))


def test_a_list_sorts_up_then_down_and_keeps_its_filters() -> None:
    shown = listing("q=a+b&sort=-start_date&cursor=abc&nonsense=1")
    assert shown.sorted_by("start_date") == "descending"
    assert shown.sorted_by("name") is None
    assert shown.sort_url("start_date") == "/plans?q=a+b&sort=start_date"
    assert listing("sort=start_date").sort_url("start_date") == "/plans?sort=-start_date"
    assert shown.next_url("xyz") == "/plans?q=a+b&cursor=xyz&sort=-start_date"


def test_an_unknown_sort_still_shows_the_list() -> None:
    assert listing("sort=password").sort == "name"
    assert listing("sort=name").url() == "/plans"


def test_filters_are_shown_as_what_can_be_taken_back() -> None:
    shown = listing("q=acme&status=ended")
    labels = {"q": "Search", "status=ended": "Status: Ended"}
    assert shown.applied(labels) == [
        ("Search: acme", "/plans?status=ended"),
        ("Status: Ended", "/plans?q=acme"),
    ]
