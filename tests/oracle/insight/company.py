"""The whole company: every event as told, and any person's insight as known at any moment."""

from datetime import datetime

from tests.oracle.insight import activity
from tests.oracle.insight.directory import Directory
from tests.oracle.insight.measures import Measured, answer
from tests.oracle.insight.period import Period
from tests.oracle.insight.rules import Rules
from tests.oracle.ledger import Data, Ledger


class Company:
    """Everything that was accepted about collaboration, people and customers."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self.ledger = Ledger()
        self._known: tuple[tuple[datetime, datetime, int], Known] | None = None
        self._heard = 0

    def hear(self, event_type: str, data: Data, accepted_at: datetime) -> None:
        """Take an accepted event (`milepost.interaction.recorded.v1`) and when it was accepted."""
        _, kind, what, _ = event_type.split(".")
        self.ledger.hear(kind, _trimmed(data), accepted_at, deleted=what == "deleted")
        self._heard += 1

    def insights(self, person: str, period: str, known_at: datetime, now: datetime) -> Data:
        """The contract's answer of `GET /me/insights`, but for peers, methods and complete_to.

        `known_at` is the moment up to which what was accepted is known, `now` the one up to which
        what has begun counts. Raises ValueError for what is no period.
        """
        return answer(self.known(known_at, now).measured(person), Period.parse(period))

    def known(self, known_at: datetime, now: datetime) -> "Known":
        """All that is known at a moment; kept until something else is asked about."""
        key = (known_at, now, self._heard)
        if self._known is None or self._known[0] != key:
            self._known = (key, Known(self.ledger, known_at, now, self.rules))
        return self._known[1]


def _trimmed(data: Data) -> Data:
    """Addresses compare trimmed and in lower case."""
    addresses = {"person_id", "manager_id", "email", "seller"}
    return {
        name: value.strip().lower() if name in addresses and value else value
        for name, value in data.items()
    }


class Known:
    """The company as known at one moment."""

    def __init__(self, ledger: Ledger, known_at: datetime, now: datetime, rules: Rules) -> None:
        def living(kind: str) -> list[Data]:
            return [version.data for version in ledger.living(kind, known_at).values()]

        self._rules = rules
        self._directory = Directory(
            living("person"), living("crm_account"), living("crm_contact"), rules
        )
        read = [activity.read(data, rules) for data in living("interaction")]
        self._activities = [one for one in read if one is not None and one.starts <= now]

    def measured(self, person: str) -> Measured:
        """What a person took part in, with its seconds."""
        own = [one for one in self._activities if person in one.there]
        seconds = activity.seconds_of(person, own, self._rules)
        return Measured(person, own, seconds, self._directory, self._rules)
