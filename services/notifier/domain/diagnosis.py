"""What is wrong with how mails are sent: what name servers, mail server and clocks say, judged.

Everything here takes what was found and gives findings; `doctor.py` looks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

TOLERATED: Final = timedelta(seconds=5)
WRONG: Final = timedelta(minutes=1)
"""Receivers judge dates of mails and signatures by their own clocks."""
CERTIFICATE_WARNING: Final = timedelta(days=14)
SPF_LOOKUPS: Final = 10
"""More make a record void (RFC 7208, 4.6.4)."""
_LOOKING_UP: Final = ("include:", "redirect=", "exists:", "a:", "mx:", "a/", "mx/", "ptr")


class State(StrEnum):
    """How a matter stands."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One matter: how it stands, what was found, and what to do."""

    matter: str
    state: State
    found: str
    todo: str = ""


def exit_status(findings: Sequence[Finding]) -> int:
    """0: nothing is wrong; 1: something is; 3: not all of it could be looked at."""
    states = {finding.state for finding in findings}
    if State.WRONG in states:
        return 1
    return 3 if State.UNKNOWN in states else 0


def judge_spf(domain: str, texts: Sequence[str]) -> Finding:
    """Whether a domain says which servers send its mails, by its TXT records."""
    records = [text for text in texts if text.lower().split(" ")[0] == "v=spf1"]
    advice = f"publish one TXT record at {domain}, such as: v=spf1 include:YOUR-RELAY -all"
    if not records:
        return Finding("spf", State.WRONG, f"{domain} has no SPF record", advice)
    if len(records) > 1:
        found = f"{domain} has {len(records)} SPF records, which counts as none"
        return Finding("spf", State.WRONG, found, f"keep one TXT record at {domain}")
    words = records[0].lower().split()[1:]
    lookups = sum(word.lstrip("+-~?").startswith(_LOOKING_UP) or _bare(word) for word in words)
    if lookups > SPF_LOOKUPS:
        found = f"{domain}'s SPF record needs {lookups} look-ups, and {SPF_LOOKUPS} are allowed"
        return Finding("spf", State.WRONG, found, "name networks (ip4:, ip6:) instead of names")
    if "+all" in words or "all" in words:
        found = f"{domain}'s SPF record lets everybody send"
        return Finding("spf", State.WRONG, found, "end it with -all or ~all")
    if not any(word in ("-all", "~all") or word.startswith("redirect=") for word in words):
        found = f"{domain}'s SPF record does not say what others are: {records[0]}"
        return Finding("spf", State.WARNING, found, "end it with -all or ~all")
    return Finding("spf", State.OK, f"{domain}: {records[0]}")


def _bare(word: str) -> bool:
    return word.lstrip("+-~?") in ("a", "mx")


def judge_dkim(name: str, texts: Sequence[str], wanted: str) -> Finding:
    """Whether the TXT record at a selector's name is that of the key that signs."""
    advice = f"publish this TXT record at {name}: {wanted}"
    records = [tags for text in texts if "p" in (tags := _tags(text))]
    if not records:
        return Finding("dkim", State.WRONG, f"there is no key at {name}", advice)
    if len(records) > 1:
        found = f"there are {len(records)} keys at {name}: receivers take any"
        return Finding("dkim", State.WRONG, found, advice)
    [record] = records
    if not record["p"]:
        return Finding("dkim", State.WRONG, f"the key at {name} is revoked", advice)
    own = _tags(wanted)
    if (record["p"], record.get("k", "rsa")) != (own["p"], own["k"]):
        return Finding("dkim", State.WRONG, f"the key at {name} is not the one that signs", advice)
    if "y" in record.get("t", "").split(":"):
        found = f"the key at {name} says that it is being tried out (t=y)"
        return Finding("dkim", State.WARNING, found, "take t=y out of the record")
    return Finding("dkim", State.OK, f"the key at {name} is the one that signs")


