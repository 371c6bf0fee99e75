"""From a claim to the bytes that go out."""

from collections.abc import Callable
from datetime import datetime

from services.notifier.domain.address import checked
from services.notifier.domain.delivery import PARTNER_PROGRESS, SELLER_INSIGHTS
from services.notifier.domain.insight_mail import InsightMail, Links, insight_mail
from services.notifier.domain.language import LANGUAGES, Language, language_of
from services.notifier.domain.progress_mail import ProgressMail, progress_mail
from services.notifier.domain.statement import read_statement
from services.notifier.mail.compose import Mail, Mailbox, compose
from services.notifier.mail.dkim import signer_of
from services.notifier.mail.rendering import mail_template
from services.notifier.mail.smtp import Envelope
from services.notifier.settings import NotifierSettings
from services.notifier.store import Claim

Letter = tuple[Envelope, bytes]
WriteLetter = Callable[[Claim, datetime], Letter]
Fill = Callable[[Claim, Language], ProgressMail | InsightMail]


def letter_writer(settings: NotifierSettings) -> WriteLetter:
    """A function that writes a claim's mail; the same claim and date give the same bytes.

    Raises KeyRefusedError when mails are to be signed and the key cannot. What it gives raises
    ValueError where the statement, an address or a name allows no mail.
    """
    name, address = settings.sender
    sender = Mailbox(address, name)
    partner, seller = _progress_filler(settings), _insight_filler(settings)
    for stream in (PARTNER_PROGRESS, SELLER_INSIGHTS):
        for code in LANGUAGES:
            mail_template(stream, code)  # compiled now: what does not compile stops the start
    returns, signer = settings.return_path, signer_of(settings)

    def signed(mail: bytes, at: datetime) -> bytes:
        return signer.sign(mail, at) if signer else mail

    def write(claim: Claim, dated_at: datetime) -> Letter:
        language = language_of(claim.locale, settings.locale)
        fill = seller if claim.stream == SELLER_INSIGHTS else partner
        shown = fill(claim, language)
        parts = mail_template(claim.stream, language.code).fill(shown)
        recipient = checked(claim.recipient)
        mail = Mail(
            sender=sender,
            recipient=Mailbox(recipient),
            subject=shown.subject,
            date=dated_at,
            message_id=claim.message_id,
            unsubscribe_url=_unsubscribe(settings, claim),
            plan_id=claim.plan_id,
            period=claim.period,
            text=parts.text,
            html=parts.html,
        )
        path = returns.address(claim.delivery_id) if returns.mailbox else address
        return Envelope(path, recipient), signed(compose(mail), dated_at)

    return write


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
