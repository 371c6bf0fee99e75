"""`POST /v1/leads`: a partner registers a lead."""

from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from services.ingest.api.answers import kafka_away
from services.ingest.api.body import media_type_of
from services.ingest.domain.cloud_event import is_json
from services.ingest.domain.reading import UnreadableError, read_json
from services.ingest.handlers.kafka import Kafka, KafkaAwayError
from services.ingest.handlers.leads import Registration, register_lead
from shared.events.records import describe
from shared.events.values import Day, Email, Legible
from shared.kernel.clock import Clock
from shared.web.auth import Principal, require
from shared.web.problems import Problem

_DOCUMENTED: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["name", "email"],
                    "properties": {
                        "name": {"type": "string"},
                        "email": {"type": "string", "format": "email"},
                        "captured_on": {"type": "string", "format": "date"},
                    },
                }
            }
        },
    }
}


class _Form(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)

    name: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000), Legible
    ]
    email: Email
    captured_on: Day | None = None


def lead_router(kafka: Kafka, clock: Clock, zone: ZoneInfo) -> APIRouter:
    """The door for lead registration, open to partners; the partner is the token's."""
    router = APIRouter(prefix="/v1/leads", tags=["leads"])
    partner_user = Annotated[Principal, Depends(require("partner_admin", "partner_member"))]

    @router.post("", status_code=201, openapi_extra=_DOCUMENTED)
    async def post_lead(request: Request, who: partner_user) -> dict[str, Any]:
        """Register a lead of one's own partner; it counts as a registered lead."""
        if who.partner_id is None:
            raise Problem(403, "Not allowed", "the token names no partner")
        form = await _read_form(request, zone)
        registration = Registration(who.partner_id, form.name, form.email, form.captured_on)
        try:
            return await register_lead(registration, kafka, clock, zone)
        except KafkaAwayError as failure:
            raise kafka_away(failure) from None

    return router


async def _read_form(request: Request, zone: ZoneInfo) -> _Form:
    kind, _ = media_type_of(request)
    if not is_json(kind):
        raise Problem(415, "Unknown content type", "send application/json")
    try:
        sent = read_json(await request.body())
        if not isinstance(sent, dict):
            raise Problem.at("", "the body must be a JSON object")
        return _Form.model_validate(sent, context={"zone": zone})
    except UnreadableError as failure:
        raise Problem.at("", f"the body {failure}") from None
    except ValidationError as failure:
        raise Problem(422, "The input is not valid", errors=describe(failure, "")) from None
