"""Mails that go out signed: what the mail server got verifies; a key that cannot sign stops it."""

from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.notifier.mail.dkim import signer_of
from tests.backends.database import Database
from tests.store.notifier_parts import (
    ChaosSink,
    Desk,
    ProgressStub,
    letters,
    pooled,
    settings_for,
    statement,
)

KEY = (
    ed25519.Ed25519PrivateKey.generate()
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)
SIGNING: dict[str, Any] = {
    "mail_from": "Milepost <milepost@mail.example>",
    "dkim_selector": "2026a",
    "dkim_key": KEY,
}


async def test_what_the_mail_server_gets_verifies(database: Database, sink: ChaosSink) -> None:
    url = database.url("notifier")
    settings = settings_for(url, sink.port, **SIGNING)
    signer = signer_of(settings)
    assert signer is not None
    assert signer.domain == "mail.example"

    def answer(name: bytes, timeout: int = 5) -> bytes:
        del timeout
        assert name.rstrip(b".") == b"2026a._domainkey.mail.example"
        return signer.record.encode()

    async with pooled(url) as pool:
        desk = Desk(pool, settings, ProgressStub())
        await desk.plan(statement("p1", "ann@partner.example"))
        async with desk.sending():
            await desk.until(lambda states: set(states.values()) == {"accepted"})
    [mail] = sink.mails
    assert dkim.DKIM(mail.content).verify(dnsfunc=answer)
    head = mail.content.partition(b"\r\n\r\n")[0].lower()
    signed = head.replace(b"\r\n", b"").replace(b" ", b"")
    assert b":list-unsubscribe:list-unsubscribe-post:" in signed


@pytest.mark.parametrize("key", ["", "no key"])
def test_a_key_that_cannot_sign_stops_the_start(key: str) -> None:
    told = SIGNING | {"dkim_key": key}
    with pytest.raises(ValueError, match="MILEPOST_DKIM_KEY"):
        letters(settings_for("postgresql://x@127.0.0.1/x", 25, **told))


def test_bounces_need_a_key_of_their_own() -> None:
    with pytest.raises(ValueError, match="MILEPOST_RETURN_KEY"):
        settings_for("postgresql://x@127.0.0.1/x", 25, mail_bounces="bounces@mail.example")
    with pytest.raises(ValueError, match="MILEPOST_MAIL_BOUNCES"):
        settings_for("postgresql://x@127.0.0.1/x", 25, mail_bounces="no address", return_key="k")
