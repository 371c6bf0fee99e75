"""JSON bodies: read exactly, checked for shape, turned into drafts."""

import json
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar
from zoneinfo import ZoneInfo

from fastapi import Request
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from services.plans.api.doors import is_storable
from services.plans.domain.people_filter import FilterDraft
from services.plans.domain.refusal import Flaw, InvalidError, pointer
from services.plans.domain.seller_plan import SellerPlanDraft
from services.plans.domain.strategy import GoalDraft, GroupDraft, StrategyDraft
from services.plans.handlers.plans import PlanDraft
from shared.events.plans import GoalType
from shared.events.records import describe
from shared.events.seller_plans import Cadence
from shared.events.values import Day, PersonAddress

LATEST_YEAR: Final = 2999
MOST_FLAWS: Final = 100


def _not_blank(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("blank", "must not be blank")
    return text


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
MaybeName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
Word = Annotated[str, StringConstraints(max_length=200), AfterValidator(_not_blank)]
"""What is compared letter by letter, so it is not trimmed."""
Words = Annotated[list[Word], Field(max_length=200)]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Form(BaseModel):
    """A body as clients send it. Null is absent; fields that are not known are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore")


class OptionsForm(Form):
    """Options are a closed set: one that is misspelled would otherwise count the wrong things."""

    model_config = ConfigDict(strict=True, extra="forbid")

    deal_types: Words | None = None
    products: Words | None = None
    campaign_tags: Words | None = None
    activity_types: Words | None = None
    currency: Annotated[str, Field(max_length=200)] | None = None
    certification: Word | None = None
    count_earlier: bool | None = None
    field: Word | None = None


class GoalForm(Form):
    goal_id: Reference | None = None
    type: GoalType
    name: MaybeName | None = None
    options: OptionsForm | None = None

    def draft(self) -> GoalDraft:
        options = self.options.model_dump(exclude_none=True) if self.options else {}
        return GoalDraft(self.type, self.name or "", self.goal_id, options)


class GroupForm(Form):
    group_id: Reference | None = None
    name: Name
    goals: list[GoalForm] | None = None

    def draft(self) -> GroupDraft:
        goals = [goal.draft() for goal in self.goals or ()]
        return GroupDraft(self.name, goals, self.group_id)


class StrategyForm(Form):
    name: Name
    description: Annotated[str, Field(max_length=4000)] | None = None
    start_date: Day
    partner_groups: Words | None = None
    goal_groups: list[GroupForm] | None = None

    def draft(self) -> StrategyDraft:
        """Raises InvalidError for a plan year that no calendar has."""
        if self.start_date.year > LATEST_YEAR:
            raise InvalidError([Flaw("/start_date", f"must not lie after {LATEST_YEAR}")])
        return StrategyDraft(
            name=self.name,
            start_date=self.start_date,
            description=self.description,
            partner_groups=self.partner_groups or (),
            goal_groups=[group.draft() for group in self.goal_groups or ()],
        )


class PlanForm(Form):
    strategy_id: Reference
    partner_id: Reference
    targets: dict[str, Any] | None = None

    def draft(self) -> PlanDraft:
        return PlanDraft(self.strategy_id, self.partner_id, self.targets or {})


class SellerPlanForm(Form):
    name: Name | None = None
    cadence: Cadence | None = None
    start_date: Day | None = None

    def draft(self) -> SellerPlanDraft:
        return SellerPlanDraft(self.name, self.cadence, self.start_date)


class FilterForm(Form):
    attribute: Annotated[str, Field(max_length=200)]
    operator: Annotated[str, Field(max_length=200)]
    values: Annotated[list[Annotated[str, Field(max_length=1000)]], Field(max_length=1000)]

    def draft(self) -> FilterDraft:
        return FilterDraft(self.attribute, self.operator, self.values)


class FiltersForm(Form):
    filters: Annotated[list[FilterForm], Field(max_length=50)]

    def drafts(self) -> list[FilterDraft]:
        return [one.draft() for one in self.filters]


class ResolveForm(Form):
    participant_ids: Annotated[list[Reference], Field(max_length=5000)]


class PersonForm(Form):
    """A person by address, in a body: addresses in paths end up in logs."""

    email: PersonAddress


class TargetsForm(Form):
    targets: dict[str, Any]
    reason: Annotated[str, Field(max_length=1000)] | None = None


AnyForm = TypeVar("AnyForm", bound=Form)


def body_of(form: type[AnyForm]) -> Callable[[Request], Awaitable[AnyForm]]:
    """A dependency that reads the body as a form. Raises InvalidError naming what is wrong."""

    async def read(request: Request) -> AnyForm:
        return checked(form, parse_json(await request.body()), request.app.state.desk.zone)

    return read


def checked(form: type[AnyForm], given: Any, zone: ZoneInfo) -> AnyForm:
    """What a client or a page sent, as a form. Raises InvalidError naming what is wrong."""
    flaws = list(_unstorable(given, ""))
    if flaws:
        raise InvalidError(flaws[:MOST_FLAWS])
    try:
        return form.model_validate(given, context={"zone": zone})
    except ValidationError as failure:
        found = describe(failure, prefix="")
        raise InvalidError(Flaw(one["pointer"], one["detail"]) for one in found) from None


def described(form: type[Form]) -> dict[str, Any]:
    """What the OpenAPI document says about a body that `body_of` reads."""
    content = {"application/json": {"schema": form.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}


def parse_json(raw: bytes) -> Any:
    """The value of a body, decimals exactly. Raises InvalidError for what is no JSON."""
    try:
        return json.loads(raw, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, ArithmeticError, RecursionError):
        raise InvalidError([Flaw("", "the body is not valid JSON")]) from None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _unstorable(value: Any, place: str) -> Iterator[Flaw]:
    """Every text, however deep, that no table can hold."""
    if isinstance(value, str) and not is_storable(value):
        yield Flaw(place, "must not contain a null byte or half a character")
    elif isinstance(value, dict):
        for key, inner in value.items():
            if not is_storable(key):
                yield Flaw(place, "a field's name must not contain a null byte or half a character")
            else:
                yield from _unstorable(inner, place + pointer(key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _unstorable(inner, place + pointer(index))
