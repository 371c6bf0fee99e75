"""Errors as RFC 9457 problem details, from every door and for every status."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
PROBLEMS_SHOWN = 100
_log = structlog.get_logger(__name__)


class Problem(Exception):  # noqa: N818 - the field's word (RFC 9457)
    """An answer other than success: status, a short title, what to do, and the fields at fault."""

    def __init__(
        self,
        status: int,
        title: str | None = None,
        detail: str | None = None,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(title or HTTPStatus(status).phrase)
        self.status = status
        self.title = title or HTTPStatus(status).phrase
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    @classmethod
    def at(cls, pointer: str, detail: str, *, title: str = "The input is not valid") -> "Problem":
        """A 422 about one field."""
        return cls(422, title, errors=[{"pointer": pointer, "detail": detail}])

    def response(self) -> Response:
        body: dict[str, Any] = {"type": "about:blank", "title": self.title, "status": self.status}
        if self.detail:
            body["detail"] = self.detail
        if self.errors:
            body["errors"] = self.errors
        body.update(self.extra)
        return Response(orjson.dumps(body), self.status, self.headers, MEDIA_TYPE)


def pointer_of(location: Sequence[int | str]) -> str:
    """The JSON pointer of a validation error: the place in the body, or the parameter's name."""
    parts = (
        location[1:]
        if location and location[0] in ("body", "query", "path", "header")
        else location
    )
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def errors_of(failure: ValidationError) -> list[dict[str, str]]:
    """What a model found wrong, with pointers into what it was given."""
    return [{"pointer": pointer_of(e["loc"]), "detail": e["msg"]} for e in failure.errors()]


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every error of an application as a problem."""

    async def on_problem(_request: Request, problem: Problem) -> Response:
        return problem.response()

    async def on_http(_request: Request, error: HTTPException) -> Response:
        phrase = HTTPStatus(error.status_code).phrase
        detail = str(error.detail) if error.detail and error.detail != phrase else None
        return Problem(error.status_code, None, detail, headers=error.headers).response()

    async def on_invalid(_request: Request, error: RequestValidationError) -> Response:
        found = error.errors()
        if any(item["loc"][:1] == ("path",) for item in found):
            return Problem(404).response()
        errors = [_described(item) for item in found[:PROBLEMS_SHOWN]]
        return Problem(422, "The input is not valid", errors=errors).response()

    async def on_crash(request: Request, error: Exception) -> Response:
        _log.error("request_failed", path=request.url.path, exc_info=error)
        return Problem(500, None, "This is our fault; the log says more.").response()

    app.exception_handler(Problem)(on_problem)
    app.exception_handler(HTTPException)(on_http)
    app.exception_handler(RequestValidationError)(on_invalid)
    app.exception_handler(Exception)(on_crash)


def _described(item: Mapping[str, Any]) -> dict[str, str]:
    location = item["loc"]
    if item["type"] == "json_invalid":
        return {"pointer": "", "detail": f"the body is not valid JSON: {item['ctx']['error']}"}
    return {"pointer": pointer_of(location), "detail": str(item["msg"])}
