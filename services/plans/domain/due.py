"""When plans fall due for their monthly mail (success plan rules 8)."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from shared.kernel.period import Due, monthly_dues


def dues_from(start: date, since: datetime, zone: ZoneInfo, hour: int) -> list[Due]:
    """The dues of a plan year that begin to exist at `since`.

    What fell due earlier is not made up for: neither for a strategy that begins late, nor when
    its start moves.
    """
    return [due for due in monthly_dues(start, zone, hour) if due.at >= since]
