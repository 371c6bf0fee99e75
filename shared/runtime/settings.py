"""Settings of a service: the environment, prefix `MILEPOST_`, secrets also from files."""

import os
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.kernel.clock import Clock, FileClock, SystemClock

PREFIX = "MILEPOST_"


class ServiceSettings(BaseSettings):
    """What every service is told from outside.

    A value may stand in a file instead: `MILEPOST_DATABASE_URL_FILE` names the file that holds
    `MILEPOST_DATABASE_URL`. Raises pydantic's ValidationError naming what is missing or wrong.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    environment: Literal["production", "local"] = "production"
    host: str = "127.0.0.1"
    port: int = 8000
    kafka: str = "127.0.0.1:9092"
    database_url: SecretStr
    database_pool: int = 10
    time_zone: str = "UTC"
    oidc_issuer: str
    oidc_audience: str = "milepost"
    oidc_jwks: str
    """Where the issuer's keys are: an http(s) address, or a file in the local stack."""
    clock_file: Path | None = None
    partitions: int = 6
    log_level: str = "INFO"
    public_url: str = ""
    """The address that links in mails and pages begin with."""

    @model_validator(mode="before")
    @classmethod
    def _read_files(cls, values: dict[str, Any]) -> dict[str, Any]:
        for field in cls.model_fields:
            path = os.environ.get(f"{PREFIX}{field.upper()}_FILE")
            if path and field not in values and field != "clock":
                values[field] = Path(path).read_text().strip()
        return values

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError):
            raise ValueError(f"{name} is no IANA time zone") from None
        return name

    @model_validator(mode="after")
    def _local_parts_stay_local(self) -> Self:
        if self.environment == "local":
            return self
        if self.clock_file is not None:
            raise ValueError("MILEPOST_CLOCK_FILE works in the local stack only")
        if not self.oidc_jwks.startswith("https://"):
            raise ValueError("MILEPOST_OIDC_JWKS must be an https address outside the local stack")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The organization's time zone, whose days everything counts by."""
        return ZoneInfo(self.time_zone)

    def clock(self) -> Clock:
        """Real time, or the local stack's clock."""
        return FileClock(self.clock_file) if self.clock_file else SystemClock()
