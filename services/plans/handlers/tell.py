"""What changes tell: whole snapshots and ticks, as messages for the outbox."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from services.plans.domain.plan import Plan
from services.plans.domain.seller_plan import SellerPlan
from services.plans.domain.strategy import Strategy
from services.plans.store.participants import Participation
from shared.events.envelope import Envelope
from shared.events.plans import (
    PLAN_DEFINED,
    STRATEGY_DEFINED,
    TICK_DUE,
    Goal,
    GoalGroup,
    GoalOptions,
    Payload,
    PlanSnapshot,
    StrategySnapshot,
    Target,
    TickDue,
)
from shared.events.seller_plans import (
    PARTICIPANT_CHANGED,
    SELLER_PLAN_DEFINED,
    SELLER_TICK_DUE,
    ParticipantChanged,
    SellerPlanSnapshot,
    SellerTickDue,
)
from shared.kernel.ids import named_id
from shared.kernel.period import quarter_starts
from shared.messaging.message import Message
from shared.messaging.topics import PLANS, SELLER_PLANS, TICKS
from shared.runtime.tracing import named_context, spelled

SOURCE: Final = "/milepost/plans"


def strategy_defined(strategy: Strategy, at: datetime) -> Message:
    """The whole strategy after a change."""
    return _strategy(strategy, at, version=strategy.revision, deleted=False)


def strategy_deleted(strategy: Strategy, at: datetime) -> Message:
    """The last word on a strategy: it ends all its plans."""
    return _strategy(strategy, at, version=strategy.revision + 1, deleted=True)


def _strategy(strategy: Strategy, at: datetime, *, version: int, deleted: bool) -> Message:
    snapshot = StrategySnapshot(
        strategy_id=strategy.strategy_id,
        version=version,
        name=strategy.name,
        description=strategy.description,
        start_date=strategy.start_date,
        end_date=strategy.end_date,
        quarter_starts=list(quarter_starts(strategy.start_date)),
        partner_groups=list(strategy.partner_groups),
        goal_groups=_groups(strategy),
        deleted=deleted,
    )
    event_id = named_id(STRATEGY_DEFINED, strategy.strategy_id, str(version))
    return _message(PLANS, strategy.strategy_id, STRATEGY_DEFINED, event_id, snapshot, at)


def _groups(strategy: Strategy) -> list[GoalGroup]:
    return [
        GoalGroup(
            group_id=group.group_id,
            name=group.name,
            goals=[
                Goal.model_validate(
                    {
                        "goal_id": goal.goal_id,
                        "type": goal.type,
                        "name": goal.name,
                        "unit": goal.unit,
                        "options": GoalOptions(**goal.options),
                    }
                )
                for goal in group.goals
            ],
        )
        for group in strategy.goal_groups
    ]


def plan_defined(plan: Plan, at: datetime) -> Message:
    """The whole plan after a change."""
    return _plan(plan, at, version=plan.revision, deleted=False)


def plan_deleted(plan: Plan, at: datetime) -> Message:
    """The last word on a plan."""
    return _plan(plan, at, version=plan.revision + 1, deleted=True)


def _plan(plan: Plan, at: datetime, *, version: int, deleted: bool) -> Message:
    snapshot = PlanSnapshot(
        plan_id=plan.plan_id,
        version=version,
        strategy_id=plan.strategy_id,
        partner_id=plan.partner_id,
        created_at=plan.created_at,
        targets={
            goal_id: Target(annual=t.annual, q1=t.q1, q2=t.q2, q3=t.q3, q4=t.q4)
            for goal_id, t in plan.targets.items()
        },
        deleted=deleted,
    )
    return _plan_message(snapshot, at)


def plan_imported(row: Mapping[str, Any], strategy_id: str, at: datetime) -> Message:
    """A plan after an import, straight from its row (`list_imported_plans`)."""
    snapshot = PlanSnapshot(
        plan_id=str(row["plan_id"]),
        version=row["revision"],
        strategy_id=strategy_id,
        partner_id=row["partner_id"],
        created_at=row["created_at"],
        targets=row["targets"] or {},
    )
    return _plan_message(snapshot, at)


def _plan_message(snapshot: PlanSnapshot, at: datetime) -> Message:
    event_id = named_id(PLAN_DEFINED, snapshot.plan_id, str(snapshot.version))
    return _message(PLANS, snapshot.plan_id, PLAN_DEFINED, event_id, snapshot, at)


def tick_due(tick: TickDue, at: datetime) -> Message:
    """A plan's mail is due."""
    return _traced(_message(TICKS, tick.plan_id, TICK_DUE, tick.tick_id, tick, at))


def seller_plan_defined(plan: SellerPlan, minimum_group_size: int, at: datetime) -> Message:
    """The whole seller plan after a change; who takes part is told apart from it."""
    snapshot = SellerPlanSnapshot(
        seller_plan_id=plan.seller_plan_id,
        version=plan.revision,
        name=plan.name,
        cadence=plan.cadence,
        start_date=plan.start_date,
        end_date=plan.end_date,
        minimum_group_size=minimum_group_size,
        created_at=plan.created_at,
        scheduled_at=plan.scheduled_at,
        stopped_at=plan.stopped_at,
    )
    key, event_type = plan.seller_plan_id, SELLER_PLAN_DEFINED
    event_id = named_id(event_type, key, str(plan.revision))
    return _message(SELLER_PLANS, key, event_type, event_id, snapshot, at)


def participant_changed(found: Participation, at: datetime, *, taking_part: bool) -> Message:
    """Somebody takes part, or does not any more; the id does not say who."""
    changed = ParticipantChanged(
        participant_id=found.participant_id,
        seller_plan_id=found.seller_plan_id,
        version=found.version,
        taking_part=taking_part,
    )
    key, event_type = found.participant_id, PARTICIPANT_CHANGED
    event_id = named_id(event_type, key, str(found.version))
    return _message(SELLER_PLANS, key, event_type, event_id, changed, at)


def seller_tick_due(tick: SellerTickDue, at: datetime) -> Message:
    """A participant's mail is due."""
    key = tick.participant_id
    return _traced(_message(TICKS, key, SELLER_TICK_DUE, tick.tick_id, tick, at))


def _traced(tick: Message) -> Message:
    """A tick's trace is its id: whoever has the tick finds what became of it."""
    carried = spelled(named_context(tick.envelope.id))
    return tick._replace(envelope=replace(tick.envelope, traceparent=carried))


def _message(
    topic: str, key: str, event_type: str, event_id: str, payload: Payload, at: datetime
) -> Message:
    envelope = Envelope(id=event_id, type=event_type, source=SOURCE, accepted_at=at)
    return Message(topic, key, payload.value(), envelope)
