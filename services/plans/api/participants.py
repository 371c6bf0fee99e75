"""Leaving and opting out over HTTP; and the one door that says whose a participant's id is."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response

from services.plans.api.bodies import ResolveForm, body_of, described
from services.plans.api.doors import AtDesk, Seller, Service, found_id
from services.plans.handlers import leaving
from shared.kernel.ids import parse_id
from shared.web.auth import Principal
from shared.web.problems import Problem

DONE: Final = 204
router: Final = APIRouter(prefix="/v1", tags=["participants"])
ResolveBody = Annotated[ResolveForm, Depends(body_of(ResolveForm))]


@router.post("/me/leave", status_code=DONE)
async def leave(who: Seller, desk: AtDesk) -> Response:
    """Leave every plan; what is held about one as a participant goes."""
    await leaving.leave_plans(desk, _person(who))
    return Response(status_code=DONE)


@router.post("/me/opt-out", status_code=DONE)
async def opt_out(who: Seller, desk: AtDesk) -> Response:
    """Leave every plan, and let nobody take one into a plan again."""
    await leaving.opt_out(desk, _person(who))
    return Response(status_code=DONE)


@router.delete("/me/opt-out", status_code=DONE)
async def opt_in(who: Seller, desk: AtDesk) -> Response:
    """Take an opting out back; plans that were left stay left."""
    await leaving.opt_in(desk, _person(who))
    return Response(status_code=DONE)


@router.post("/participants/resolve", openapi_extra=described(ResolveForm))
async def resolve(_who: Service, desk: AtDesk, body: ResolveBody) -> dict[str, Any]:
    """Whose the ids of participants are; ids of those who have left are not in the answer."""
    ids = [found for one in body.participant_ids if (found := parse_id(one))]
    return {
        "participants": [
            {
                "participant_id": str(row["participant_id"]),
                "person": row["person"],
                "seller_plan_id": str(row["seller_plan_id"]),
            }
            for row in await leaving.resolve_participants(desk, ids)
        ]
    }


@router.post("/participants/{participant_id}/leave", status_code=DONE)
async def leave_by_mail(_who: Service, desk: AtDesk, participant_id: str) -> Response:
    """Leave one plan, as a mail's page asks for its reader."""
    await leaving.leave_plan(desk, found_id(participant_id))
    return Response(status_code=DONE)


@router.post("/participants/{participant_id}/opt-out", status_code=DONE)
async def opt_out_by_mail(_who: Service, desk: AtDesk, participant_id: str) -> Response:
    """Opt out, as a mail's page asks for its reader."""
    await leaving.opt_out_participant(desk, found_id(participant_id))
    return Response(status_code=DONE)


def _person(who: Principal) -> str:
    if who.email is None:
        raise Problem(403, "Not allowed", "the token names no email address")
    return who.email
