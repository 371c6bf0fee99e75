"""What a service with pages is told from outside."""

from babel import Locale, UnknownLocaleError
from pydantic import field_validator

from shared.web.session import SignInSettings


class PageSettings(SignInSettings):
    """Signing in, the organization's locale, and where the other pages are.

    The addresses are empty where all services answer behind one origin.
    """

    locale: str = "en-GB"
    """How dates and figures are written for a browser that does not say."""
    console_url: str = ""
    """The supplier's console: the plans service, as browsers know it."""
    portal_url: str = ""
    """Progress pages and the partners' portal: the progress service, as browsers know it."""
    mails_url: str = ""
    """Samples and the look of mails: the notifier, as browsers know it."""

    @field_validator("locale")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            Locale.parse(name, sep="-")
        except (ValueError, UnknownLocaleError):
            raise ValueError(f"{name} is no locale such as en-GB") from None
        return name

    @field_validator("console_url", "portal_url", "mails_url")
    @classmethod
    def _without_slash(cls, url: str) -> str:
        return url.rstrip("/")
