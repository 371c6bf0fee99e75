"""What progress is told from outside, beside what every service is."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Final

from pydantic import Field, SecretStr, field_validator

from services.progress.domain.insight.interaction import Bounds
from services.progress.domain.insight.rules import PUBLIC_DOMAINS, GroupAttribute, InsightRules
from services.progress.domain.standing import Patience
from shared.web.pages.settings import PageSettings

ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(:(\d{1,5}|\*))?", re.IGNORECASE)
LOOPBACK: Final = ("http://127.0.0.1:*", "http://localhost:*")


class ProgressSettings(PageSettings):
    """Settings of progress; README.md says what they are for."""

    group_place: str = ""
    """This replica's name among the others, the same each time it starts: it finds its partitions
    again, without a halt for the rest. Unset: a new member each time."""
    group_session_s: float = Field(10.0, ge=6, le=1800)
    """After how long of silence a replica's partitions go to the others."""
    activity_lanes: int = Field(2, ge=1, le=8)
    """Transactions that bring activity events into the database side by side."""
    activity_batch: int = Field(20_000, ge=1, le=100_000)
    """Events of a transaction at most."""
    collaboration_batch: int = Field(20_000, ge=1, le=50_000)
    """Interactions of a transaction at most."""
    most_people: int = Field(250, ge=3, le=250)
    """From so many people on an interaction counts for nobody. A change counts for what comes."""
    longest_meeting_h: float = Field(8, gt=0, le=24)
    """From so many hours on a meeting or call counts for nobody. As above."""
    plans_url: str = "http://127.0.0.1:8001"
    """Who tells whose a participant's id is, and where people leave plans."""
    service_token: SecretStr = SecretStr("")
    service_token_file: Path | None = None
    """The token for that; the file is read again each time, so that it can be rotated."""
    domains: str = ""
    """The organization's domains, with spaces between; unset: those of its known people."""
    public_domains: str = ""
    """Further domains at which anybody can have an address."""
    group_attribute: GroupAttribute = "organization"
    """What internal networks are told by."""
    email_sent_s: float = Field(300, ge=0, le=3600)
    email_received_s: float = Field(150, ge=0, le=3600)
    chat_own_s: float = Field(22, ge=0, le=600)
    chat_others_s: float = Field(8, ge=0, le=600)
    """How long an email and a chat message take."""
    meaningful_people: int = Field(8, ge=2, le=100)
    meaningful_messages: int = Field(3, ge=1, le=100)
    """Up to how many people an interaction is meaningful, and from how many chat messages."""
    ingest_url: str = "http://127.0.0.1:8000"
    """Where leads that partners register on their pages go."""
    goal_look_every_s: float = Field(15, gt=0)
    """How long to pause between two looks for goals that have crossed their targets."""
    goal_reached_after_s: float = Field(60, ge=0)
    goal_left_after_s: float = Field(900, ge=0)
    """How long a goal must be reached, and be reached no longer, until that is told."""
    embed_origins: str = ""
    """The origins that may show widgets in their pages, with spaces between."""

    @field_validator("embed_origins")
    @classmethod
    def _are_origins(cls, text: str) -> str:
        wrong = [one for one in text.split() if not ORIGIN.fullmatch(one)]
        if wrong:
            raise ValueError(f"{wrong[0]} is no origin such as https://portal.example")
        return text

    @property
    def patience(self) -> Patience:
        """How long a goal must stand on the other side of its target until that is told."""
        return Patience(
            timedelta(seconds=self.goal_reached_after_s), timedelta(seconds=self.goal_left_after_s)
        )

    @property
    def interaction_bounds(self) -> Bounds:
        """Which interactions count at all."""
        return Bounds(self.most_people, timedelta(hours=self.longest_meeting_h))

    @property
    def insight_rules(self) -> InsightRules:
        """How time is counted, and who is one of ours."""
        own = frozenset(self.domains.lower().split())
        return InsightRules(
            zone=self.zone,
            domains=own or None,
            public_domains=PUBLIC_DOMAINS | frozenset(self.public_domains.lower().split()),
            group_attribute=self.group_attribute,
            email_sent=timedelta(seconds=self.email_sent_s),
            email_received=timedelta(seconds=self.email_received_s),
            chat_own=timedelta(seconds=self.chat_own_s),
            chat_others=timedelta(seconds=self.chat_others_s),
            meaningful_people=self.meaningful_people,
            meaningful_messages=self.meaningful_messages,
        )

    @property
    def embedding_origins(self) -> tuple[str, ...]:
        """The origins that may show widgets; on the local stack pages of this machine, too."""
        given = tuple(self.embed_origins.split())
        return given or (LOOPBACK if self.environment == "local" else ())
