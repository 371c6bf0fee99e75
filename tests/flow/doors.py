"""The services' own doors, as upstream systems and clients use them, with few words."""

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any, TypeVar

import httpx

Data = dict[str, Any]
Found = TypeVar("Found")
CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE_S = 20.0


class NeverError(AssertionError):
    """What was waited for did not come; says what there was instead."""


def eventually(
    look: Callable[[], Found], right: Callable[[Found], bool], *, within: float = PATIENCE_S
) -> Found:
    """Look again and again until what is found is right, and give it back."""
    deadline = time.monotonic() + within
    while True:
        found = look()
        if right(found):
            return found
        if time.monotonic() > deadline:
            raise NeverError(f"after {within} s there was still {found!r}")
        time.sleep(0.1)


def fresh(prefix: str) -> str:
    """A name that no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def event(record: str, data: Data, /, *, what: str = "recorded", **changes: Any) -> Data:
    """A CloudEvent about a record."""
    told = {
        "specversion": "1.0",
        "id": uuid.uuid4().hex,
        "source": "tests/upstream",
        "type": f"milepost.{record}.{what}.v1",
        "datacontenttype": "application/json",
        "data": data,
    }
    return {key: value for key, value in {**told, **changes}.items() if value is not None}


class Doors:
    """A running stack, seen from outside: HTTP with a role's token, Kafka, mailbox and clock."""

    def __init__(self, stack_file: Path) -> None:
        self.home = stack_file.parent
        self.stack_file = stack_file
        self.http = httpx.Client(timeout=30, trust_env=False)
        self._tokens: dict[tuple[str, ...], str] = {}

    @property
    def stack(self) -> Data:
        """What `stack.json` says now (pids change when parts are started again)."""
        found: Data = json.loads(self.stack_file.read_text())
        return found

    # --- access ---------------------------------------------------------------------------------
    def command(self, *arguments: str, check: bool = True, **environment: str) -> str:
        """Run `python -m deploy.local …` for this stack and give what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "deploy.local", *arguments],
            cwd=CHECKOUT,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def environment(self, **more: str) -> dict[str, str]:
        return {"PATH": "/usr/local/bin:/usr/bin:/bin", "MILEPOST_HOME": str(self.home), **more}

    def token(self, role: str, partner: str | None = None, email: str | None = None) -> str:
        standing: dict[str, str] = self.stack["tokens"]
        if role in standing and not partner and not email:
            return standing[role]
        options = ["--role", role]
        options += ["--partner", partner] if partner else []
        options += ["--email", email] if email else []
        if tuple(options) not in self._tokens:
            self._tokens[tuple(options)] = self.command("token", *options)
        return self._tokens[tuple(options)]

    def call(
        self,
        method: str,
        service: str,
        path: str,
        *,
        role: str | None = "administrator",
        token: str | None = None,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> httpx.Response:
        """One request to a service with the token of a role (None: without any)."""
        bearer = token or (self.token(role) if role else None)
        sent = dict(headers or {})
        if bearer:
            sent["Authorization"] = f"Bearer {bearer}"
        return self.http.request(method, f"{self.stack[service]}{path}", headers=sent, **options)

    def get(self, service: str, path: str, **options: Any) -> Any:
        """The JSON of a GET that must succeed."""
        answer = self.call("GET", service, path, **options)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def all(self, service: str, path: str, **options: Any) -> list[Data]:
        """The items of a list, all its pages after each other."""
        items: list[Data] = []
        cursor: str | None = None
        while True:
            params = {**options.get("params", {}), **({"cursor": cursor} if cursor else {})}
            found = self.get(service, path, **{**options, "params": params})
            items += found["items"]
            cursor = found["next"]
            if cursor is None:
                return items

    # --- upstream -------------------------------------------------------------------------------
    def send(self, *events: Data) -> Data:
        """Post events that must all be accepted."""
        lines = "\n".join(json.dumps(one) for one in events)
        kind = {"Content-Type": "application/x-ndjson"}
        answer = self.call(
            "POST", "ingest", "/v1/events", role="source", content=lines, headers=kind
        )
        assert answer.status_code == 202, f"{answer.status_code} {answer.text}"
        found: Data = answer.json()
        assert found == {"accepted": len(events), "rejected": []}, found
        return found

    def post_events(
        self, body: Any, kind: str = "application/cloudevents-batch+json"
    ) -> httpx.Response:
        """Post whatever it is to the event endpoint."""
        content = body if isinstance(body, str | bytes) else json.dumps(body)
        headers = {"Content-Type": kind}
        return self.call(
            "POST", "ingest", "/v1/events", role="source", content=content, headers=headers
        )

    def tell(self, record: str, **data: Any) -> None:
        """Record something upstream."""
        self.send(event(record, data))

    def forget(self, record: str, **data: Any) -> None:
        """Delete something upstream."""
        self.send(event(record, data, what="deleted"))

    def partner(self, *, admins: Iterable[str] = (), **changes: Any) -> str:
        """A partner that no other test uses; returns its id once plans knows it."""
        partner = changes.pop("partner_id", None) or fresh("p")
        users = [{"email": email, "name": email, "role": "admin"} for email in admins]
        told = {"partner_id": partner, "version": 1, "name": partner, "groups": [], "users": users}
        self.tell("partner", **{**told, **changes})
        return partner

    # --- plans ----------------------------------------------------------------------------------
    def strategy(self, *goals: Data, start: date | None = None, **changes: Any) -> Data:
        """A strategy with one group of goals; by default it began two months ago."""
        body = {
            "name": fresh("Strategy"),
            "start_date": str(start or self.today() - timedelta(days=60)),
            "partner_groups": [],
            "goal_groups": [{"name": "Goals", "goals": list(goals)}],
            **changes,
        }
        answer = self.call("POST", "plans", "/v1/strategies", json=body)
        assert answer.status_code == 201, answer.text
        found: Data = answer.json()
        return found

    def plan(self, strategy: Data, partner: str, targets: Data | None = None) -> Data:
        """A plan, once plans has heard of the partner."""
        body = {"strategy_id": strategy["strategy_id"], "partner_id": partner}
        if targets is not None:
            body["targets"] = targets
        answer = eventually(
            lambda: self.call("POST", "plans", "/v1/plans", json=body),
            lambda found: found.status_code != 422,
        )
        assert answer.status_code == 201, answer.text
        found: Data = answer.json()
        return found

    def replace(self, strategy: Data, **changes: Any) -> Data:
        """PUT a strategy with some changes."""
        path = f"/v1/strategies/{strategy['strategy_id']}"
        answer = self.call("PUT", "plans", path, json={**strategy, **changes})
        assert answer.status_code == 200, answer.text
        found: Data = answer.json()
        return found

    # --- progress -------------------------------------------------------------------------------
    def progress(self, plan_id: str, **params: Any) -> Data:
        """The progress answer, once progress knows the plan."""
        answer = eventually(
            lambda: self.call("GET", "progress", f"/v1/plans/{plan_id}/progress", params=params),
            lambda found: found.status_code not in (404, 503),
        )
        assert answer.status_code == 200, answer.text
        found: Data = answer.json()
        return found

    def values(self, plan_id: str, **params: Any) -> list[str]:
        """The values of a plan's goals in their order."""
        found = self.progress(plan_id, **params)
        return [goal["value"] for group in found["goal_groups"] for goal in group["goals"]]

    def shows(self, plan_id: str, *values: str, **params: Any) -> Data:
        """Wait until a plan's goals show these values."""
        eventually(lambda: self.values(plan_id, **params), lambda found: found == list(values))
        return self.progress(plan_id, **params)

    def settled(self, **options: Any) -> None:
        """Wait until everything accepted before now is in the figures."""
        asked = self.now()
        eventually(
            lambda: self.get("progress", "/v1/watermark", **options)["sources"],
            lambda found: (
                len(found) >= 2
                and all(
                    one["consumed_to"] and datetime.fromisoformat(one["consumed_to"]) > asked
                    for one in found
                )
            ),
        )

    def verify(self) -> Data:
        """Recompute against the ledger."""
        answer = self.call("POST", "progress", "/v1/verify", timeout=120)
        assert answer.status_code == 200, answer.text
        found: Data = answer.json()
        return found

    # --- time and mail --------------------------------------------------------------------------
    def now(self) -> datetime:
        """What the stack's clock says, read from where every service reads it."""
        from shared.kernel.clock import FileClock

        return FileClock(self.home / "clock.json").now()

    def today(self) -> date:
        return self.now().date()

    def jump(self, to: datetime) -> None:
        """Move the stack's clock forward."""
        self.command("clock", to.isoformat())

    def mails(self, plan_id: str) -> list[EmailMessage]:
        """The mails about a plan that lie in the mailbox, oldest first."""
        folder = CHECKOUT / self.stack["mail_dir"]
        parser = BytesParser(policy=policy.default)
        found = [parser.parsebytes(file.read_bytes()) for file in sorted(folder.glob("*.eml"))]
        return [mail for mail in found if mail["X-Milepost-Plan"] == plan_id]
