"""A word that outlives a redirect: "Plan saved", told once on the next page."""

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from fastapi import Request
from starlette.responses import Response

from shared.web.sealing import Sealer
from shared.web.session import Sessions

SECONDS: Final = 60
LONGEST: Final = 400
Kind = Literal["success", "info", "warning", "error"]


@dataclass(frozen=True)
class Flash:
    """A message and how it is meant."""

    text: str
    kind: Kind = "success"


class Flashes:
    """Carries a message to the next page in a sealed cookie: nobody else can put words there."""

    def __init__(self, sessions: Sessions, keys: list[str]) -> None:
        self._sessions = sessions
        self._sealer = Sealer(keys, "flash/1")
        self._cookie = sessions.cookie_named(f"flash_{self._sealer.fingerprint}")

    def leave(self, response: Response, flash: Flash) -> None:
        """Tell it on the page that comes next."""
        content = asdict(flash) | {"text": flash.text[:LONGEST]}
        self._sessions.set_cookie(response, self._cookie, self._sealer.seal(content), SECONDS)

    def waiting(self, request: Request) -> Flash | None:
        """The message that waits to be told."""
        content: dict[str, Any] | None = self._sealer.open(request.cookies.get(self._cookie))
        return Flash(content["text"], content["kind"]) if content else None

    def told(self, response: Response) -> None:
        """It has been told."""
        self._sessions.set_cookie(response, self._cookie, "", 0)
