"""One targeted suggestion a card, chosen from the seller's own figures."""

from collections.abc import Sequence
from typing import Final

from services.notifier.domain.insight_statement import Account, Group, Manager
from services.notifier.domain.language import Language

MUCH_LESS: Final = -25
"""From this change in percent on an account is worth a thought."""
HALF: Final = 2


def about_customers(accounts: Sequence[Account], language: Language) -> str:
    """For Time with customers; accounts by hours, the most first."""
    fallen = [one for one in accounts if (one.change_percent or 0) <= MUCH_LESS]
    if fallen:
        return language.say("advise_fallen", account=max(fallen, key=_revenue).name)
    whole = sum(one.seconds for one in accounts)
    if len(accounts) > 1 and accounts[0].seconds * HALF > whole:
        return language.say("advise_most", account=accounts[0].name)
    if len(accounts) == 1:
        return language.say("advise_only", account=accounts[0].name)
    return language.say("advise_compare")


def _revenue(account: Account) -> float:
    try:
        return float(account.annual_revenue or 0)
    except ValueError:
        return 0.0


def about_depth(accounts: Sequence[Account], language: Language) -> str:
    """For Depth of engagement; accounts by people, the most first."""
    thin = [one for one in accounts if one.people == 1]
    if thin:
        return language.say("advise_thin", account=thin[0].name)
    return language.say("advise_deep", account=accounts[0].name)


def about_networks(groups: Sequence[Group], language: Language) -> str:
    """For Leverage internal networks; groups by hours, the most first."""
    whole = sum(one.seconds for one in groups)
    if len(groups) == 1:
        return language.say("advise_one_group", group=groups[0].group)
    if groups[0].seconds * HALF > whole:
        return language.say("advise_most_group", group=groups[0].group, other=groups[-1].group)
    return language.say("advise_spread")


def about_manager(manager: Manager, language: Language) -> str:
    """For Manager interactions."""
    alone = [one for one in manager.accounts if one.alone.percent == 100]  # noqa: PLR2004
    if alone:
        return language.say("advise_alone", account=alone[0].name)
    if not manager.one_to_one.seconds:
        return language.say("advise_one_to_one")
    return language.say("advise_coming")
