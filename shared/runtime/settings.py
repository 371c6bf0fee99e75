"""Settings of a service: the environment, prefix `MILEPOST_`, secrets also from files."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self, TypeVar
from zoneinfo import ZoneInfo

from pydantic import SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.kernel.clock import Clock, FileClock, SystemClock

PREFIX = "MILEPOST_"


class ServiceSettings(BaseSettings):
    """What every service is told from outside.

    A value may stand in a file instead: `MILEPOST_DATABASE_URL_FILE` names the file that holds
    `MILEPOST_DATABASE_URL`. Raises pydantic's ValidationError naming what is missing or wrong.
    """

    # A value that is wrong may be a secret at the wrong place: no error repeats it.
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True
    )

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
        for field, path in _files(cls).items():
            if field not in values:
                try:
                    values[field] = Path(path).read_text().strip()
                except (OSError, UnicodeDecodeError) as failure:
                    raise ValueError(_unreadable(field, path, failure)) from None
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
    def _agree_with_each_other(self) -> Self:
        found = list(self.contradictions())
        if found:
            raise ValueError("\n".join(found))
        return self

    def contradictions(self) -> Iterator[str]:
        """What is set in a way that cannot be, a line each, naming the variables."""
        for field in _files(type(self)):
            if _variable(field) in os.environ:
                yield f"{_variable(field)} and {_variable(field)}_FILE are both set: which counts?"
        if self.environment == "local":
            return
        if self.clock_file is not None:
            yield "MILEPOST_CLOCK_FILE works in the local stack only"
        if not self.oidc_jwks.startswith("https://"):
            yield "MILEPOST_OIDC_JWKS must be an https address outside the local stack"

    @property
    def zone(self) -> ZoneInfo:
        """The organization's time zone, whose days everything counts by."""
        return ZoneInfo(self.time_zone)

    def clock(self) -> Clock:
        """Real time, or the local stack's clock."""
        return FileClock(self.clock_file) if self.clock_file else SystemClock()


AnySettings = TypeVar("AnySettings", bound=ServiceSettings)
_EXAMPLES: dict[str, Any] = {
    "database_url": "postgresql://example",
    "oidc_issuer": "https://issuer.example",
    "oidc_jwks": "https://issuer.example/jwks",
    "progress_url": "http://progress.example",
}
"""Stand in for what is missing or wrong, so that contradictions of the rest are found as well."""


def load(kind: type[AnySettings]) -> AnySettings:
    """The settings of the environment; ends the process, saying why, when it may not be served."""
    flaws = find_flaws(kind)
    if flaws:
        sys.stderr.write("".join(f"error: {flaw}\n" for flaw in flaws))
        sys.exit(78)  # EX_CONFIG: what starts services need not try again
    return kind()


def find_flaws(kind: type[ServiceSettings]) -> list[str]:
    """All that is missing, wrong or contradictory, a line each, naming variables and no values."""
    flaws = dict(_unreadable_files(kind))
    told = [*flaws.values()]
    for _ in range(2):  # contradictions show only once every single value is right
        stand_ins = {name: _example(kind, name) for name in flaws}
        try:
            kind(**stand_ins)
        except ValidationError as failure:
            told += [flaw for flaw in _told(failure) if flaw not in told]
            flaws |= {str(error["loc"][0]): "" for error in failure.errors() if error["loc"]}
    return told


def _example(kind: type[ServiceSettings], field: str) -> Any:
    return _EXAMPLES[field] if field in _EXAMPLES else kind.model_fields[field].get_default()


def _files(kind: type[ServiceSettings]) -> dict[str, str]:
    """Field → the file that holds its value."""
    named = {field: os.environ.get(f"{_variable(field)}_FILE") for field in kind.model_fields}
    return {field: path for field, path in named.items() if path and field != "clock"}


def _unreadable_files(kind: type[ServiceSettings]) -> Iterator[tuple[str, str]]:
    for field, path in _files(kind).items():
        try:
            Path(path).read_text()
        except (OSError, UnicodeDecodeError) as failure:
            yield field, _unreadable(field, path, failure)


def _unreadable(field: str, path: str, failure: Exception) -> str:
    return f"{_variable(field)}_FILE names {path}, which cannot be read: {type(failure).__name__}"


def _variable(field: str) -> str:
    return PREFIX + field.upper()


def _told(failure: ValidationError) -> Iterator[str]:
    for error in failure.errors():
        text = error["msg"].removeprefix("Value error, ")
        if not error["loc"]:
            yield from text.splitlines()
            continue
        variable = _variable(str(error["loc"][0]))
        if error["type"] == "missing":
            yield f"{variable} is not set"
        else:
            yield text if text.startswith(variable) else f"{variable}: {text}"
