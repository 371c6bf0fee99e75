"""The console's pages over HTTP: who may see them, lists, stale deletes, files of every kind."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from deploy.local.personas import Persona
from tests.backends.signing_in import HTML, csrf_token, sign_in
from tests.flow.doors import Data, Doors, event, eventually, fresh

pytestmark = pytest.mark.flow

WON: Data = {"type": "closed_won_total_deals_amount", "options": {"currency": "USD"}}
PARTNERS = 60
PAGES = (
    "/plans",
    "/plans/new",
    "/plans/{plan}",
    "/plans/template",
    "/plans/import",
    "/strategies",
    "/strategies/new",
    "/strategies/{strategy}",
)
FOR_ADMINISTRATORS = ("/plans/{plan}/delete", "/strategies/{strategy}/delete")
ROLES = (
    "administrator",
    "channel_manager",
    "analyst",
    "limited_analyst",
    "seller",
    "partner_admin",
    "partner_member",
)


@dataclass(frozen=True)
class Console:
    """A strategy with more plans than a page holds, and somebody of every role, signed in."""

    site: str
    doors: Doors
    strategy: Data
    plan: Data
    clients: dict[str, httpx.Client]

    def visit(self, path: str, role: str = "administrator", **params: str) -> httpx.Response:
        where = path.format(plan=self.plan["plan_id"], strategy=self.strategy["strategy_id"])
        return self.clients[role].get(self.site + where, params=params or None, headers=HTML)

    def post(self, path: str, role: str = "administrator", **sent: object) -> httpx.Response:
        client = self.clients[role]
        token = csrf_token(self.visit("/plans").text)
        data = {"csrf_token": token, **dict(sent.pop("data", {}))}  # type: ignore[call-overload]
        return client.post(self.site + path, data=data, headers=HTML, **sent)  # type: ignore[arg-type]

    def upload(self, content: bytes) -> httpx.Response:
        """Choose a file on the import page; what is refused stays there, else the preview."""
        return self.post("/plans/import", files={"file": ("plans.csv", content, "text/csv")})

    def template(self) -> str:
        path = f"/v1/strategies/{self.strategy['strategy_id']}/template.csv"
        return self.doors.call("GET", "plans", path).text.removeprefix("\ufeff")


@pytest.fixture(scope="module")
def console(doors: Doors) -> Iterator[Console]:
    site = doors.stack["plans"]
    label = fresh("c")
    strategy = doors.strategy(WON, name=fresh("Console"), partner_groups=[label])
    told: list[Data] = [
        {
            "partner_id": f"{label}-{n:02}",
            "version": 1,
            "name": f"{label} {n:02}",
            "groups": [label],
        }
        for n in range(PARTNERS)
    ]
    doors.send(*(event("partner", one) for one in told))
    plans = [doors.plan(strategy, one["partner_id"]) for one in told]
    clients = {}
    for role in ROLES:
        partner = told[0]["partner_id"] if role.startswith("partner") else ""
        client = httpx.Client(timeout=30, trust_env=False)
        sign_in(client, site, Persona(role, role, f"{role}@console.example", partner=partner))
        clients[role] = client
    yield Console(site, doors, strategy, plans[0], clients)
    for client in clients.values():
        client.close()


def rows(page: httpx.Response) -> list[str]:
    """The partners of a list of plans, from top to bottom."""
    assert page.status_code == 200, page.text
    return re.findall(r'aria-label="Edit the plan of ([^:]+):', page.text)


def next_of(page: httpx.Response) -> str | None:
    found = re.search(r'href="(/plans\?[^"]*cursor=[^"]+)"', page.text)
    return found[1].replace("&amp;", "&") if found else None


@pytest.mark.parametrize("role", ROLES)
def test_who_sees_which_page(console: Console, role: str) -> None:
    supplier = role in ("administrator", "channel_manager")
    for path in PAGES:
        assert (console.visit(path, role).status_code == 200) is supplier, path
    for path in FOR_ADMINISTRATORS:
        assert (console.visit(path, role).status_code == 200) is (role == "administrator"), path


def test_a_list_is_paged_through_in_both_orders(console: Console) -> None:
    strategy_id = console.strategy["strategy_id"]
    for sort in ("created", "-created", "strategy_name", "-end_date"):
        page = console.visit("/plans", strategy=strategy_id, sort=sort)
        seen = rows(page)
        assert len(seen) == 50
        following = next_of(page)
        assert following is not None
        seen += rows(console.visit(following))
        assert len(seen) == len(set(seen)) == PARTNERS
        if sort == "created":
            assert seen == sorted(seen)


def test_a_list_is_searched_page_by_page(console: Console) -> None:
    label = console.plan["partner_id"].rpartition("-")[0]
    page = console.visit("/plans", q=label.upper(), sort="created")
    following = next_of(page)
    assert following is not None
    assert len(rows(page) + rows(console.visit(following))) == PARTNERS
    assert rows(console.visit("/plans", q=f"{label} 07")) == [f"{label} 07"]
    assert rows(console.visit("/plans", q="nothing-such")) == []


def test_filters_in_force_can_be_taken_away_one_by_one(console: Console) -> None:
    page = console.visit(
        "/plans", status="in_progress", strategy=console.strategy["strategy_id"], q="c-"
    )
    shown = re.search(r'aria-label="Filters in force".*?</div>', page.text, re.DOTALL)
    assert shown is not None
    for text in ("Search: c-", "In Progress", console.strategy["name"]):
        assert text in shown[0]
    assert "Clear all" in shown[0]


@pytest.mark.parametrize("asked", ["cursor=nonsense", "sort=nonsense", "status=x", "strategy=x"])
def test_an_old_or_broken_link_still_shows_a_page(console: Console, asked: str) -> None:
    page = console.visit(f"/plans?{asked}")
    assert page.status_code in (200, 422)
    assert "<h1" in page.text


def test_what_changed_since_it_was_looked_at_is_not_deleted(console: Console) -> None:
    strategy = console.doors.strategy(WON)
    plan = console.doors.plan(strategy, console.doors.partner())
    seen = console.visit(f"/plans/{plan['plan_id']}/delete")
    action = re.search(r'action="(/plans/[^"]+/delete\?version=\d+)"', seen.text)
    assert action is not None
    [goal_id] = [g["goal_id"] for group in strategy["goal_groups"] for g in group["goals"]]
    path = f"/v1/plans/{plan['plan_id']}"
    changed = console.doors.call(
        "PUT", "plans", f"{path}/targets", json={"targets": {goal_id: {"annual": "10"}}}
    )
    assert changed.status_code == 200
    assert console.post(action[1]).status_code == 409
    assert console.post(f"/plans/{plan['plan_id']}/delete").status_code == 409
    assert console.doors.call("GET", "plans", path).status_code == 200
    again = console.visit(f"/plans/{plan['plan_id']}/delete")
    now = re.search(r'action="(/plans/[^"]+/delete\?version=\d+)"', again.text)
    assert now is not None
    assert console.post(now[1]).status_code == 303
    assert console.doors.call("GET", "plans", path).status_code == 404


def filled(template: str, figure: str = "1000") -> list[str]:
    """A template's lines with an annual target in its first row."""
    header, first, *rest = template.splitlines()
    at = [name.strip('"') for name in header.split(",")]
    target = next(n for n, name in enumerate(at) if name.endswith("_Target"))
    cells = first.split(",")
    cells[target] = figure
    return [header, ",".join(cells), *rest]


