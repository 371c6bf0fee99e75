"""The notifier's pure decisions: states, doubts, pauses, addresses, settings, answers, ticks."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtplib.response import SMTPResponse
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from services.notifier.domain.address import AddressRefusedError, checked, normal
from services.notifier.domain.backoff import Backoff
from services.notifier.domain.delivery import (
    Accepted,
    Deferred,
    Doubt,
    Outcome,
    Refused,
    State,
    Uncertain,
    UnknownPolicy,
    delivery_id,
    message_id,
    resolve,
    settle,
)
from services.notifier.domain.statement import (
    Recipient,
    Statement,
    StatementBrokenError,
    plan_deliveries,
    read_statement,
    skip_reason,
)
from services.notifier.mail.archive import FolderArchive
from services.notifier.mail.smtp import meaning
from services.notifier.settings import NotifierSettings

DAYS = Backoff(timedelta(seconds=5), timedelta(hours=1), timedelta(days=5))
ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


# --- identity and states ------------------------------------------------------------------------


def test_what_is_due_has_one_id_and_message_id_for_ever() -> None:
    one = delivery_id("partner_progress", "p1", "2026-03", "a@x.example")
    assert one == delivery_id("partner_progress", "p1", "2026-03", "a@x.example")
    assert message_id(one, "mail.example") == f"<{one}@mail.example>"
    others = {
        delivery_id("seller_insight", "p1", "2026-03", "a@x.example"),
        delivery_id("partner_progress", "p2", "2026-03", "a@x.example"),
        delivery_id("partner_progress", "p1", "2026-04", "a@x.example"),
        delivery_id("partner_progress", "p1", "2026-03", "b@x.example"),
    }
    assert len(others | {one}) == 5


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Accepted("q1"), State.ACCEPTED),
        (Refused("550 no"), State.FAILED),
        (Deferred("451 later"), State.PLANNED),
        (Uncertain("silence"), State.UNKNOWN),
    ],
)
def test_an_outcome_becomes_a_state(outcome: Outcome, state: State) -> None:
    assert settle(outcome, delivery=ID, attempt=1, backoff=DAYS).state is state


def test_a_deferred_mail_is_tried_for_days_and_then_given_up() -> None:
    attempt, waited = 1, timedelta()
    while (
        found := settle(Deferred("451"), delivery=ID, attempt=attempt, backoff=DAYS)
    ).retry_after:
        assert found.state is State.PLANNED
        waited += found.retry_after
        attempt += 1
    assert found.state is State.FAILED
    assert timedelta(days=4.9) < waited < timedelta(days=6.5)


@given(attempt=st.integers(1, 10_000), key=st.uuids())
def test_pauses_grow_never_pass_the_longest_and_are_spread(attempt: int, key: Any) -> None:
    pause = DAYS.spread(attempt, str(key))
    assert DAYS.pause(attempt) <= pause <= DAYS.pause(attempt) * 1.25
    assert DAYS.pause(attempt) <= DAYS.pause(attempt + 1) <= timedelta(hours=1)
    assert not Backoff(timedelta(seconds=1), timedelta(seconds=60)).is_spent(attempt)


@pytest.mark.parametrize(
    ("archived", "age", "policy", "expected"),
    [
        (True, 0, UnknownPolicy.HOLD, State.ACCEPTED),
        (True, 0, UnknownPolicy.RESEND, State.ACCEPTED),
        (False, 5, UnknownPolicy.RESEND, None),
        (False, 15, UnknownPolicy.RESEND, State.PLANNED),
        (False, 15, UnknownPolicy.HOLD, State.PLANNED),
        (None, 15, UnknownPolicy.RESEND, None),
        (None, 3600, UnknownPolicy.RESEND, State.PLANNED),
        (None, 10**9, UnknownPolicy.HOLD, None),
    ],
)
def test_a_doubt_ends_by_the_archive_or_by_the_policy(
    archived: bool | None, age: int, policy: UnknownPolicy, expected: State | None
) -> None:
    found = resolve(
        Doubt(timedelta(seconds=age), archived),
        policy=policy,
        settle_time=timedelta(seconds=15),
        wait=timedelta(hours=1),
    )
    assert found is expected


@pytest.mark.parametrize(
    ("code", "after_message", "kind"),
    [
        (250, True, Accepted),
        (251, True, Accepted),
        (250, False, Deferred),
        (354, True, Uncertain),
        (-1, True, Uncertain),
        (-1, False, Deferred),
        (421, True, Deferred),
        (451, False, Deferred),
        (452, True, Deferred),
        (550, False, Refused),
        (554, True, Refused),
    ],
)
def test_an_answer_of_the_mail_server_has_one_meaning(
    code: int, after_message: bool, kind: type[Outcome]
) -> None:
    assert isinstance(meaning(SMTPResponse(code, "x"), after_message=after_message), kind)


# --- addresses ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address", ["a@p1.example", "o'brien+x@sub.p1.example", "a@intranet.local", "a@x.test"]
)
def test_an_ordinary_address_can_be_written_to(address: str) -> None:
    assert checked(address) == address


def test_an_international_domain_goes_out_in_ascii() -> None:
    assert checked("a@bücher.example") == "a@xn--bcher-kva.example"


@pytest.mark.parametrize(
    "address",
    [
        *("", "a", "a@", "@x.example", "a b@x.example", "a@x.example\r\nBcc: b@x.example"),
        *("a@x.example>", "<a@x.example", "a@x..example", "ü@x.example", "a@[127.0.0.1]"),
        *("a" * 400, "a@-x.example", f"a@{'x.' * 130}example", '"a b"@x.example', ".a@x.example"),
    ],
)
def test_what_could_harm_an_envelope_is_refused(address: str) -> None:
    with pytest.raises(AddressRefusedError):
        checked(address)


@given(st.text(max_size=80))
def test_a_checked_address_is_ascii_without_blanks_and_brackets(text: str) -> None:
    try:
        address = checked(text)
    except AddressRefusedError:
        return
    assert address.isascii()
    assert not set(address) & set(" \r\n\t<>\x00")


def test_case_and_blanks_make_no_second_address() -> None:
    assert normal(" Ann@One.Example ") == "ann@one.example"


# --- statements ---------------------------------------------------------------------------------


def test_recipients_that_are_the_same_are_one_and_the_first_name_stays() -> None:
    statement = read_statement(
        b'{"tick_id": "t", "plan_id": "p", "period": "2026-03", "due_at": "2026-03-01T08:00:00Z",'
        b'"recipients": [{"email": "A@x.example", "name": "A\\u0000n"}, {"email": "a@X.example"}],'
        b'"progress": {"start_date": "2026-01-01", "end_date": "2027-01-01", "more": 1}, "new": 2}'
    )
    (only,) = plan_deliveries(statement, domain="mail.example")
    assert (only.recipient, only.recipient_name) == ("a@x.example", "A\ufffdn")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"tick_id": 1}', "\ud800"])
def test_a_statement_that_is_none_is_named(content: str) -> None:
    with pytest.raises(StatementBrokenError):
        read_statement(content)


def test_a_tick_that_sends_nothing_has_a_reason() -> None:
    bare = Statement("t", "p", "2026-03", datetime(2026, 3, 1, tzinfo=UTC))
    assert skip_reason(bare) == "no_recipients"
    named = Statement("t", "p", "2026-03", datetime(2026, 3, 1, tzinfo=UTC), reason="plan_deleted")
    assert skip_reason(named) == "plan_deleted"
    someone = [Recipient("a@x.example")]
    blank = Statement("t", "p", "2026-03", datetime(2026, 3, 1, tzinfo=UTC), recipients=someone)
    assert plan_deliveries(blank, domain="d") == []
    assert skip_reason(blank) == "no_progress"


# --- the archive --------------------------------------------------------------------------------


async def test_the_archive_finds_headers_and_not_bodies(tmp_path: Path) -> None:
    (tmp_path / "1.eml").write_bytes(b"From: a\r\nMessage-ID:\r\n <one@x>\r\n\r\n<two@x>\r\n")
    (tmp_path / "2.draft").write_bytes(b"Message-ID: <three@x>\r\n\r\n")
    archive = FolderArchive(tmp_path)
    found = await archive.holds(["<one@x>", "<two@x>", "<three@x>"], None)
    assert found == {"<one@x>": True, "<two@x>": False, "<three@x>": False}
    later = datetime.fromtimestamp((tmp_path / "1.eml").stat().st_mtime, UTC) + timedelta(hours=2)
    assert await archive.holds(["<one@x>"], later) == {"<one@x>": False}
    assert await FolderArchive(tmp_path / "none").holds(["<one@x>"], None) == {}


# --- settings -----------------------------------------------------------------------------------


def settings(**changes: Any) -> NotifierSettings:
    given: dict[str, Any] = {
        "database_url": SecretStr("postgresql://x"),
        "oidc_issuer": "https://issuer.example",
        "oidc_jwks": "https://issuer.example/keys",
        "progress_url": "http://progress.example",
    }
    return NotifierSettings(**(given | changes))


@pytest.mark.parametrize(
    ("host", "tls", "expected"),
    [
        ("127.0.0.1", "auto", "none"),
        ("localhost", "auto", "none"),
        ("::1", "auto", "none"),
        ("mail.example", "auto", "starttls"),
        ("10.0.0.7", "auto", "starttls"),
        ("mail.example", "tls", "tls"),
        ("127.0.0.1", "starttls", "starttls"),
    ],
)
def test_mail_is_encrypted_outside_this_machine(host: str, tls: Any, expected: str) -> None:
    assert settings(smtp_host=host, smtp_tls=tls).encryption == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"smtp_host": "mail.example", "smtp_tls": "none"},
        {"mail_from": "nobody"},
        {"mail_from": "A <a@x.example\r\nBcc: b@x.example>"},
        {"smtp_connections": 0},
        {"mail_unknown_policy": "forget"},
    ],
)
def test_settings_that_would_do_harm_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**changes)


def test_a_password_never_travels_in_clear() -> None:
    with pytest.raises(ValidationError, match="never travels in clear"):
        settings(
            environment="local", smtp_host="sink.example", smtp_tls="none", smtp_username="milepost"
        )


def test_a_secret_may_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "password").write_text("secret\n")
    monkeypatch.setenv("MILEPOST_SMTP_PASSWORD_FILE", str(tmp_path / "password"))
    assert settings().smtp_password.get_secret_value() == "secret"
