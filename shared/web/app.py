"""The HTTP application of a service: problems, health, metrics, access log, bounded bodies."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import orjson
import structlog
import uvicorn
from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse
from opentelemetry.trace import Span
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.runtime.logging import configure_logging
from shared.runtime.settings import ServiceSettings
from shared.runtime.tracing import HEADER, configure_tracing, serving
from shared.web.auth import Authenticator
from shared.web.problems import Problem, install_problem_handlers

MAX_BODY: Final = 1024 * 1024
CHECK_TIMEOUT_S: Final = 5.0
UNTRACED: Final = ("/livez", "/readyz", "/metrics")
Check = Callable[[], Awaitable[None]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
_log = structlog.get_logger(__name__)
_requests = Counter(
    "milepost_http_requests_total", "Requests by route and status", ["method", "route", "status"]
)
_seconds = Histogram(
    "milepost_http_request_seconds",
    "Seconds until an answer was sent, by route",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


class JsonResponse(JSONResponse):
    """JSON written by orjson; decimals and dates must have been spelled before."""

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


def create_app(
    service: str,
    settings: ServiceSettings,
    *,
    lifespan: Lifespan,
    routers: Iterable[APIRouter] = (),
    max_body: int = MAX_BODY,
    own_limits: tuple[str, ...] = (),
) -> FastAPI:
    """The application of a service.

    `app.state.checks` maps a name to a coroutine function that raises while that part is not
    ready; bodies over `max_body` bytes get 413, except under the path prefixes `own_limits`, which
    bound their bodies themselves.
    """
    app = FastAPI(
        title=f"Milepost {service}",
        lifespan=lifespan,
        default_response_class=JsonResponse,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.authenticator = Authenticator(settings, settings.clock())
    app.state.checks = {}
    install_problem_handlers(app)
    app.include_router(_health_router(app))
    for router in routers:
        app.include_router(router)
    app.add_middleware(BoundedBody, limit=max_body, own_limits=own_limits)
    app.add_middleware(Observed)
    return app


def _health_router(app: FastAPI) -> APIRouter:
    router = APIRouter(tags=["operations"])

    @router.get("/livez")
    async def livez() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @router.get("/readyz")
    async def readyz() -> JsonResponse:
        """Every part that the service needs works: 200, else 503 and what does not."""
        checks: dict[str, Check] = app.state.checks
        found = dict(
            zip(checks, await asyncio.gather(*map(_checked, checks.values())), strict=True)
        )
        ready = all(failure is None for failure in found.values())
        parts = {name: failure or "ok" for name, failure in found.items()}
        status = "ok" if ready else "not ready"
        return JsonResponse({"status": status, "checks": parts}, 200 if ready else 503)

    @router.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


async def _checked(check: Check) -> str | None:
    try:
        await asyncio.wait_for(check(), CHECK_TIMEOUT_S)
    except Exception as failure:  # noqa: BLE001 - readiness reports whatever is wrong
        return f"{type(failure).__name__}: {failure}"
    return None


class BoundedBody:
    """Refuses bodies over a limit, by their declared length or while they arrive."""

    def __init__(self, app: ASGIApp, *, limit: int, own_limits: tuple[str, ...]) -> None:
        self._app = app
        self._limit = limit
        self._own_limits = own_limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (
            self._own_limits and scope["path"].startswith(self._own_limits)
        ):
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self._limit:
            await self._refusal()(scope, receive, send)
            return
        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limit:
                raise Problem(413, "The body is too large", f"at most {self._limit} bytes")
            return message

        await self._app(scope, bounded, send)

    def _refusal(self) -> Response:
        return Problem(413, "The body is too large", f"at most {self._limit} bytes").response()


class Observed:
    """Counts, times and logs requests by route, never by path: ids stay out of labels and logs."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] in UNTRACED:
            await self._observe(scope, receive, send, None)
            return
        carried = dict(scope["headers"]).get(HEADER.encode(), b"").decode("latin-1")
        with serving(scope["method"], carried) as span:
            await self._observe(scope, receive, send, span)

    async def _observe(self, scope: Scope, receive: Receive, send: Send, span: Span | None) -> None:
        began = time.perf_counter()
        status = 500

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, observed)
        finally:
            self._note(scope, status, time.perf_counter() - began)
            if span is not None:
                route = getattr(scope.get("route"), "path", "unknown")
                span.update_name(f"{scope['method']} {route}")
                span.set_attributes({"http.route": route, "http.response.status_code": status})

    @staticmethod
    def _note(scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unknown")
        method = scope["method"]
        _requests.labels(method, route, status).inc()
        _seconds.labels(method, route).observe(seconds)
        if route not in UNTRACED:
            _log.info(
                "request", method=method, route=route, status=status, ms=round(seconds * 1000, 1)
            )


def run(app: FastAPI, service: str, settings: ServiceSettings) -> None:
    """Serve until told to stop; the last requests get some seconds to finish."""
    configure_logging(service, settings.log_level)
    configure_tracing(service)
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=10,
    )


async def cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """End background tasks and wait until they have ended."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def start_patiently(name: str, start: Callable[[], Awaitable[object]]) -> None:
    """Start something that may be away now, trying until it comes."""
    pause = 0.2
    while True:
        try:
            await start()
        except Exception as failure:  # noqa: BLE001 - whatever is away, it may come back
            _log.warning("waiting_for", part=name, error=repr(failure))
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)
        else:
            return
