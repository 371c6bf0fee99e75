"""Bounces and complaints: whose word is taken, what ends an address, and what is no report."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.bounce import NoReportError, ReturnPath, read_report

PATHS = ReturnPath("bounces@mail.example", b"key")
DELIVERY = "01a21be7-5dc1-71ec-be89-e3f25b52262d"
TOKEN = "0b9c3f5e-6f0a-4c59-9df6-0a2f6f7d1c11"


def dsn(
    to: str = "", action: str = "failed", status: str = "5.1.1", code: str = "no such user"
) -> bytes:
    return (
        f"From: MAILER-DAEMON@relay.example\r\nTo: {to or PATHS.address(DELIVERY)}\r\n"
        "Subject: Undelivered Mail\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; relay.example\r\n\r\n"
        f"Final-Recipient: rfc822; ann@partner.example\r\nAction: {action}\r\n"
        f"Status: {status}\r\nDiagnostic-Code: smtp;\r\n 550 {code}\r\n\r\n"
        "--b\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: x\r\n\r\n--b--\r\n"
    ).encode()


def arf(link: str = TOKEN, feedback: str = "abuse") -> bytes:
    return (
        "From: fbl@provider.example\r\nTo: fbl@mail.example\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nA complaint.\r\n"
        "--b\r\nContent-Type: message/feedback-report\r\n\r\n"
        f"Feedback-Type: {feedback}\r\nVersion: 1\r\n\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\n"
        "From: milepost@mail.example\r\nList-Unsubscribe:\r\n"
        f" <https://notifier.example/v1/unsubscribe/{link}>\r\n\r\nHello\r\n--b--\r\n"
    ).encode()


def test_a_return_path_names_its_delivery_and_fits_a_mailbox() -> None:
    address = PATHS.address(DELIVERY)
    assert PATHS.delivery_of(address) == DELIVERY
    assert PATHS.delivery_of(address.upper()) == DELIVERY
    assert len(address.partition("@")[0]) <= 64


def with_another_seal(address: str) -> str:
    local, _, domain = address.partition("@")
    return f"{local[:-1]}{'b' if local[-1] == 'a' else 'a'}@{domain}"


@pytest.mark.parametrize(
    "address",
    [
        "bounces@mail.example",
        "bounces+x@mail.example",
        PATHS.address(DELIVERY).replace("mail.example", "evil.example"),
        PATHS.address(DELIVERY).replace("bounces", "others"),
        ReturnPath("bounces@mail.example", b"another").address(DELIVERY),
        with_another_seal(PATHS.address(DELIVERY)),
        "",
    ],
)
def test_an_invented_return_path_names_nothing(address: str) -> None:
    assert PATHS.delivery_of(address) is None
    with pytest.raises(NoReportError):
        read_report(dsn(address or "nobody@mail.example"), PATHS)


@pytest.mark.parametrize(
    ("action", "status", "kind", "ends"),
    [
        ("failed", "5.1.1", "bounced", True),
        ("Failed", "5.7.1", "bounced", True),
        ("failed", "5.2.2", "bounced", False),
        ("failed", "4.4.7", "bounced", False),
        ("failed", "", "bounced", True),
        ("delayed", "4.4.1", "delayed", False),
    ],
)
def test_what_a_delivery_status_says(action: str, status: str, kind: str, ends: bool) -> None:
    found = read_report(dsn(action=action, status=status), PATHS)
    assert (found.kind, found.delivery_id, found.ends_it) == (kind, DELIVERY, ends)


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded", ""])
def test_a_mail_that_arrived_is_no_bounce(action: str) -> None:
    with pytest.raises(NoReportError, match="nothing is wrong"):
        read_report(dsn(action=action), PATHS)


def test_a_complaint_names_the_link_of_its_mail() -> None:
    found = read_report(arf(), PATHS)
    assert (found.kind, found.link, found.delivery_id) == ("complained", TOKEN, None)
    assert found.ends_it
    assert found.reason == "complained"


def test_a_complaint_about_another_mail_or_taken_back_changes_nothing() -> None:
    for content in (arf(link="nobody"), arf(feedback="not-spam")):
        with pytest.raises(NoReportError):
            read_report(content, PATHS)


def test_words_from_outside_are_cut_and_made_printable() -> None:
    with pytest.raises(NoReportError) as refused:
        read_report(dsn(action="x\x1b[31m" + "y" * 5000), PATHS)
    assert len(str(refused.value)) < 300
    assert str(refused.value).isprintable()


@given(st.binary(max_size=2000))
def test_whatever_comes_is_a_report_or_none(content: bytes) -> None:
    with pytest.raises(NoReportError):
        read_report(content, PATHS)


@given(st.data())
def test_a_broken_report_is_a_report_or_none(data: st.DataObject) -> None:
    whole = dsn()
    at = data.draw(st.integers(0, len(whole) - 1))
    broken = whole[:at] + data.draw(st.binary(max_size=20)) + whole[at + 5 :]
    with contextlib.suppress(NoReportError):
        assert read_report(broken, PATHS).delivery_id == DELIVERY