READABLE: dict[str, Callable[[str], bytes]] = {
    "as it is": lambda text: text.encode(),
    "with a byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "with semicolons": lambda text: text.replace(",", ";").encode(),
    "with Windows line ends": lambda text: text.replace("\n", "\r\n").encode(),
}
UNREADABLE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "file"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00", "file"),
    "another table": (b"name,amount\nx,1\n", "partner"),
}


@pytest.mark.parametrize("kind", READABLE)
def test_files_that_people_have_are_read(console: Console, kind: str) -> None:
    text = "\n".join(filled(console.template())) + "\n"
    sent = console.upload(READABLE[kind](text))
    assert sent.status_code == 303, sent.text
    preview = console.visit(sent.headers["location"])
    assert preview.status_code == 200
    path = f"/v1/imports/{sent.headers['location'].rpartition('/')[2]}/errors.csv"
    errors = console.doors.call("GET", "plans", path).text
    assert len(errors.splitlines()) <= 1, errors


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_is_no_such_file_is_told_beside_the_field(console: Console, kind: str) -> None:
    content, word = UNREADABLE[kind]
    sent = console.upload(content)
    if sent.status_code == 303:  # read, but no row of it can be used
        preview = console.visit(sent.headers["location"])
        assert "0" in preview.text
        return
    assert sent.status_code == 422
    assert word in sent.text.lower()
    assert 'id="f-file"' in sent.text


def test_corrected_rows_are_uploaded_again(console: Console) -> None:
    wrong = "\n".join(filled(console.template(), figure="many")) + "\n"
    first = console.upload(wrong.encode())
    assert first.status_code == 303, first.text
    import_id = first.headers["location"].rpartition("/")[2]
    errors = console.doors.call("GET", "plans", f"/v1/imports/{import_id}/errors.csv").text
    assert len(errors.splitlines()) == 2, errors
    mended = console.upload(errors.replace("many", "1000").encode())
    assert mended.status_code == 303, mended.text
    answer = console.post(mended.headers["location"])
    assert answer.status_code == 303
    plan_id = console.plan["plan_id"]
    found = eventually(
        lambda: console.doors.get("plans", f"/v1/plans/{plan_id}"), lambda f: bool(f["targets"])
    )
    [target] = found["targets"].values()
    assert target["annual"] == "1000.00"


def test_a_template_of_a_strategy_that_changed_is_refused_row_by_row(console: Console) -> None:
    strategy = console.doors.strategy(WON)
    console.doors.plan(strategy, console.doors.partner())
    path = f"/v1/strategies/{strategy['strategy_id']}/template.csv"
    stale = console.doors.call("GET", "plans", path).text
    goals = strategy["goal_groups"][0]["goals"]
    more = [*goals, {"type": "registered_leads", "options": {}}]
    console.doors.replace(strategy, goal_groups=[{**strategy["goal_groups"][0], "goals": more}])
    sent = console.upload("\n".join(filled(stale)).encode())
    assert sent.status_code == 303, sent.text
    import_id = sent.headers["location"].rpartition("/")[2]
    errors = console.doors.call("GET", "plans", f"/v1/imports/{import_id}/errors.csv").text
    rows_read = len(stale.splitlines()) - 1
    assert len(errors.splitlines()) == rows_read + 1
