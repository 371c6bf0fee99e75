"""A naive oracle of the seller side: what a person's figures must be, from the rules alone.

It keeps every accepted event in a plain list and answers each question by going through all of
them again, second by second where that is the clearest. It shares nothing with the services, so
that a mistake would have to be made twice to go unnoticed.
"""

from tests.oracle.insight.company import Company
from tests.oracle.insight.peers import PeerFigure, peer_figure
from tests.oracle.insight.rules import Rules

__all__ = ["Company", "PeerFigure", "Rules", "peer_figure"]
