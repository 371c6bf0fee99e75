"""Refusals and troubles as problems (RFC 9457)."""

from typing import Final

import asyncpg
from fastapi import FastAPI, Request
from starlette.responses import Response

from services.plans.domain.refusal import (
    ConflictError,
    InvalidError,
    NotFoundError,
    RefusalError,
    StaleError,
)
from shared.postgres.pool import is_transient
from shared.web.problems import Problem

STATUSES: Final = {NotFoundError: 404, ConflictError: 409, StaleError: 412, InvalidError: 422}


def install_refusals(app: FastAPI) -> None:
    """Answer refusals by their kind, and a database that is away with 503."""

    async def on_refusal(_request: Request, refusal: Exception) -> Response:
        flaws = refusal.flaws if isinstance(refusal, InvalidError) else []
        errors = [{"pointer": flaw.pointer, "detail": flaw.detail} for flaw in flaws]
        return Problem(STATUSES[type(refusal)], str(refusal), errors=errors).response()

    async def on_trouble(_request: Request, failure: Exception) -> Response:
        if not is_transient(failure):
            raise failure
        return Problem(503, "The database does not answer", headers={"Retry-After": "2"}).response()

    app.exception_handler(RefusalError)(on_refusal)
    for trouble in (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        app.exception_handler(trouble)(on_trouble)
