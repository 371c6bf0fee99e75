"""From a claim to the bytes that go out."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, Protocol

from services.notifier.domain.address import checked
from services.notifier.domain.delivery import PARTNER_PROGRESS, SELLER_INSIGHTS
from services.notifier.domain.insight_mail import InsightMail, Links, insight_mail
from services.notifier.domain.language import LANGUAGES, Language, language_of
from services.notifier.domain.look import Look, Shown, shown
from services.notifier.domain.progress_mail import ProgressMail, progress_mail
from services.notifier.domain.statement import read_statement
from services.notifier.mail.compose import Mail, Mailbox, Picture, compose
from services.notifier.mail.dkim import signer_of
from services.notifier.mail.rendering import Parts, mail_template
from services.notifier.mail.smtp import Envelope
from services.notifier.settings import NotifierSettings
from services.notifier.store import Claim, Reader

Letter = tuple[Envelope, bytes]
WriteLetter = Callable[[Claim, datetime], Awaitable[Letter]]
Fill = Callable[[Claim, Language], ProgressMail | InsightMail]
STREAMS: Final = (PARTNER_PROGRESS, SELLER_INSIGHTS)


class Looks(Protocol):
    """Knows the look that counts now."""

    now: Look

    async def follow(self, connection: Reader) -> Look:
        """The newest look there is, from now on."""
        ...


class LetterWriter:
    """Writes a claim's mail; the same claim, date and look give the same bytes.

    Raises KeyRefusedError when mails are to be signed and the key cannot, and ValueError for a
    template that does not compile. What it is asked to write raises ValueError where the
    statement, an address or a name allows no mail.
    """

    def __init__(self, settings: NotifierSettings, looks: Looks) -> None:
        self._settings = settings
        self._looks = looks
        self._signer = signer_of(settings)
        self._fillers: dict[str, Fill] = {
            PARTNER_PROGRESS: _progress_filler(settings),
            SELLER_INSIGHTS: _insight_filler(settings),
        }
        for stream in STREAMS:
            for code in LANGUAGES:
                mail_template(stream, code)
        self._dressed: tuple[int, Shown, Picture | None] | None = None

    def letter(self, claim: Claim, dated_at: datetime, *, marked: str = "") -> Letter:
        """A claim's mail, its subject marked where it is not the real one."""
        envelope, mail = self._unsigned(claim, dated_at, marked)
        return envelope, self._signer.sign(mail, dated_at) if self._signer else mail

    async def write(self, claim: Claim, dated_at: datetime) -> Letter:
        """A claim's mail, signed beside the event loop: with an RSA key it is most of the work."""
        envelope, mail = self._unsigned(claim, dated_at, "")
        if self._signer is None:
            return envelope, mail
        return envelope, await asyncio.to_thread(self._signer.sign, mail, dated_at)

    def _unsigned(self, claim: Claim, dated_at: datetime, marked: str) -> Letter:
        settings, look = self._settings, self._looks.now
        dress, picture = self._dress(look)
        said, parts = self.parts(claim, dress)
        recipient = checked(claim.recipient)
        mail = Mail(
            sender=Mailbox(checked(look.sender.address), look.sender.name),
            recipient=Mailbox(recipient),
            subject=marked + said.subject,
            date=dated_at,
            message_id=claim.message_id,
            unsubscribe_url=_unsubscribe(settings, claim),
            plan_id=claim.plan_id,
            period=claim.period,
            text=parts.text,
            html=parts.html,
            picture=picture,
        )
        returns = settings.return_path
        path = returns.address(claim.delivery_id) if returns.mailbox else settings.sender[1]
        return Envelope(path, recipient), compose(mail)

    def parts(self, claim: Claim, dress: Shown) -> tuple[ProgressMail | InsightMail, Parts]:
        """What a claim's mail says, and both of its bodies in a look."""
        language = language_of(claim.locale, self._settings.locale)
        said = self._fillers[claim.stream](claim, language)
        return said, mail_template(claim.stream, language.code).fill(said, dress)

    def _dress(self, look: Look) -> tuple[Shown, Picture | None]:
        """A look as templates and mails take it: made once for all mails of a version."""
        if self._dressed is None or self._dressed[0] != look.version:
            picture = _picture(look, self._settings.mail_domain)
            address = f"cid:{picture.content_id}" if picture else None
            self._dressed = look.version, shown(look, address), picture
        return self._dressed[1], self._dressed[2]


def _picture(look: Look, domain: str) -> Picture | None:
    logo = look.logo
    if logo is None:
        return None
    return Picture.of(f"logo.{logo.digest.hex()[:16]}@{domain}", logo.media_type, logo.content)


def _unsubscribe(settings: NotifierSettings, claim: Claim) -> str:
    return f"{settings.own_url}/v1/unsubscribe/{claim.token}"


def _portal(settings: NotifierSettings) -> str:
    return (settings.portal_url or settings.own_url).rstrip("/")


def _progress_filler(settings: NotifierSettings) -> Fill:
    portal, zone = _portal(settings), settings.zone

    def fill(claim: Claim, language: Language) -> ProgressMail:
        return progress_mail(
            read_statement(claim.content),
            language,
            name=claim.recipient_name,
            zone=zone,
            portal_url=f"{portal}/portal/plans/{claim.plan_id}",
            unsubscribe_url=_unsubscribe(settings, claim),
        )

    return fill


def _insight_filler(settings: NotifierSettings) -> Fill:
    portal = _portal(settings)

    def fill(claim: Claim, language: Language) -> InsightMail:
        links = Links(
            privacy=f"{portal}/questions#eyes",
            questions=f"{portal}/questions",
            explore=settings.explore_url or f"{portal}/seller/network",
            calendar=settings.calendar_url or f"{portal}/seller",
            leave=f"{settings.own_url}/v1/participation/{claim.token}",
            unsubscribe=_unsubscribe(settings, claim),
        )
        told = read_statement(claim.content)
        return insight_mail(told, language, name=claim.recipient_name, links=links)

    return fill
