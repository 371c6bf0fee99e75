"""What is known of each record at a moment: versions, conflicts, deletions (contract)."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Data = dict[str, Any]

KEYS: dict[str, tuple[str, ...]] = {
    "partner": ("partner_id",),
    "deal": ("deal_id",),
    "account": ("account_id",),
    "campaign": ("campaign_id",),
    "lead": ("lead_id",),
    "certification": ("completion_id",),
    "partner_field": ("partner_id", "field", "effective_on"),
    "interaction": ("interaction_id",),
    "person": ("person_id", "effective_on"),
    "crm_account": ("account_id", "effective_on"),
    "crm_contact": ("contact_id", "effective_on"),
    "seller_assignment": ("account_id", "seller", "effective_on"),
}


def name_of(kind: str, data: Data) -> str:
    """How explanations name a record: `deal/d1`, `partner_field/PARTNER/FIELD/DAY`."""
    return "/".join([kind, *(str(data[key]) for key in KEYS[kind])])


@dataclass(frozen=True)
class Version:
    """One body of a record, and since when it is known."""

    number: int
    text: str
    deleted: bool
    data: Data
    known_from: datetime


class Ledger:
    """Every accepted event by the name of its record; nothing is ever thrown away."""

    def __init__(self) -> None:
        self.heard: dict[str, list[Version]] = {}

    def hear(self, kind: str, data: Data, accepted_at: datetime, *, deleted: bool = False) -> None:
        """Keep one accepted event of a kind of record."""
        body = _body_of_deletion(kind, data) if deleted else _without_nulls(data)
        version = Version(body["version"], _canonical(body), deleted, body, accepted_at)
        self.heard.setdefault(name_of(kind, body), []).append(version)

    def versions(self, record: str, known_at: datetime) -> list[Version]:
        """All that is known of a record at a moment, that moment included."""
        return [v for v in self.heard.get(record, []) if v.known_from <= known_at]

    def newest(self, record: str, known_at: datetime) -> Version | None:
        """The version that counts: the highest, of equal ones the greater canonical body."""
        known = self.versions(record, known_at)
        return max(known, key=lambda version: (version.number, version.text), default=None)

    def living(self, kind: str, known_at: datetime) -> dict[str, Version]:
        """The records of a kind that are known and not deleted, by name."""
        names = [name for name in self.heard if name.startswith(f"{kind}/")]
        found = {name: self.newest(name, known_at) for name in sorted(names)}
        return {name: version for name, version in found.items() if version and not version.deleted}

    def conflicts(self, record: str, known_at: datetime) -> bool:
        """Whether two bodies of one version are known."""
        texts: dict[int, set[str]] = {}
        for version in self.versions(record, known_at):
            texts.setdefault(version.number, set()).add(version.text)
        return any(len(bodies) > 1 for bodies in texts.values())


def _body_of_deletion(kind: str, data: Data) -> Data:
    return {key: data[key] for key in (*KEYS[kind], "version")}


def _without_nulls(data: Data) -> Data:
    return {key: value for key, value in data.items() if value is not None}


def _canonical(body: Data) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
