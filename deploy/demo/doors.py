"""The public doors of a running stack: HTTP with its own tokens, its clock and its mailbox."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, Self

import httpx

from deploy.local import clock
from deploy.local.home import Home, LocalError, read_json

LINES_A_REQUEST: Final = 4_000
PATIENCE_SECONDS: Final = 90
LOOK_AGAIN_SECONDS: Final = 0.1
NDJSON: Final = {"Content-Type": "application/x-ndjson"}


class DemoError(Exception):
    """The demo cannot go on; its message says what was asked and what came back."""


class Doors:
    """A stack as its users see it. Raises DemoError when a door answers what it should not."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.described = read_json(home.stack_file)
        if not self.described:
            raise LocalError(f"no stack runs in {home.folder}: `make up` first")
        self._http = httpx.Client(timeout=60, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    # --- clock ----------------------------------------------------------------------------------

    def now(self) -> datetime:
        return clock.now(self.home)

    def jump(self, to: datetime) -> None:
        """Move the stack's clock there, unless it is past that already."""
        if to > self.now():
            clock.jump(self.home, to)

    # --- HTTP -----------------------------------------------------------------------------------

    def get(
        self, service: str, path: str, *, role: str = "administrator", **parameters: str
    ) -> Any:
        return self._call("GET", service, path, role=role, params=parameters)

    def post(
        self, service: str, path: str, body: Any = None, *, role: str = "administrator"
    ) -> Any:
        return self._call("POST", service, path, role=role, json=body)

    def upload(self, record: str, content: str) -> Any:
        """Upload a CSV file of a record."""
        headers = {"Content-Type": "text/csv"}
        path = f"/v1/uploads/{record}"
        return self._call("POST", "ingest", path, content=content.encode(), headers=headers)

    def choose(self, path: str, content: str, filters: Any) -> Any:
        """Choose the participants of a seller plan, by a list or by filters."""
        if filters:
            return self.post("plans", path, {"filters": filters}, role="analyst")
        headers = {"Content-Type": "text/csv"}
        return self._call(
            "POST", "plans", path, role="analyst", content=content.encode(), headers=headers
        )

    def pages(
        self, service: str, path: str, *, role: str = "administrator", **parameters: str
    ) -> Iterator[Any]:
        """The items of a list, page after page."""
        cursor: str | None = ""
        while cursor is not None:
            more = {"cursor": cursor} if cursor else {}
            page = self.get(service, path, role=role, **parameters, **more)
            yield from page["items"]
            cursor = page["next"]

    def tell(self, lines: Sequence[bytes]) -> None:
        """Post events; every one of them has to be accepted."""
        for start in range(0, len(lines), LINES_A_REQUEST):
            body = b"\n".join(lines[start : start + LINES_A_REQUEST])
            answer = self._call(
                "POST", "ingest", "/v1/events", role="source", content=body, headers=NDJSON
            )
            if answer["rejected"]:
                raise DemoError(f"ingest refuses an event of the demo: {answer['rejected'][0]}")

    def _call(
        self, method: str, service: str, path: str, *, role: str = "administrator", **options: Any
    ) -> Any:
        token = self.described["tokens"][role]
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        url = f"{self.described[service]}{path}"
        try:
            answer = self._http.request(method, url, headers=headers, **options)
        except httpx.HTTPError as failure:
            raise DemoError(f"{method} {url}: {failure!r}") from failure
        if answer.is_error:
            raise DemoError(f"{method} {url}: {answer.status_code} {answer.text[:500]}")
        return answer.json()

    # --- waiting --------------------------------------------------------------------------------

    def complete_to(self) -> datetime | None:
        """The time up to which everything accepted is in the figures."""
        sources = self.get("progress", "/v1/watermark")["sources"]
        known = [source["consumed_to"] for source in sources]
        if not known or None in known:
            return None
        return min(datetime.fromisoformat(moment) for moment in known)

    def wait_until_complete(self, moment: datetime) -> None:
        """Return once everything accepted by a moment is in the figures."""
        wait_until(
            lambda: (self.complete_to() or datetime.min.replace(tzinfo=moment.tzinfo)) > moment,
            f"the figures are complete to {moment:%Y-%m-%d %H:%M}",
        )


def wait_until(reached: Callable[[], bool], what: str) -> None:
    """Look again and again. Raises DemoError when it takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            raise DemoError(f"waited {PATIENCE_SECONDS} s in vain until {what}")
        time.sleep(LOOK_AGAIN_SECONDS)
