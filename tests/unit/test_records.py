"""What values records are made of, how they are spelled, and what is said of wrong ones."""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from shared.events.records import RECORDS, canonical, describe
from shared.events.values import amount_of, day_of, moment_of, number_of
from shared.kernel.zones import iana_zone

BERLIN = ZoneInfo("Europe/Berlin")
DEAL: dict[str, Any] = {
    "deal_id": "d",
    "version": 1,
    "partner_id": "p",
    "status": "draft",
    "currency": "USD",
}


@pytest.mark.parametrize(
    ("sent", "spelled"),
    [
        (10, "10"),
        ("10", "10"),
        ("10.00", "10"),
        (Decimal("1E+3"), "1000"),
        ("1e3", "1000"),
        (0.1, "0.10"),
        (1234.5, "1234.50"),
        ("0.29", "0.29"),
        (Decimal("-0"), "0"),
        ("-0.00", "0"),
        ("007", "7"),
        ("999999999999999.99", "999999999999999.99"),
        (Decimal("999999999999999.99"), "999999999999999.99"),
    ],
)
def test_an_amount_has_one_spelling(sent: object, spelled: str) -> None:
    assert str(amount_of(sent)) == spelled


@pytest.mark.parametrize(
    "sent",
    [
        None,
        True,
        "",
        " ",
        "1,000",
        "1_000",
        "$1",
        "ten",
        "١٢",
        "NaN",
        "Infinity",
        float("nan"),
        float("inf"),
        "1e400",
        Decimal("1E+400"),
        Decimal("1E-999999"),
        0.1 + 0.2,
        "1.001",
        "-1",
        "-0.01",
        "1000000000000000",
        10**15,
        [],
        {},
    ],
)
def test_what_is_no_amount_is_refused(sent: object) -> None:
    with pytest.raises(PydanticCustomError):
        amount_of(sent)


@given(st.decimals(-(10**14), 10**14, places=6, allow_nan=False))
def test_a_number_keeps_its_value_and_loses_its_zeros(value: Decimal) -> None:
    found = number_of(str(value))
    assert found == value
    assert str(found) == f"{found:f}"
    assert found == number_of(str(found))
    assert "." not in str(found) or not str(found).endswith("0")


@given(st.decimals(0, 10**14, places=2), st.decimals(0, 10**14, places=2))
def test_the_order_of_spellings_is_that_of_the_texts_sent(one: Decimal, two: Decimal) -> None:
    """A conflict is settled by the greater body, whether it was compared before or after."""

    def body(value: object) -> str:
        return f'"amount":"{value}","currency"'

    if one.normalize() != one or two.normalize() != two or "E" in f"{one}{two}":
        return
    assert (body(one) < body(two)) == (body(amount_of(one)) < body(amount_of(two)))


@pytest.mark.parametrize(
    ("sent", "day"),
    [
        ("2026-03-01", "2026-03-01"),
        ("9999-12-31", "9999-12-31"),
        ("2024-02-29", "2024-02-29"),
        ("2026-02-28T23:30:00Z", "2026-03-01"),
        ("2026-03-01T00:30:00+05:00", "2026-02-28"),
        ("2026-03-29T02:30:00+01:00", "2026-03-29"),
    ],
)
def test_a_day_is_a_date_or_the_local_day_of_a_time(sent: str, day: str) -> None:
    assert day_of(sent, BERLIN).isoformat() == day


@pytest.mark.parametrize(
    "sent",
    [
        "2026-02-30",
        "2026-13-01",
        "2025-02-29",
        "20260301",
        "2026-W10-1",
        "2026-3-1",
        "01.03.2026",
        "03/01/2026",
        "2026-03-01T10:00:00",
        "2026-03-01T25:00:00Z",
        "2026-03-01 ",
        "1899-12-31",
        "٢٠٢٦-03-01",
        "",
        20260301,
        1767225600,
        None,
        True,
    ],
)
def test_what_is_no_day_is_refused(sent: object) -> None:
    with pytest.raises(PydanticCustomError):
        day_of(sent, BERLIN)


@pytest.mark.parametrize(
    "sent", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-03-01", 5, None, "x"]
)
def test_what_is_no_moment_is_refused(sent: object) -> None:
    with pytest.raises(PydanticCustomError):
        moment_of(sent)


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("pacific standard time", "America/Los_Angeles"),
        ("UTC", "UTC"),
        ("Mars/Base", None),
        ("../etc/passwd", None),
        ("", None),
    ],
)
def test_zones_are_known_by_both_their_names(name: str, zone: str | None) -> None:
    assert iana_zone(name) == zone


def errors(record: str, data: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        RECORDS[record].model.model_validate(data)
    return [(error["pointer"], error["detail"]) for error in describe(caught.value)]


def test_faults_are_told_plainly_and_never_with_the_value() -> None:
    data = {**DEAL, "deal_id": "", "version": "1", "status": "secret", "products": [5]}
    del data["partner_id"]
    assert errors("deal", data) == [
        ("/data/deal_id", "must have at least 1 character"),
        ("/data/version", "must be a valid integer"),
        ("/data/partner_id", "is required"),
        ("/data/products/0", "must be a valid string"),
        (
            "/data/status",
            "must be 'draft', 'registered', 'approved', 'rejected', 'closed_won' or 'closed_lost'",
        ),
    ]


def test_pointers_escape_what_pointers_must() -> None:
    person = {
        "person_id": "a@x.example",
        "effective_on": "2026-01-01",
        "version": 1,
        "licensed": True,
        "opted_out": False,
        "attributes": {"a/b~c": 5},
    }
    assert errors("person", person) == [("/data/attributes/a~1b~0c", "must be a valid string")]


def test_rules_between_fields_point_at_one_of_them() -> None:
    assert errors("deal", {**DEAL, "amount": 1, "currency": None}) == [
        ("/data/currency", "an amount needs a currency")
    ]
    meeting = {
        "interaction_id": "i",
        "version": 1,
        "kind": "meeting",
        "started_at": "2026-01-01T10:00:00Z",
        "participants": [{"address": "a", "role": "attendee"}],
    }
    assert errors("interaction", meeting)[0][0] == "/data/ended_at"
    assert errors("interaction", {**meeting, "ended_at": "2026-01-01T09:00:00Z"})[0][0] == (
        "/data/ended_at"
    )


@pytest.mark.parametrize("value", ["yes", 1, "true", 0, []])
def test_a_boolean_is_a_boolean(value: object) -> None:
    assert errors("partner", {"partner_id": "p", "version": 1, "name": "P", "active": value})


def test_addresses_of_people_are_kept_trimmed_and_in_lower_case() -> None:
    contact = {
        "contact_id": "C1",
        "effective_on": "2026-01-01",
        "version": 1,
        "account_id": "K1",
        "email": " Ann@Kunde.Example ",
    }
    spelled = canonical(RECORDS["crm_contact"].model.model_validate(contact))
    assert b'"email":"ann@kunde.example"' in spelled
    assert b'"contact_id":"C1"' in spelled
