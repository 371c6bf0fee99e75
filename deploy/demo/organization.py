"""The settings that the days and dues of a stack go by."""

from collections.abc import Mapping
from dataclasses import dataclass
from os import environ
from typing import Final, Self
from zoneinfo import ZoneInfo

from deploy.local.home import PREFIX, Home, read_json

DEFAULT_MAIL_HOUR: Final = 8


@dataclass(frozen=True)
class Organization:
    """Time zone and the local hour at which mails fall due."""

    zone: ZoneInfo
    mail_hour: int

    @classmethod
    def of(cls, home: Home, environment: Mapping[str, str] = environ) -> Self:
        """The stack's own settings, else those of this environment."""
        kept = read_json(home.choice_file)
        zone = kept.get("TIME_ZONE") or environment.get(f"{PREFIX}TIME_ZONE") or "UTC"
        hour = kept.get("MAIL_HOUR") or environment.get(f"{PREFIX}MAIL_HOUR") or DEFAULT_MAIL_HOUR
        return cls(ZoneInfo(zone), int(hour))
