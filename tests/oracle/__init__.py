"""A naive oracle: what the figures must be, computed from the rule books alone.

It keeps every accepted event and every change of strategies and plans in plain lists and answers
each question by going through all of them again. It shares no code with the services, not even
their arithmetic, so that a mistake would have to be made twice to go unnoticed. Clear and slow.
"""

from tests.oracle.figures import Contribution, Verdict
from tests.oracle.plan_year import Due, dues, quarter_of, quarters, year_end
from tests.oracle.world import World

__all__ = ["Contribution", "Due", "Verdict", "World", "dues", "quarter_of", "quarters", "year_end"]
