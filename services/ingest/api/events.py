"""`POST /v1/events`: one CloudEvent, a batch, or a line each."""

from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request

from services.ingest.api.answers import kafka_away, overloaded, told
from services.ingest.api.body import media_type_of, pieces
from services.ingest.domain.intake import FORMS, split
from services.ingest.domain.reading import UnreadableError
from services.ingest.handlers.admission import Admission, OverloadedError
from services.ingest.handlers.events import receive_events
from services.ingest.handlers.kafka import Kafka, KafkaAwayError
from shared.web.auth import Principal, require
from shared.web.problems import Problem

UTF8: Final = frozenset({"utf-8", "utf8", "us-ascii"})
_DOCUMENTED: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/cloudevents+json": {"schema": {"type": "object"}},
            "application/cloudevents-batch+json": {
                "schema": {"type": "array", "items": {"type": "object"}}
            },
            "application/x-ndjson": {"schema": {"type": "string"}},
        },
    }
}


def event_router(kafka: Kafka, admission: Admission, zone: ZoneInfo, max_body: int) -> APIRouter:
    """The door for events, open to the role `source` alone."""
    router = APIRouter(prefix="/v1/events", tags=["events"])

    @router.post("", status_code=202, openapi_extra=_DOCUMENTED)
    async def post_events(
        request: Request, _who: Annotated[Principal, Depends(require("source"))]
    ) -> dict[str, Any]:
        """Take events: 202 once Kafka has acknowledged the good ones, 422 when none is good."""
        form = _form_of(request)
        try:
            with admission.admit() as ticket:
                parts = []
                async for piece in pieces(request, max_body):
                    ticket.take(len(piece))
                    parts.append(piece)
                outcome = await receive_events(_split(b"".join(parts), form), zone, kafka)
        except OverloadedError:
            raise overloaded() from None
        except KafkaAwayError as failure:
            raise kafka_away(failure) from None
        return told(outcome)

    return router


def _form_of(request: Request) -> str:
    kind, parameters = media_type_of(request)
    if kind not in FORMS:
        raise Problem(415, "Unknown content type", f"send one of {', '.join(FORMS)}")
    charset = parameters.get("charset", "utf-8").strip().lower()
    if charset not in UTF8:
        raise Problem(415, "Unknown charset", "JSON is sent in UTF-8")
    return kind


def _split(body: bytes, form: str) -> list[bytes]:
    try:
        return split(body, form)
    except UnreadableError as failure:
        error = {"pointer": "", "detail": f"the body {failure}"}
        rejected = [{"index": 0, "id": None, "errors": [error]}]
        raise Problem(
            422,
            "The body cannot be read",
            errors=[error],
            extra={"accepted": 0, "rejected": rejected},
        ) from None
