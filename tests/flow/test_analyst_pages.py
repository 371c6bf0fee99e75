"""The analyst's pages over HTTP: numbers in and out, and nobody else at the door."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from deploy.local.personas import Persona
from tests.backends.signing_in import HTML, csrf_token, sign_in
from tests.flow.doors import Data, Doors, event, eventually, fresh

pytestmark = pytest.mark.flow

PEOPLE = 14
LIST = "/seller-plans"
Page = httpx.Response


@dataclass(frozen=True)
class Desk:
    """An analyst at the pages, and an organization of its own."""

    site: str
    doors: Doors
    organization: str
    clients: dict[str, httpx.Client]

    def address(self, number: int) -> str:
        return f"s{number}@{self.organization}.example"

    def visit(self, path: str, role: str = "analyst") -> Page:
        return self.clients[role].get(self.site + path, headers=HTML)

    def post(self, path: str, role: str = "analyst", **sent: object) -> Page:
        client = self.clients[role]
        token = csrf_token(self.visit(LIST, role).text)
        data = {"csrf_token": token, **dict(sent.pop("data", {}))}  # type: ignore[call-overload]
        return client.post(self.site + path, data=data, headers=HTML, **sent)  # type: ignore[arg-type]

    def make(self) -> str:
        answer = eventually(lambda: self.post(LIST), lambda found: found.status_code == 303)
        return answer.headers["location"]

    def by_filters(self, plan: str, *values: str, attribute: str = "Organization") -> Page:
        rows: Data = {
            "filters.0.attribute": attribute,
            "filters.0.operator": "equals",
            "filters.0.values": "; ".join(values),
            "filters.1.attribute": "",
            "filters.1.operator": "equals",
            "filters.1.values": "",
        }
        return self.post(f"{plan}/filters", data=rows)

    def by_file(self, plan: str, *rows: str) -> Page:
        content = "\n".join(["Email", *rows]).encode()
        return self.post(f"{plan}/file", files={"file": ("people.csv", content, "text/csv")})


@pytest.fixture(scope="module")
def desk(doors: Doors) -> Iterator[Desk]:
    site, organization = doors.stack["plans"], fresh("org")
    since = {"effective_on": "2020-01-01", "version": 1}
    doors.send(
        *(
            event(
                "person",
                {
                    "person_id": f"s{number}@{organization}.example",
                    "organization": organization,
                    "licensed": number != 0,
                    "opted_out": False,
                    **since,
                },
            )
            for number in range(PEOPLE)
        ),
        event("crm_account", {"account_id": fresh("acc"), "name": "Acme", **since}),
        event(
            "crm_contact",
            {
                "contact_id": fresh("k"),
                "account_id": fresh("acc"),
                "email": f"c@{fresh('acme')}.example",
                **since,
            },
        ),
    )
    clients = {}
    for role in ("analyst", "limited_analyst", "administrator", "channel_manager", "seller"):
        clients[role] = httpx.Client(timeout=30, trust_env=False)
        persona = Persona(f"{fresh('P')} {role}", role, f"{fresh('p')}@supplier.example")
        sign_in(clients[role], site, persona)
    yield Desk(site, doors, organization, clients)
    for client in clients.values():
        client.close()


def shown(page: str, label: str) -> str:
    """The figure under a label."""
    found = re.search(rf"<dt>{re.escape(label)}</dt><dd>([^<]*)</dd>", page)
    assert found is not None, label
    return found[1]


def test_a_plan_from_the_first_click_to_its_end(desk: Desk) -> None:
    plan = desk.make()
    page = desk.visit(plan).text
    assert shown(page, "Qualified so far") == "0"
    counted = eventually(
        lambda: desk.by_filters(plan, desk.organization).text,
        lambda text: f"of {PEOPLE} qualified" in text,
    )
    assert f"{PEOPLE - 1} of {PEOPLE} qualified" in counted
    assert shown(counted, "Without a licence") == "1"
    assert shown(counted, "Qualified so far") == str(PEOPLE - 1)
    name = fresh("Renamed")
    saved = desk.post(plan, data={"name": name, "cadence": "weekly", "version": version(counted)})
    assert saved.status_code == 303, saved.text
    assert desk.post(f"{plan}/start").status_code == 303
    page = desk.visit(plan).text
    assert name in page
    assert "Scheduled" in page
    assert "weekly" in page
    assert shown(page, "Participants") == str(PEOPLE - 1)
    assert desk.post(f"{plan}/stop").status_code == 303
    assert "Stopped" in desk.visit(plan).text
    again = desk.post(f"{plan}/stop")
    assert again.status_code == 409
    assert "stopped" in again.text


def version(page: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', page)
    assert found is not None
    return found[1]


def test_a_file_tells_numbers_and_nobody_by_name(desk: Desk) -> None:
    plan = desk.make()
    rows = [*(desk.address(n) for n in range(12)), "nobody@else.example"]
    answer = eventually(
        lambda: desk.by_file(plan, *rows), lambda found: "11 of 13 qualified" in found.text
    )
    assert shown(answer.text, "Not in the organizational data") == "1"
    for page in (answer.text, desk.visit(plan).text, desk.visit(LIST).text):
        assert desk.organization not in page.replace(f'value="{desk.organization}"', "")
        assert "nobody@else.example" not in page


def test_with_too_few_the_kinds_are_withheld_and_nothing_starts(desk: Desk) -> None:
    plan = desk.make()
    answer = desk.by_file(plan, desk.address(0), desk.address(1))
    assert "why the others do not qualify is not told" in answer.text
    assert "Without a licence" not in answer.text
    refused = desk.post(f"{plan}/start")
    assert refused.status_code == 409
    assert "10 qualified participants" in refused.text


def test_a_file_that_is_no_list_is_refused_beside_the_field(desk: Desk) -> None:
    answer = desk.by_file(desk.make(), "a@x.example,b@x.example")
    assert answer.status_code == 422
    assert 'id="f-file-wrong"' in answer.text
    assert "column" in answer.text


def test_the_console_begins_with_what_a_person_may_see(desk: Desk) -> None:
    assert desk.visit("/").headers["location"] == LIST
    assert desk.visit("/", "channel_manager").headers["location"] == "/plans"


def test_a_filter_that_means_nothing_is_refused_and_kept_as_typed(desk: Desk) -> None:
    plan = desk.make()
    answer = desk.by_filters(plan, "Sales", attribute="Shoe size")
    assert answer.status_code == 422
    assert "no such attribute" in answer.text.lower()
    assert 'value="Sales"' in answer.text
    assert desk.post(f"{plan}/filters").status_code == 422


def test_a_start_in_the_past_and_a_stale_version_are_told(desk: Desk) -> None:
    plan = desk.make()
    known = version(desk.visit(plan).text)
    past = desk.post(plan, data={"start_date": "2020-01-05", "name": "x", "version": known})
    assert past.status_code == 422
    assert 'id="f-start_date-wrong"' in past.text
    assert desk.post(plan, data={"name": fresh("One"), "version": known}).status_code == 303
    stale = desk.post(plan, data={"name": fresh("Two"), "version": known})
    assert stale.status_code == 409


@pytest.mark.parametrize("role", ["administrator", "channel_manager", "seller"])
def test_nobody_else_comes_in(desk: Desk, role: str) -> None:
    plan = desk.make()
    for path in (LIST, plan):
        assert desk.visit(path, role).status_code == 403
    token = csrf_token(desk.visit("/plans", role).text) if role != "seller" else "x"
    for path in (LIST, plan, f"{plan}/start", f"{plan}/stop", f"{plan}/file", f"{plan}/filters"):
        answer = desk.clients[role].post(desk.site + path, data={"csrf_token": token}, headers=HTML)
        assert answer.status_code == 403
    assert "Draft" in desk.visit(plan, "limited_analyst").text


def test_what_no_plan_is_is_not_found(desk: Desk) -> None:
    for path in (f"{LIST}/x", f"{LIST}/0198f3a0-0000-7000-8000-000000000000"):
        assert desk.visit(path).status_code == 404
        assert desk.post(f"{path}/start").status_code == 404


def test_the_way_to_the_pages_stands_in_the_navigation_of_analysts_alone(desk: Desk) -> None:
    assert f'{LIST}"' in desk.visit(LIST).text
    assert f'{LIST}"' not in desk.visit("/plans", "administrator").text
