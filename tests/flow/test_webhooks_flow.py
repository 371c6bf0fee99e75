"""From an event to a webhook: a goal is reached, is reached no longer, and the mail is told of."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from standardwebhooks.webhooks import Webhook

from tests.flow.doors import Data, Doors, eventually, fresh

pytestmark = pytest.mark.flow

WON: Data = {"type": "closed_won_total_deals_amount", "name": "Won", "options": {"currency": "USD"}}


class Hooks:
    """What came in at a receiver, believed only if the library believes it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.secret = ""
        self.came: list[tuple[dict[str, str], bytes]] = []

    def told(self, kind: str, plan_id: str) -> list[Data]:
        events = [Webhook(self.secret).verify(body, headers) for headers, body in self.came]
        return [one for one in events if one["type"] == kind and one["data"]["plan_id"] == plan_id]


@contextmanager
def hooks() -> Iterator[Hooks]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            made.came.append((dict(self.headers.items()), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Tests print what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Hooks(f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()


@pytest.fixture
def listening(doors: Doors) -> Iterator[Hooks]:
    with hooks() as made:
        webhook = doors.call("POST", "notifier", "/v1/webhooks", json={"url": made.url}).json()
        made.secret = webhook["secret"]
        yield made
        path = f"/v1/webhooks/{webhook['webhook_id']}"
        assert doors.call("DELETE", "notifier", path).status_code == 204


def won(partner: str, deal: str, version: int, amount: str, day: date) -> Data:
    told = {"deal_id": deal, "version": version, "partner_id": partner, "status": "closed_won"}
    return {**told, "amount": amount, "currency": "USD", "closed_on": str(day)}


def test_a_goal_reached_and_no_longer_reached_is_told_to_a_webhook(
    doors: Doors, listening: Hooks
) -> None:
    partner, deal = doors.partner(), fresh("d")
    start = doors.today() - timedelta(days=10)
    strategy = doors.strategy(WON, start=start)
    goal_id = strategy["goal_groups"][0]["goals"][0]["goal_id"]
    plan = doors.plan(strategy, partner, {goal_id: {"annual": "1000"}})
    doors.tell("deal", **won(partner, deal, 1, "1500", start))
    [reached] = eventually(lambda: listening.told("goal.reached", plan["plan_id"]), bool, within=60)
    assert reached["data"]["goal_id"] == goal_id
    assert (reached["data"]["value"], reached["data"]["target"]) == ("1500.00", "1000.00")
    assert reached["data"]["turn"] == 1
    doors.tell("deal", **won(partner, deal, 2, "15", start))
    [left] = eventually(
        lambda: listening.told("goal.no_longer_reached", plan["plan_id"]), bool, within=60
    )
    assert (left["data"]["value"], left["data"]["turn"]) == ("15.00", 2)
    assert left["data"]["partner_id"] == reached["data"]["partner_id"] == partner
