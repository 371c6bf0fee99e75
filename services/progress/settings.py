"""What progress is told from outside, beside what every service is."""

from pydantic import Field

from shared.runtime.settings import ServiceSettings


class ProgressSettings(ServiceSettings):
    """Settings of progress; README.md says what they are for."""

    activity_lanes: int = Field(2, ge=1, le=8)
    """Transactions that bring activity events into the database side by side."""
    activity_batch: int = Field(20_000, ge=1, le=100_000)
    """Events of a transaction at most."""
