"""What is held of one person as a participant, and forgetting it: for those who run Milepost."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends

from services.plans.api.bodies import PersonForm, body_of, described
from services.plans.api.doors import Administrator, AtDesk
from services.plans.handlers import leaving

router: Final = APIRouter(prefix="/v1/people", tags=["people"])
PersonBody = Annotated[PersonForm, Depends(body_of(PersonForm))]


@router.post("/held", openapi_extra=described(PersonForm))
async def held(_who: Administrator, desk: AtDesk, body: PersonBody) -> dict[str, Any]:
    """What plans holds of a person: participations, candidacies, opting out; never an insight."""
    found = await leaving.find_held(desk, body.email)
    return {
        "participations": [
            {
                "participant_id": str(row["participant_id"]),
                "seller_plan_id": str(row["seller_plan_id"]),
                "name": row["name"],
                "joined_at": row["joined_at"].isoformat(),
            }
            for row in found.participations
        ],
        "candidate_of": [
            {"seller_plan_id": str(row["seller_plan_id"]), "name": row["name"]}
            for row in found.candidacies
        ],
        "opted_out": found.opted_out,
    }


@router.post("/erase", openapi_extra=described(PersonForm))
async def erase(_who: Administrator, desk: AtDesk, body: PersonBody) -> dict[str, int]:
    """Opt a person out for them: no address of a participant is left. Again: nothing to end."""
    return {"participations_ended": await leaving.opt_out(desk, body.email)}
