"""`POST /v1/sources/{name}`: payloads of other systems, as they send them."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse
from starlette.responses import Response

from services.ingest import metrics
from services.ingest.api.answers import COME_BACK_LATER, kafka_away, overloaded
from services.ingest.api.body import pieces
from services.ingest.domain.graph_content import ContentFaultError
from services.ingest.domain.mapping import PayloadFaultError
from services.ingest.domain.reading import UnreadableError, read_json
from services.ingest.domain.signature import Head, refuse_body, refuse_head, refuse_payload
from services.ingest.handlers.admission import Admission, OverloadedError
from services.ingest.handlers.kafka import KafkaAwayError
from services.ingest.handlers.sources import MappedPayload, Source, SourceDesk
from shared.kernel.clock import Clock
from shared.postgres.pool import is_transient
from shared.web.app import JsonResponse
from shared.web.problems import Problem

MAX_TOKEN: Final = 2000
_DOCUMENTED: Final[dict[str, Any]] = {
    "requestBody": {"content": {"application/json": {"schema": {}}}},
}


def source_router(
    desk: SourceDesk,
    sources: Mapping[str, Source],
    admission: Admission,
    clock: Clock,
    *,
    max_body: int,
    public_url: str,
) -> APIRouter:
    """The doors of the sources that have a secret; each is opened by that alone."""
    router = APIRouter(prefix="/v1/sources", tags=["sources"])

    @router.post("/{name}", status_code=202, openapi_extra=_DOCUMENTED, response_model=None)
    async def post_payload(
        name: str,
        request: Request,
        validation_token: Annotated[
            str | None, Query(alias="validationToken", max_length=MAX_TOKEN)
        ] = None,
    ) -> Response:
        """Take a payload: 202 once what it tells is safe; what could not be used is in the answer.

        Items that the mapping has no event for are ignored, rejected ones are dead letters, so
        that no sender repeats them for ever. Graph's question whether this door is the
        subscriber's is answered with its own token.
        """
        source = sources.get(name)
        if source is None:
            raise Problem(404, "No such source")
        head = _head(request, public_url)
        _refuse(name, refuse_head(source.mapping.signature, source.secret, head))
        if validation_token and source.mapping.signature.scheme == "graph_client_state":
            return PlainTextResponse(
                validation_token, headers={"X-Content-Type-Options": "nosniff"}
            )
        try:
            with admission.admit() as ticket:
                body = bytearray()
                async for piece in pieces(request, max_body):
                    ticket.take(len(piece))
                    body += piece
                signature, now = source.mapping.signature, clock.now()
                _refuse(name, refuse_body(signature, source.secret, head, bytes(body), now))
                payload = _payload(bytes(body))
                _refuse(name, refuse_payload(signature, source.secret, payload))
                return _told(await _receive(desk, source, payload))
        except OverloadedError:
            raise overloaded() from None

    return router


def _head(request: Request, public_url: str) -> Head:
    """The request as its sender knows it: behind a proxy the address is the public one."""
    query = f"?{request.url.query}" if request.url.query else ""
    base = public_url.rstrip("/") or f"{request.url.scheme}://{request.url.netloc}"
    return Head(
        request.method,
        f"{base}{request.url.path}{query}",
        {key.lower(): value for key, value in request.headers.items()},
        dict(request.query_params),
    )


def _refuse(name: str, reason: str | None) -> None:
    if reason:
        metrics.turned_away.labels("signature").inc()
        raise Problem(401, f"This is not from {name}", reason)


def _payload(body: bytes) -> Any:
    """What was sent; nothing at all where a notification has no body."""
    if not body.strip():
        return {}
    try:
        return read_json(body)
    except UnreadableError as failure:
        raise Problem.at("", f"the body {failure}") from None


async def _receive(desk: SourceDesk, source: Source, payload: Any) -> MappedPayload:
    try:
        return await desk.receive(source, payload)
    except (PayloadFaultError, ContentFaultError) as failure:
        raise Problem.at("", str(failure)) from None
    except KafkaAwayError as failure:
        raise kafka_away(failure) from None
    except Exception as failure:
        if not is_transient(failure):
            raise
        raise Problem(
            503,
            "The database does not answer",
            "send the same again",
            headers=COME_BACK_LATER,
        ) from failure


def _told(found: MappedPayload) -> JsonResponse:
    rejected = [
        {"index": at, "id": rejection.id, "errors": rejection.errors}
        for at, rejection in found.outcome.rejected
    ]
    accepted = len(found.outcome.accepted)
    return JsonResponse({"accepted": accepted, "ignored": found.ignored, "rejected": rejected}, 202)