def judge_dmarc(domain: str, answers: Mapping[str, Sequence[str]]) -> Finding:
    """What receivers are asked to do with mails that only pretend to be a domain's.

    `answers` are the TXT records at `_dmarc.` of the domain and of those it lies in, from the
    longest name: the first that has one counts.
    """
    advice = f"publish a TXT record at _dmarc.{domain}, such as: v=DMARC1; p=quarantine"
    for name, texts in answers.items():
        records = [_tags(text) for text in texts if text.lower().startswith("v=dmarc1")]
        if not records:
            continue
        if len(records) > 1:
            found = f"{name} has {len(records)} DMARC records, which counts as none"
            return Finding("dmarc", State.WRONG, found, f"keep one TXT record at {name}")
        policy = records[0].get("p", "").lower()
        if policy not in ("none", "quarantine", "reject"):
            return Finding("dmarc", State.WRONG, f"the record at {name} has no policy", advice)
        found = f"{name}: p={policy}"
        if policy == "none":
            todo = "say p=quarantine once the reports show that your own mails pass"
            return Finding("dmarc", State.WARNING, found, todo)
        return Finding("dmarc", State.OK, found)
    return Finding("dmarc", State.WRONG, f"{domain} has no DMARC record", advice)


def judge_alignment(sender: str, others: Mapping[str, str]) -> list[Finding]:
    """DMARC counts a signature or a return path only where its domain is the sender's or a part."""
    return [
        Finding(
            "alignment",
            State.WARNING,
            f"{what} is {domain}, mails come from {sender}: DMARC does not count it",
            f"let both end in the same domain of yours, as mail.{sender} and {sender} do",
        )
        for what, domain in others.items()
        if not (_lies_in(domain, sender) or _lies_in(sender, domain))
    ]


def judge_mx(domain: str, exchanges: Sequence[str], addresses: Sequence[str]) -> Finding:
    """Whether somebody takes mails to a domain: bounces go there."""
    if any(one in ("", ".") for one in exchanges):
        found = f"{domain} says that it takes no mails (null MX)"
        return Finding("mx", State.WRONG, found, "set MILEPOST_MAIL_BOUNCES to a mailbox of yours")
    if exchanges:
        return Finding("mx", State.OK, f"{domain}: {', '.join(sorted(exchanges))}")
    if addresses:
        found = f"{domain} has no MX record; its address is used"
        return Finding("mx", State.WARNING, found, f"publish an MX record at {domain}")
    todo = "bounces have nowhere to go: publish an MX record"
    return Finding("mx", State.WRONG, f"{domain} takes no mails", todo)


def judge_certificate(left: timedelta) -> Finding:
    """Whether the mail server's certificate lasts."""
    found = f"the mail server's certificate is good for {max(left.days, 0)} days"
    if left < CERTIFICATE_WARNING:
        return Finding("certificate", State.WARNING, found, "have it renewed")
    return Finding("certificate", State.OK, found)


def judge_clock(offsets: Mapping[str, timedelta]) -> Finding:
    """Whether this machine's clock agrees with others': by what they say against ours."""
    if not offsets:
        todo = "look again when the database or progress answers"
        return Finding("clock", State.UNKNOWN, "nobody told the time to compare with", todo)
    who, worst = max(offsets.items(), key=lambda one: abs(one[1]))
    seconds = abs(worst).total_seconds()
    if abs(worst) <= TOLERATED:
        return Finding("clock", State.OK, f"agrees with {', '.join(offsets)} ({seconds:.1f} s)")
    found = f"{seconds:.0f} s {'behind' if worst > timedelta() else 'ahead of'} {who}'s"
    state = State.WRONG if abs(worst) > WRONG else State.WARNING
    return Finding("clock", state, found, "let both take their time from NTP")


def parents(domain: str) -> list[str]:
    """A domain and those it lies in, down to two labels."""
    labels = domain.split(".")
    return [".".join(labels[start:]) for start in range(max(len(labels) - 1, 1))]


def _lies_in(inner: str, outer: str) -> bool:
    return inner == outer or inner.endswith(f".{outer}")


def _tags(text: str) -> dict[str, str]:
    """Tags of a DKIM or DMARC record; blanks within values mean nothing."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip(): "".join(value.split()) for name, _, value in pairs if name.strip()}
