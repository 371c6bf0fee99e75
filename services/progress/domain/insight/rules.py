"""The numbers of the insight rules that an organization may set."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

GroupAttribute = Literal["organization", "function"]

PUBLIC_DOMAINS: Final = frozenset(
    {
        "126.com",
        "163.com",
        "aol.com",
        "btinternet.com",
        "comcast.net",
        "duck.com",
        "fastmail.com",
        "free.fr",
        "gmail.com",
        "gmx.at",
        "gmx.ch",
        "gmx.com",
        "gmx.de",
        "gmx.net",
        "googlemail.com",
        "hey.com",
        "hotmail.es",
        "hotmail.it",
        "hotmail.co.uk",
        "hotmail.com",
        "hotmail.de",
        "hotmail.fr",
        "icloud.com",
        "laposte.net",
        "libero.it",
        "live.com",
        "mac.com",
        "mail.com",
        "mail.ru",
        "me.com",
        "msn.com",
        "naver.com",
        "o2.pl",
        "orange.fr",
        "outlook.com",
        "outlook.de",
        "proton.me",
        "protonmail.com",
        "qq.com",
        "rediffmail.com",
        "rocketmail.com",
        "sbcglobal.net",
        "seznam.cz",
        "sfr.fr",
        "sina.com",
        "t-online.de",
        "wanadoo.fr",
        "web.de",
        "wp.pl",
        "yahoo.ca",
        "yahoo.co.in",
        "yahoo.co.jp",
        "yahoo.co.uk",
        "yahoo.com",
        "yahoo.de",
        "yahoo.es",
        "yahoo.fr",
        "yahoo.it",
        "yandex.com",
        "yandex.ru",
        "ymail.com",
        "zoho.com",
    }
)
"""Where anybody can have an address: it tells no company."""


@dataclass(frozen=True)
class InsightRules:
    """How time is counted, and who is one of ours (insight rules, section 3)."""

    zone: ZoneInfo
    domains: frozenset[str] | None = None
    """The organization's; None: those of the people it has told about."""
    public_domains: frozenset[str] = PUBLIC_DOMAINS
    group_attribute: GroupAttribute = "organization"
    email_sent: timedelta = timedelta(seconds=300)
    email_received: timedelta = timedelta(seconds=150)
    chat_own: timedelta = timedelta(seconds=22)
    chat_others: timedelta = timedelta(seconds=8)
    meaningful_people: int = 8
    meaningful_messages: int = 3
