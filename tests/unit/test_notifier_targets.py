"""Where webhooks may lead, and that a connection goes to the address that was judged."""

import ipaddress
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from services.notifier.domain.target import TargetRefusedError, read_target, refusal
from services.notifier.webhooks import post
from services.notifier.webhooks.post import Poster
from tests.store.webhook_receiver import Receiver

REFUSED = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104 - an address, nothing listens
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "169.254.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "2001:0:53aa:64c:0:7b5e:80ff:fffe",
    "no address",
]
PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert refusal(address, is_local=False)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_taken(address: str) -> None:
    assert refusal(address, is_local=False) is None


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254"])
def test_where_clouds_answer_for_their_secrets_is_refused_in_the_local_stack_too(
    address: str,
) -> None:
    assert refusal(address, is_local=True)
    assert refusal("127.0.0.1", is_local=True) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/",
        "HTTP://hooks.example/",
        "gopher://hooks.example/",
        "file:///etc/passwd",
        "//hooks.example/",
        "https://",
        "https://ann@hooks.example/",
        "https://ann:secret@hooks.example/",
        "https://hooks.example@127.0.0.1/",
        "https://hooks.example/#part",
        "https://hooks.example:0/",
        "https://hooks.example:99999/",
        "https://hooks.example\\@127.0.0.1/",
        "https://hooks.example/ a",
        "https://hooks.example/\r\nX: y",
        "https://[::1/",
        "https://hööks.example/",
        "https://hooks.example/" + "a" * 2000,
    ],
)
def test_a_url_that_is_not_plain_https_is_refused(url: str) -> None:
    with pytest.raises(TargetRefusedError):
        read_target(url, is_local=False)


def test_a_plain_url_is_read() -> None:
    target = read_target("https://hooks.example:8443/a?b=c", is_local=False)
    assert (target.host, target.port, target.is_secure) == ("hooks.example", 8443, True)
    assert read_target("http://hooks.example/", is_local=True).port == 80


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::1]"]
)
async def test_every_spelling_of_this_machine_is_refused(host: str) -> None:
    poster = Poster(is_local=False, timeout_s=2)
    with pytest.raises(TargetRefusedError):
        await poster.check(f"https://{host}/")
    reply = await poster.post(f"https://{host}/", {}, b"")
    assert reply.status is None
    assert "refused" in (reply.error or "")
    await poster.close()


async def test_one_inner_address_among_public_ones_is_enough() -> None:
    async def several(_host: str, _port: int) -> list[str]:
        return ["8.8.8.8", "10.0.0.1"]

    poster = Poster(is_local=False, timeout_s=1, resolver=several)
    with pytest.raises(TargetRefusedError, match=r"10\.0\.0\.1"):
        await poster.check("https://hooks.example/")
    await poster.close()


# --- the connection ------------------------------------------------------------------------------


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for a name that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(made.public_bytes(Encoding.PEM))
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate_file, key_file


@pytest.fixture
async def secure(tmp_path: Path) -> AsyncIterator[tuple[Receiver, ssl.SSLContext]]:
    """A receiver by the name of hooks.example, and what a client has to trust."""
    made, key = certificate(tmp_path, "hooks.example")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made, key)
    receiver = await Receiver(tls=server).start()
    yield receiver, ssl.create_default_context(cafile=str(made))
    await receiver.stop()


async def here(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


async def test_the_name_is_checked_though_the_connection_goes_to_the_address(
    secure: tuple[Receiver, ssl.SSLContext],
) -> None:
    receiver, trusted = secure
    poster = Poster(is_local=True, timeout_s=5, resolver=here, tls=trusted)
    reply = await poster.post(receiver.url(host="hooks.example"), {"webhook-id": "e1"}, b"{}")
    assert reply.status == 204
    assert receiver.calls[0].headers["host"] == f"hooks.example:{receiver.port}"
    wrong = await poster.post(receiver.url(host="other.example"), {"webhook-id": "e1"}, b"{}")
    assert wrong.status is None
    assert "CERTIFICATE_VERIFY_FAILED" in (wrong.error or "")
    assert len(receiver.calls) == 1
    await poster.close()


async def test_a_name_that_changes_its_mind_after_it_was_judged_gains_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding: the name is asked for once, and never again by the connection."""
    receiver = await Receiver().start()
    asked: list[str] = []
    answers = iter([["8.8.8.8"], ["127.0.0.1"]])

    async def flipping(host: str, _port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    poster = Poster(is_local=False, timeout_s=0.3, resolver=flipping)
    await poster.check("https://hooks.example/")
    reply = await poster.post(f"https://hooks.example:{receiver.port}/", {}, b"")
    assert "refused" in (reply.error or "")
    assert asked == ["hooks.example"] * 2
    monkeypatch.setattr(post, "refusal", lambda *_args, **_more: None)
    answers = iter([["127.0.0.1"]])
    await poster.post(f"https://hooks.example:{receiver.port}/", {}, b"")
    assert asked == ["hooks.example"] * 3
    await receiver.stop()
    await poster.close()


async def test_an_endless_answer_is_not_read() -> None:
    receiver = await Receiver(extra=b"X-Long: " + b"a" * 200_000 + b"\r\n").start()
    poster = Poster(is_local=True, timeout_s=5)
    reply = await poster.post(receiver.url(), {"webhook-id": "e1"}, b"{}")
    assert reply.status is None
    assert "RemoteProtocolError" in (reply.error or "")
    await receiver.stop()
    await poster.close()


def test_the_table_holds_every_kind_of_address_that_is_not_global() -> None:
    kinds = {"is_loopback", "is_private", "is_link_local", "is_multicast", "is_reserved"}
    kinds |= {"is_unspecified"}
    addresses = [ipaddress.ip_address(one.partition("%")[0]) for one in REFUSED[:-1]]
    for version in (4, 6):
        of_version = [one for one in addresses if one.version == version]
        assert {kind for kind in kinds if any(getattr(one, kind) for one in of_version)} == kinds
