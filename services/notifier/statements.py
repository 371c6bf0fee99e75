"""Asking progress for the statements of due ticks."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

import httpx
import msgspec
from opentelemetry.trace import SpanKind

from services.notifier.domain.statement import Statement, StatementBrokenError, read_statement
from services.notifier.service_calls import service_headers
from services.notifier.settings import NotifierSettings
from shared.runtime.tracing import named_contexts, outgoing, working

TIMEOUT_S: Final = 300.0
"""The split of a large seller plan is settled once, and that takes a while."""
USUAL_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 15.0
UNKNOWN: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY})
_NOT_YET: Final = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS})


class NotYetError(Exception):
    """Progress has not consumed everything recorded before the due time yet."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("progress is not complete to the due time yet")
        self.retry_after_s = retry_after_s


class UnknownTickError(Exception):
    """Progress does not know one of the ticks that it was asked for."""


class ProgressAwayError(Exception):
    """Progress gave no answer that can be used; the message says what it gave."""


class _Answer(msgspec.Struct):
    statements: list[msgspec.Raw]


_decoder = msgspec.json.Decoder(_Answer)


class Statements:
    """The door of progress that statements come from."""

    def __init__(self, settings: NotifierSettings, client: httpx.AsyncClient | None = None) -> None:
        self._settings = settings
        self._client = client or httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False)
        self._url = f"{settings.progress_url.rstrip('/')}/v1/statements"

    async def close(self) -> None:
        await self._client.aclose()

    async def ask(self, tick_ids: Sequence[str]) -> list[tuple[Statement, str]]:
        """The statements of ticks, each with the text that it was read from.

        Those of ticks that were not asked for are left out; one may be missing. Raises
        NotYetError, UnknownTickError or ProgressAwayError.
        """
        with working("ask for statements", named_contexts(tick_ids), SpanKind.CLIENT):
            body = await self._post(tick_ids)
        try:
            found = [_read(raw) for raw in _decoder.decode(body).statements]
        except (msgspec.ValidationError, msgspec.DecodeError, StatementBrokenError) as failure:
            raise ProgressAwayError(f"an answer that cannot be read: {failure}") from failure
        wanted = set(tick_ids)
        return [(statement, text) for statement, text in found if statement.tick_id in wanted]

    async def _post(self, tick_ids: Sequence[str]) -> bytes:
        try:
            answer = await self._client.post(
                self._url,
                json={"tick_ids": list(tick_ids)},
                headers=service_headers(self._settings) | outgoing(),
            )
        except (httpx.HTTPError, OSError) as failure:
            raise ProgressAwayError(f"{type(failure).__name__}: {failure}") from failure
        if answer.status_code == HTTPStatus.OK:
            return answer.content
        if answer.status_code in _NOT_YET:
            raise NotYetError(_pause(answer.headers.get("retry-after")))
        words = f"progress answered {answer.status_code}: {answer.text[:300]}"
        if answer.status_code in UNKNOWN:
            raise UnknownTickError(words)
        raise ProgressAwayError(words)


def _read(raw: msgspec.Raw) -> tuple[Statement, str]:
    text = bytes(raw)
    return read_statement(text), text.decode()


def _pause(retry_after: str | None) -> float:
    """Seconds of a Retry-After header; a date in it is not worth reading."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return USUAL_PAUSE_S
    return min(max(seconds, 0.1), LONGEST_PAUSE_S)
