"""What progress is told from outside, beside what every service is."""

import re
from typing import Final

from pydantic import Field, field_validator

from shared.web.pages.settings import PageSettings

ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(:(\d{1,5}|\*))?", re.IGNORECASE)
LOOPBACK: Final = ("http://127.0.0.1:*", "http://localhost:*")


class ProgressSettings(PageSettings):
    """Settings of progress; README.md says what they are for."""

    activity_lanes: int = Field(2, ge=1, le=8)
    """Transactions that bring activity events into the database side by side."""
    activity_batch: int = Field(20_000, ge=1, le=100_000)
    """Events of a transaction at most."""
    ingest_url: str = "http://127.0.0.1:8000"
    """Where leads that partners register on their pages go."""
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
    def embedding_origins(self) -> tuple[str, ...]:
        """The origins that may show widgets; on the local stack pages of this machine, too."""
        given = tuple(self.embed_origins.split())
        return given or (LOOPBACK if self.environment == "local" else ())
