"""What the notifier is told from outside, beside what every service is."""

from collections.abc import Iterator
from datetime import timedelta
from email.utils import parseaddr
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from services.notifier.domain.address import AddressRefusedError, checked
from services.notifier.domain.backoff import Backoff
from services.notifier.domain.bounce import ReturnPath
from services.notifier.domain.delivery import UnknownPolicy
from services.notifier.domain.pacing import EVERYBODY, Pacing, read_rates
from shared.web.pages.settings import PageSettings

Tls = Literal["auto", "starttls", "tls", "none"]


class NotifierSettings(PageSettings):
    """Settings of the notifier; README.md says what they are for."""

    progress_url: str
    service_token: SecretStr = SecretStr("")
    service_token_file: Path | None = None
    """Read again for every batch, so that a rotated token needs no restart."""
    plans_url: str = "http://127.0.0.1:8001"
    """Where sellers leave plans and opt out, when they ask for it from a mail."""
    explore_url: str = ""
    """Where "Explore" in sellers' mails leads; their own network page unless given."""
    calendar_url: str = ""
    """Where "Manage meetings" leads, such as a calendar's week; their own page unless given."""

    smtp_host: str = "127.0.0.1"
    smtp_port: int = 25
    smtp_tls: Tls = "auto"
    """`auto`: plain on loopback, STARTTLS required elsewhere."""
    smtp_ca_file: Path | None = None
    smtp_username: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_connections: int = Field(8, ge=1, le=64)
    smtp_timeout_s: float = Field(30.0, gt=0)
    smtp_data_timeout_s: float = Field(120.0, gt=0)
    """How long the answer to a whole message may take."""

    mail_from: str = "Milepost <milepost@localhost>"
    mail_bounces: str = ""
    """Where mails that cannot be delivered come back to, `bounces@mail.example`: each under a tag
    of its own. Without it they go to the sender's address, and nobody reads them here."""
    mail_returns_folder: Path | None = None
    """A Maildir in which the mail server files what comes back there."""
    return_key: SecretStr = SecretStr("")
    """Seals return paths; needed with `mail_bounces`."""
    dkim_selector: str = ""
    """Mails are signed when it is given, with the key whose public part this selector publishes."""
    dkim_domain: str = ""
    """The signing domain; the sender's unless given."""
    dkim_key: SecretStr = SecretStr("")
    """The private key in PEM: RSA or Ed25519."""
    mail_retry_days: float = Field(5.0, gt=0)
    mail_retry_first_s: float = Field(5.0, gt=0)
    mail_retry_longest_s: float = Field(3600.0, gt=0)
    mail_rates: str = ""
    """Mails a second for recipients' domains, `gmail.com=20 *=5`; `*` is every other domain."""
    mail_slow_start: float = Field(0.0, ge=0)
    """Mails a second that a domain begins with, and again when it has asked for slower mails; the
    pace then doubles, up to the domain's bound. 0: at its bound."""
    mail_slow_start_doubles_s: float = Field(60.0, gt=0)
    mail_domain_quiet_s: float = Field(30.0, gt=0)
    """How long a domain that asks for slower mails gets none, longer each time."""
    mail_unknown_policy: UnknownPolicy = UnknownPolicy.RESEND
    mail_unknown_wait_minutes: float = Field(60.0, ge=0)
    mail_archive: Path | None = None
    """A folder in which every accepted mail is filed as `.eml`: asked before the policy is."""
    mail_archive_settle_s: float = Field(15.0, ge=0)
    webhook_timeout_s: float = Field(10.0, gt=0)
    """How long a webhook may take to answer, resolving its name included."""
    webhook_retry_days: float = Field(3.0, gt=0)
    webhook_retry_first_s: float = Field(5.0, gt=0)
    webhook_retry_longest_s: float = Field(6 * 3600.0, gt=0)
    worker_lease_s: float = Field(10.0, gt=0)
    """After how long of silence a process is taken for dead and what it holds is taken over."""

    @field_validator("mail_from")
    @classmethod
    def _sender_can_be_written_to(cls, text: str) -> str:
        try:
            checked(parseaddr(text)[1])
        except AddressRefusedError as refusal:
            raise ValueError(f"MILEPOST_MAIL_FROM: {refusal}") from None
        if not text.isprintable():
            raise ValueError("MILEPOST_MAIL_FROM has a control character in it")
        return text

    @field_validator("mail_rates")
    @classmethod
    def _rates_can_be_read(cls, text: str) -> str:
        try:
            read_rates(text)
        except ValueError as failure:
            raise ValueError(f"MILEPOST_MAIL_RATES: {failure}") from None
        return text

    @field_validator("mail_bounces")
    @classmethod
    def _bounces_can_be_written_to(cls, text: str) -> str:
        try:
            return checked(text) if text else ""
        except AddressRefusedError as refusal:
            raise ValueError(f"MILEPOST_MAIL_BOUNCES: {refusal}") from None

    def contradictions(self) -> Iterator[str]:
        yield from super().contradictions()
        if self.mail_bounces and not self.return_key.get_secret_value():
            yield "MILEPOST_MAIL_BOUNCES needs MILEPOST_RETURN_KEY"
        if self.smtp_tls == "none" and not self.smtp_is_loopback and self.environment != "local":
            yield "MILEPOST_SMTP_TLS=none works on loopback and in the local stack only"
        if self.smtp_username and self.encryption == "none" and not self.smtp_is_loopback:
            yield "MILEPOST_SMTP_USERNAME needs TLS: a password never travels in clear"
        if self.dkim_selector and not self.dkim_key.get_secret_value():
            yield "MILEPOST_DKIM_SELECTOR needs MILEPOST_DKIM_KEY"

    @property
    def smtp_is_loopback(self) -> bool:
        """Whether the mail server is on this machine."""
        if self.smtp_host == "localhost":
            return True
        try:
            return ip_address(self.smtp_host).is_loopback
        except ValueError:
            return False

    @property
    def encryption(self) -> Literal["starttls", "tls", "none"]:
        """How connections to the mail server are encrypted."""
        if self.smtp_tls != "auto":
            return self.smtp_tls
        return "none" if self.smtp_is_loopback else "starttls"

    @property
    def sender(self) -> tuple[str, str]:
        """Name and address that mails come from."""
        return parseaddr(self.mail_from)

    @property
    def mail_domain(self) -> str:
        """The domain of Message-IDs: the sender's."""
        return self.sender[1].rpartition("@")[2]

    @property
    def own_url(self) -> str:
        """The address that links to this service begin with, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def return_path(self) -> ReturnPath:
        """Makes and reads return paths; without a mailbox it reads none."""
        return ReturnPath(self.mail_bounces, self.return_key.get_secret_value().encode())

    @property
    def webhook_backoff(self) -> Backoff:
        """Pauses between the tries of a call that a webhook does not take."""
        return Backoff(
            timedelta(seconds=self.webhook_retry_first_s),
            timedelta(seconds=self.webhook_retry_longest_s),
            timedelta(days=self.webhook_retry_days),
        )

    @property
    def pacing(self) -> Pacing | None:
        """How fast domains are written to; None where nothing bounds it."""
        rates = read_rates(self.mail_rates)
        if not rates and not self.mail_slow_start:
            return None
        others = rates.pop(EVERYBODY, None)
        return Pacing(
            bounds=rates,
            others=others,
            first=self.mail_slow_start or None,
            doubles_in=timedelta(seconds=self.mail_slow_start_doubles_s),
            quiet=timedelta(seconds=self.mail_domain_quiet_s),
        )

    @property
    def backoff(self) -> Backoff:
        """Pauses between the tries of a mail that the server defers."""
        return Backoff(
            timedelta(seconds=self.mail_retry_first_s),
            timedelta(seconds=self.mail_retry_longest_s),
            timedelta(days=self.mail_retry_days),
        )
