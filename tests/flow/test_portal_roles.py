"""Who may see which page of progress: every role at every page, and what two writers meet."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest

from deploy.local.personas import Persona
from tests.backends.signing_in import HTML, csrf_token, sign_in
from tests.flow.doors import Doors, event, eventually, fresh

pytestmark = pytest.mark.flow

SUPPLIER = {"administrator", "channel_manager"}
OWN, FOREIGN, NOBODY = "own partner", "foreign partner", "nobody"
ROLES = ["administrator", "channel_manager", "analyst", "limited_analyst", "seller"]
PARTNERS = {OWN, FOREIGN}
PAGES: dict[str, tuple[set[str], set[str]]] = {
    # page: who sees it; to whom it is not there
    "/partners": (SUPPLIER, set()),
    "/partners/{partner}": (SUPPLIER, set()),
    "/progress/plans/{plan}": (SUPPLIER, set()),
    "/progress/plans/{plan}?view=quarters&at=2020-01-01": (SUPPLIER, set()),
    "/progress/plans/{plan}/goals/{goal}?record=deal/none": (SUPPLIER, set()),
    "/portal-pages": (SUPPLIER, set()),
    "/portal-pages/new": (SUPPLIER, set()),
    "/portal-pages/{page}": (SUPPLIER, set()),
    "/portal-pages/{unknown}": (set(), SUPPLIER),
    "/portal": (PARTNERS, set()),
    "/portal/plans/{plan}": ({OWN}, {FOREIGN}),
    "/portal/plans/{plan}?view=quarters": ({OWN}, {FOREIGN}),
    "/portal/plans/{plan}/figures": ({OWN}, {FOREIGN}),
    "/portal/plans/{plan}/goals/{goal}": ({OWN}, {FOREIGN}),
    "/portal/plans/{upcoming}": (set(), PARTNERS),
    "/portal/plans/{upcoming}/figures": (set(), PARTNERS),
    "/portal/plans/{upcoming}/goals/{goal2}": (set(), PARTNERS),
    "/portal/plans/not-an-id": (set(), PARTNERS),
    "/portal/pages/{slug}": (PARTNERS, set()),
    "/portal/pages/{hidden}": (set(), PARTNERS),
    "/portal/pages/%00": (set(), PARTNERS),
}


@dataclass(frozen=True)
class Scene:
    """A plan under way, one to come, two pages, and somebody of every role who is signed in."""

    site: str
    names: dict[str, str]
    clients: dict[str, httpx.Client]

    def visit(self, role: str, path: str) -> httpx.Response:
        url = self.site + path.format(**self.names)
        return self.clients[role].get(url, headers=HTML, follow_redirects=role != NOBODY)

    def post(self, role: str, path: str, fields: dict[str, str]) -> httpx.Response:
        token = csrf_token(self.visit(role, "/portal-pages").text)
        url = self.site + path.format(**self.names)
        return self.clients[role].post(url, data={"csrf_token": token, **fields}, headers=HTML)


def written(called: str, **changes: str) -> dict[str, str]:
    page = {"name": called, "template": "one_column", "content": "# Hello\n\n{{ Success Plan }}"}
    return {**page, "place": "top", "position": "1", "active": "true", **changes}


@pytest.fixture(scope="module")
def scene(doors: Doors) -> Iterator[Scene]:
    partner, other = doors.partner(), doors.partner()
    goal = {"type": "registered_leads", "options": {}}
    strategy = doors.strategy(goal)
    later = doors.strategy(goal, start=doors.today() + timedelta(days=40))
    plan, upcoming = doors.plan(strategy, partner), doors.plan(later, partner)
    doors.shows(plan["plan_id"], "0")
    doors.shows(upcoming["plan_id"], "0")
    people = {role: Persona(role, role, f"{role}@supplier.example") for role in ROLES}
    people[OWN] = Persona("Own", "partner_member", "own@own.example", partner=partner)
    people[FOREIGN] = Persona("Foreign", "partner_admin", "f@foreign.example", partner=other)
    site = str(doors.stack["progress"])
    clients = {who: httpx.Client(timeout=30, trust_env=False) for who in [*people, NOBODY]}
    for who, persona in people.items():
        sign_in(clients[who], site, persona)
    names = {
        "partner": partner,
        "plan": plan["plan_id"],
        "goal": strategy["goal_groups"][0]["goals"][0]["goal_id"],
        "upcoming": upcoming["plan_id"],
        "goal2": later["goal_groups"][0]["goals"][0]["goal_id"],
        "unknown": "0198f3a0-0000-7000-8000-000000000000",
        "slug": fresh("shown"),
        "hidden": fresh("hidden"),
    }
    made = Scene(site, names, clients)
    assert made.post("channel_manager", "/portal-pages", written(names["slug"])).is_redirect
    hidden = written(names["hidden"], active="")
    assert made.post("administrator", "/portal-pages", hidden).is_redirect
    names["page"] = page_id(made, names["slug"])
    yield made
    for client in clients.values():
        client.close()


def page_id(scene: Scene, name: str) -> str:
    listed = scene.visit("administrator", "/portal-pages").text
    return listed.split(f'">{name}<')[0].rpartition("/portal-pages/")[2]


@pytest.mark.parametrize("path", PAGES)
def test_every_role_at_this_page(scene: Scene, path: str) -> None:
    may, hidden_from = PAGES[path]
    for role in [*ROLES, OWN, FOREIGN, NOBODY]:
        answer = scene.visit(role, path)
        found = answer.status_code
        if role == NOBODY:
            assert found == 303, role
            assert "/auth/sign-in" in answer.headers["location"]
        else:
            wanted = 200 if role in may else 404 if role in hidden_from else 403
            assert found == wanted, f"{role}: {found}"
            assert len(answer.content) < 100_000


def test_only_the_supplier_writes_pages(scene: Scene) -> None:
    for role in ("analyst", OWN):
        for path in ("/portal-pages", "/portal-pages/preview", "/portal-pages/{page}/delete"):
            token = csrf_token(scene.visit(role, "/portal").text)
            fields = {"csrf_token": token, **written("Mine")}
            url = scene.site + path.format(**scene.names)
            assert scene.clients[role].post(url, data=fields, headers=HTML).status_code == 403
    sent = scene.clients["administrator"].post(
        f"{scene.site}/portal-pages", data=written("Without a token"), headers=HTML
    )
    assert sent.status_code == 403


def test_a_page_shows_each_partner_its_own_plan_and_nothing_harmful(scene: Scene) -> None:
    own = scene.visit(OWN, "/portal/pages/{slug}").text
    assert f"/portal/plans/{scene.names['plan']}" in own
    foreign = scene.visit(FOREIGN, "/portal/pages/{slug}").text
    assert scene.names["plan"] not in foreign
    assert "No Success Plan yet" in foreign
    assert f'href="/portal/pages/{scene.names["slug"]}"' in foreign
    name = fresh("hostile")
    hostile = written(name, content="<script>alert(1)</script> [x](javascript:alert(1))")
    assert scene.post("administrator", "/portal-pages", hostile).is_redirect
    seen = scene.visit(OWN, f"/portal/pages/{name}").text
    assert "<script>alert" not in seen
    assert 'href="javascript' not in seen


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"name": ""}, "Name"),
        ({"content": "x" * 20_001}, "Content"),
        ({"content": "{{ Success Plan }}" * 5}, "4 widgets"),
        ({"template": "three"}, "Template"),
        ({"position": "first"}, "Position"),
        ({"content": "null \x00 here"}, "Content"),
    ],
)
def test_a_wrong_page_is_answered_beside_the_field_and_keeps_what_was_typed(
    scene: Scene, changes: dict[str, str], complaint: str
) -> None:
    sent = written("Typed already", **changes)
    answer = scene.post("administrator", "/portal-pages", sent)
    assert answer.status_code == 422
    assert complaint in answer.text
    assert "Typed already" in answer.text or changes.get("name") == ""


def test_of_two_writers_the_second_sees_the_first(scene: Scene) -> None:
    name = fresh("edited")
    scene.post("administrator", "/portal-pages", written(name))
    path = f"/portal-pages/{page_id(scene, name)}"
    first = written(name, content="Of the first", version="1")
    assert scene.post("administrator", path, first).is_redirect
    second = written(name, content="Of the second", version="1")
    answer = scene.post("channel_manager", path, second)
    assert answer.status_code == 409
    assert "Of the first" in answer.text
    assert "Of the second" in answer.text
    assert scene.post("channel_manager", f"{path}/delete", {"version": "1"}).status_code == 409
    assert "Of the first" in scene.visit(OWN, f"/portal/pages/{name}").text
    assert scene.post("channel_manager", path, {**second, "version": "2"}).is_redirect
    assert scene.post("channel_manager", f"{path}/delete", {"version": "3"}).is_redirect
    assert scene.visit(OWN, f"/portal/pages/{name}").status_code == 404


def test_a_name_that_is_there_already_gets_another_address(scene: Scene) -> None:
    name = fresh("twice")
    for _ in range(2):
        assert scene.post("administrator", "/portal-pages", written(name)).is_redirect
    assert scene.visit(OWN, f"/portal/pages/{name}-2").status_code == 200


def test_tokens_of_widgets_are_for_the_suppliers_site(doors: Doors, scene: Scene) -> None:
    body = {"partner_id": scene.names["partner"]}
    for role, status in {
        "administrator": 201,
        "channel_manager": 201,
        "service": 201,
        "analyst": 403,
        "source": 403,
        None: 401,
    }.items():
        answer = doors.call("POST", "progress", "/v1/embed-tokens", role=role, json=body)
        assert answer.status_code == status, role
    for wrong, status in {"nobody-knows": 404, "": 422, "a\x00b": 404}.items():
        answer = doors.call("POST", "progress", "/v1/embed-tokens", json={"partner_id": wrong})
        assert answer.status_code == status, wrong


def test_a_widget_shows_the_tokens_partner_alone(doors: Doors, scene: Scene) -> None:
    body = {"partner_id": scene.names["partner"]}
    token = doors.call("POST", "progress", "/v1/embed-tokens", json=body).json()["token"]
    other = doors.partner()
    asked = {"partner_id": other}
    stranger = eventually(
        lambda: doors.call("POST", "progress", "/v1/embed-tokens", json=asked),
        lambda answer: answer.status_code == 201,
    )
    foreign = stranger.json()["token"]
    for view in ("plan", "quarters"):
        for query, status in {
            f"token={token}": 200,
            f"token={token}&plan={scene.names['plan']}": 200,
            f"token={token}&plan={scene.names['upcoming']}": 404,
            f"token={foreign}": 200,
            f"token={foreign}&plan={scene.names['plan']}": 404,
            f"token={token[:-4]}AAAA": 401,
            "token=": 401,
            "": 401,
        }.items():
            answer = httpx.get(f"{scene.site}/embed/{view}?{query}", trust_env=False)
            assert answer.status_code == status, query
            policy = answer.headers["content-security-policy"]
            assert "frame-ancestors http://127.0.0.1:*" in policy
            if f"token={foreign}" in query:
                assert scene.names["partner"] not in answer.text


def test_every_record_of_a_goal_is_there_page_by_page(scene: Scene, doors: Doors) -> None:
    partner = doors.partner()
    strategy = doors.strategy({"type": "registered_leads", "options": {}})
    plan = doors.plan(strategy, partner)
    goal = strategy["goal_groups"][0]["goals"][0]["goal_id"]
    ids = [fresh("lead") for _ in range(130)]
    days = [str(doors.today() - timedelta(days=number % 7)) for number in range(len(ids))]
    doors.send(
        *(
            event(
                "lead",
                {"lead_id": one, "version": 1, "partner_id": partner, "captured_on": day},
            )
            for one, day in zip(ids, days, strict=True)
        )
    )
    doors.shows(plan["plan_id"], str(len(ids)))
    path = f"/progress/plans/{plan['plan_id']}/goals/{goal}"
    first = scene.visit("administrator", path)
    older = re.search(r'href="([^"]+)">Older records', first.text)
    assert older is not None
    second = scene.visit("administrator", html.unescape(older[1]))
    seen = [re.findall(r"lead-[0-9a-f]{10}", page.text) for page in (first, second)]
    assert len(seen[0]) == 100
    assert sorted({*seen[0], *seen[1]}) == sorted(ids)
    assert "Latest records" in second.text
    assert "Older records" not in second.text
    assert scene.visit("administrator", f"{path}?cursor=nonsense").status_code == 422
