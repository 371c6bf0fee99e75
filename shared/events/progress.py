"""What progress tells: that a goal of a plan is reached, and that it no longer is."""

from datetime import datetime
from typing import Final

from shared.events.plans import Figure, GoalType, Payload

GOAL_CROSSED: Final = "milepost.progress.goal.crossed.v1"


class GoalCrossed(Payload):
    """A goal's figure has come to its target and stayed there, or has fallen below and stayed.

    `turn` counts a goal's crossings in its plan from 1: odd ones reach it, even ones leave it.
    Figure and target are those of the moment of telling; a goal whose target was taken away has
    none.
    """

    plan_id: str
    strategy_id: str
    partner_id: str
    goal_id: str
    goal_name: str
    goal_type: GoalType
    unit: str
    turn: int
    reached: bool
    figure: Figure
    target: Figure | None = None
    crossed_at: datetime
