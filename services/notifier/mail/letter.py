"""From a claim to the bytes that go out."""

from collections.abc import Callable
from datetime import datetime

from services.notifier.domain.address import checked
from services.notifier.domain.progress_mail import progress_mail
from services.notifier.domain.statement import read_statement
from services.notifier.mail.compose import Mail, Mailbox, compose
from services.notifier.mail.dkim import signer_of
from services.notifier.mail.rendering import progress_template
from services.notifier.mail.smtp import Envelope
from services.notifier.settings import NotifierSettings
from services.notifier.store import Claim

Letter = tuple[Envelope, bytes]
WriteLetter = Callable[[Claim, datetime], Letter]


def letter_writer(settings: NotifierSettings) -> WriteLetter:
    """A function that writes a claim's mail; the same claim and date give the same bytes.

    Raises KeyRefusedError when mails are to be signed and the key cannot. What it gives raises
    ValueError where the statement, an address or a name allows no mail.
    """
    template = progress_template()
    name, address = settings.sender
    sender = Mailbox(address, name)
    portal = (settings.portal_url or settings.own_url).rstrip("/")
    unsubscribe = f"{settings.own_url}/v1/unsubscribe"
    zone = settings.zone
    returns, signer = settings.return_path, signer_of(settings)

    def signed(mail: bytes, at: datetime) -> bytes:
        return signer.sign(mail, at) if signer else mail

    def write(claim: Claim, dated_at: datetime) -> Letter:
        shown = progress_mail(
            read_statement(claim.content),
            name=claim.recipient_name,
            zone=zone,
            portal_url=f"{portal}/portal/plans/{claim.plan_id}",
            unsubscribe_url=f"{unsubscribe}/{claim.token}",
        )
        parts = template.fill(shown)
        recipient = checked(claim.recipient)
        mail = Mail(
            sender=sender,
            recipient=Mailbox(recipient),
            subject=shown.subject,
            date=dated_at,
            message_id=claim.message_id,
            unsubscribe_url=shown.unsubscribe_url,
            plan_id=claim.plan_id,
            period=claim.period,
            text=parts.text,
            html=parts.html,
        )
        path = returns.address(claim.delivery_id) if returns.mailbox else address
        return Envelope(path, recipient), signed(compose(mail), dated_at)

    return write
