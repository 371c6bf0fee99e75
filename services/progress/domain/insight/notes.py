"""The method notes: how each figure is counted, over which days, from what, complete to when."""

from datetime import date, timedelta
from typing import Any, Final

from services.progress.domain.insight.asking import Asked
from services.progress.domain.insight.period import Period
from services.progress.domain.insight.rules import InsightRules
from shared.events.envelope import stamp

COLLABORATION: Final = "emails, meetings, calls and chats: who took part, and when"
PEOPLE: Final = "organizational data"
CUSTOMERS: Final = "CRM accounts and contacts"


SOURCES: Final = {
    "collaboration": (COLLABORATION, PEOPLE),
    "peers": (COLLABORATION, PEOPLE),
    "time_with_customers": (COLLABORATION, CUSTOMERS),
    "depth_of_engagement": (COLLABORATION, CUSTOMERS),
    "internal_networks": (COLLABORATION, PEOPLE),
    "manager_interactions": (COLLABORATION, PEOPLE, CUSTOMERS),
}
"""Block → what it is made of."""
WITH_CHANGES: Final = ("collaboration", "time_with_customers")


def notes_on(asked: Asked, rules: InsightRules) -> dict[str, dict[str, Any]]:
    """Block → definition, window, source, complete_to."""
    definitions = _definitions(rules)
    return {
        block: {
            "definition": definitions[block],
            "window": _window_of(block, asked.period),
            "source": "; ".join(sources),
            "complete_to": stamp(asked.complete_to) if asked.complete_to else None,
        }
        for block, sources in SOURCES.items()
    }


def _definitions(rules: InsightRules) -> dict[str, str]:
    shared = "Your time in each activity, divided among the other people there by head count; "
    return {
        "collaboration": f"{_counting(rules)} An activity with anybody from outside is external "
        "as a whole.",
        "peers": "External to internal time of everybody in your plan, published once for each "
        "period, and only of a group that is large enough and not changed by a few people.",
        "time_with_customers": f"{shared}an account gets the share of its people.",
        "depth_of_engagement": "Distinct people of an account with whom you had at least one "
        f"email, meeting, call or {rules.meaningful_messages} chat messages of a day, among at "
        f"most {rules.meaningful_people} people.",
        "internal_networks": f"{shared}a group ({rules.group_attribute}) gets the share of its "
        "members.",
        "manager_interactions": "Meeting time with each customer, by whether a leader above your "
        "manager, else your manager, else neither was there; one-to-ones are meetings of just "
        "you two.",
    }


def _counting(rules: InsightRules) -> str:
    return (
        "Meetings as booked and calls from joining to leaving, once where they overlap; "
        f"{_seconds(rules.email_sent)} for an email sent and {_seconds(rules.email_received)} for "
        "one received, less where the next came sooner; "
        f"{_seconds(rules.chat_own)} for a chat message of your own and "
        f"{_seconds(rules.chat_others)} for one of the others."
    )


def _window_of(block: str, period: Period) -> str:
    if block == "depth_of_engagement":
        return _window(period.depth_starts, period.ends)
    whole = _window(period.starts, period.ends)
    if block not in WITH_CHANGES:
        return whole
    return f"{whole}; change against {_window(period.before.starts, period.before.ends)}"


def _window(first: date, end: date) -> str:
    return f"{first} to {end - timedelta(days=1)}"


def _seconds(length: timedelta) -> str:
    seconds = length.total_seconds()
    if seconds >= 60:  # noqa: PLR2004 - a minute
        minutes = seconds / 60
        return f"{minutes:g} minute{'s' if minutes != 1 else ''}"
    return f"{seconds:g} seconds"
