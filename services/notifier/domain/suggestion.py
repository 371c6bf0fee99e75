"""One targeted suggestion a card, chosen from the seller's own figures."""

from collections.abc import Sequence
from typing import Final

from services.notifier.domain.insight_statement import Account, Group, Manager

MUCH_LESS: Final = -25
"""From this change in percent on an account is worth a thought."""
HALF: Final = 2


def about_customers(accounts: Sequence[Account]) -> str:
    """For Time with customers; accounts by hours, the most first."""
    fallen = [one for one in accounts if (one.change_percent or 0) <= MUCH_LESS]
    if fallen:
        biggest = max(fallen, key=_revenue)
        return (
            f"You spent clearly less time with {biggest.name} than before. If that was not your "
            "choice, plan the next conversation now."
        )
    whole = sum(one.seconds for one in accounts)
    if len(accounts) > 1 and accounts[0].seconds * HALF > whole:
        return (
            f"More than half of your customer time went to {accounts[0].name}. See whether your "
            "other accounts get what they need."
        )
    if len(accounts) == 1:
        return (
            f"All of your customer time went to {accounts[0].name}. Think about which other "
            "account deserves an hour."
        )
    return "Compare your hours with what each account is worth, and move an hour where it counts."


def _revenue(account: Account) -> float:
    try:
        return float(account.annual_revenue or 0)
    except ValueError:
        return 0.0


def about_depth(accounts: Sequence[Account]) -> str:
    """For Depth of engagement; accounts by people, the most first."""
    thin = [one for one in accounts if one.people == 1]
    if thin:
        return (
            f"At {thin[0].name} you engaged with one person only. Ask that person to introduce you "
            "to somebody else."
        )
    return (
        f"You know several people at {accounts[0].name}. Think about who decides there, and "
        "whether you have met."
    )


def about_networks(groups: Sequence[Group]) -> str:
    """For Leverage internal networks; groups by hours, the most first."""
    whole = sum(one.seconds for one in groups)
    if len(groups) == 1:
        return (
            f"All of your internal time was with {groups[0].group}. Specialists of other groups "
            "may help your customers, too."
        )
    if groups[0].seconds * HALF > whole:
        return (
            f"More than half of your internal time was with {groups[0].group}. Ask whether "
            f"{groups[-1].group} could help you with a customer."
        )
    return "Your internal time is well spread. Keep the contacts that help your customers most."


def about_manager(manager: Manager) -> str:
    """For Manager interactions."""
    alone = [one for one in manager.accounts if one.alone.percent == 100]  # noqa: PLR2004
    if alone:
        return (
            f"You met {alone[0].name} without your manager or a leader. For an important meeting, "
            "ask one of them to join."
        )
    if not manager.one_to_one.seconds:
        return "You had no one-to-one with your manager. Half an hour is enough to get help."
    return "Look at your coming meetings, and decide where your manager would make a difference."
