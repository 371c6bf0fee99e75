"""What the doctor makes of records, certificates and clocks."""

from datetime import timedelta

import pytest

from services.notifier.domain.diagnosis import (
    Finding,
    State,
    exit_status,
    judge_alignment,
    judge_certificate,
    judge_clock,
    judge_dkim,
    judge_dmarc,
    judge_mx,
    judge_spf,
    parents,
)

KEY = "v=DKIM1; k=rsa; p=AAAA"


@pytest.mark.parametrize(
    ("texts", "state", "said"),
    [
        (["v=spf1 include:relay.example -all"], State.OK, "include:relay.example"),
        (["other", "v=spf1 ip4:192.0.2.1 ~all"], State.OK, "~all"),
        (["v=spf1 redirect=relay.example"], State.OK, "redirect"),
        ([], State.WRONG, "no SPF"),
        (["v=spf10 -all"], State.WRONG, "no SPF"),
        (["v=spf1 -all", "v=spf1 mx -all"], State.WRONG, "2 SPF records"),
        (["v=spf1 +all"], State.WRONG, "everybody"),
        (["v=spf1 all"], State.WRONG, "everybody"),
        (["v=spf1 mx ?all"], State.WARNING, "does not say"),
        (["v=spf1 " + "include:a.example " * 11 + "-all"], State.WRONG, "11 look-ups"),
    ],
)
def test_spf(texts: list[str], state: State, said: str) -> None:
    found = judge_spf("mail.example", texts)
    assert found.state is state
    assert said in found.found
    assert bool(found.todo) == (state is not State.OK)


@pytest.mark.parametrize(
    ("texts", "state"),
    [
        ([KEY], State.OK),
        (["v=DKIM1; p=AA AA"], State.OK),
        (["k=rsa;p=AAAA;"], State.OK),
        (["v=DKIM1; k=rsa; t=y; p=AAAA"], State.WARNING),
        (["v=DKIM1; k=rsa; p=BBBB"], State.WRONG),
        (["v=DKIM1; k=ed25519; p=AAAA"], State.WRONG),
        (["v=DKIM1; p="], State.WRONG),
        ([KEY, KEY], State.WRONG),
        (["some text"], State.WRONG),
        ([], State.WRONG),
    ],
)
def test_dkim(texts: list[str], state: State) -> None:
    found = judge_dkim("a._domainkey.mail.example", texts, KEY)
    assert found.state is state
    assert (KEY in found.todo) == (state is State.WRONG)


@pytest.mark.parametrize(
    ("own", "above", "state"),
    [
        (["v=DMARC1; p=reject"], [], State.OK),
        (["v=DMARC1;p=quarantine;rua=mailto:a@b.example"], [], State.OK),
        ([], ["v=DMARC1; p=reject"], State.OK),
        (["v=DMARC1; p=none"], ["v=DMARC1; p=reject"], State.WARNING),
        (["v=DMARC1; rua=mailto:a@b.example"], [], State.WRONG),
        (["v=DMARC1; p=reject"] * 2, [], State.WRONG),
        (["text"], [], State.WRONG),
        ([], [], State.WRONG),
    ],
)
def test_dmarc(own: list[str], above: list[str], state: State) -> None:
    answers = {"_dmarc.mail.one.example": own, "_dmarc.one.example": above}
    found = judge_dmarc("mail.one.example", answers)
    assert found.state is state
    assert bool(found.todo) == (state is not State.OK)


@pytest.mark.parametrize(
    ("exchanges", "addresses", "state"),
    [
        (["mx.example"], [], State.OK),
        ([], ["192.0.2.1"], State.WARNING),
        ([], [], State.WRONG),
        (["."], [], State.WRONG),
    ],
)
def test_mx(exchanges: list[str], addresses: list[str], state: State) -> None:
    assert judge_mx("mail.example", exchanges, addresses).state is state


def test_a_return_path_or_signature_of_another_domain_is_told() -> None:
    others = {"a": "bounces.one.example", "b": "one.example", "c": "other.example"}
    [found] = judge_alignment("one.example", others)
    assert "other.example" in found.found
    [found] = judge_alignment("one.example", {"d": "notone.example"})
    assert found.state is State.WARNING


@pytest.mark.parametrize(
    ("seconds", "state"),
    [(1, State.OK), (-5, State.OK), (6, State.WARNING), (-61, State.WRONG), (3600, State.WRONG)],
)
def test_the_clock(seconds: int, state: State) -> None:
    offsets = {"the database": timedelta(seconds=seconds), "progress": timedelta()}
    assert judge_clock(offsets).state is state
    assert judge_clock({}).state is State.UNKNOWN


def test_a_certificate_that_ends_soon_is_told() -> None:
    assert judge_certificate(timedelta(days=60)).state is State.OK
    assert judge_certificate(timedelta(days=3)).state is State.WARNING


def test_the_status_says_the_worst_and_then_what_was_not_seen() -> None:
    ok, warning, wrong, unknown = (Finding("m", state, "f") for state in State)
    assert exit_status([ok, warning]) == 0
    assert exit_status([ok, unknown]) == 3
    assert exit_status([unknown, wrong]) == 1


def test_a_domain_lies_in_those_with_fewer_labels() -> None:
    assert parents("a.b.example") == ["a.b.example", "b.example"]
    assert parents("localhost") == ["localhost"]
