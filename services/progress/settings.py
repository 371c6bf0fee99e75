"""What progress is told from outside, beside what every service is."""

from pydantic import Field

from shared.web.pages.settings import PageSettings


class ProgressSettings(PageSettings):
    """Settings of progress; README.md says what they are for."""

    activity_lanes: int = Field(2, ge=1, le=8)
    """Transactions that bring activity events into the database side by side."""
    activity_batch: int = Field(20_000, ge=1, le=100_000)
    """Events of a transaction at most."""
    ingest_url: str = "http://127.0.0.1:8000"
    """Where leads that partners register on their pages go."""
