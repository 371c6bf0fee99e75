"""The people whom the development issuer offers: the supplier's own, and those that a demo told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from deploy.local.home import Home, read_json, write_json
from deploy.local.issuer import ROLES, Holder

FILE: Final = "personas.json"
SHOWN: Final = 200


@dataclass(frozen=True)
class Persona:
    """Somebody to sign in as with one click."""

    name: str
    role: str
    email: str
    text: str = ""
    partner: str = ""

    @property
    def code(self) -> str:
        """The persona as the value of a button."""
        told = {"role": self.role, "name": self.name, "email": self.email, "partner": self.partner}
        return urlencode({key: value for key, value in told.items() if value})


@dataclass(frozen=True)
class Company:
    """A partner and its people."""

    name: str
    people: tuple[Persona, ...]


SUPPLIER: Final = (
    Persona("Robin Hale", "administrator", "robin.hale@supplier.example", "Does everything."),
    Persona(
        "Chris Adeyemi",
        "channel_manager",
        "chris.adeyemi@supplier.example",
        "Plans with partners; deletes nothing.",
    ),
    Persona("Sam Okada", "analyst", "sam.okada@supplier.example", "Runs seller plans."),
    Persona(
        "Noor Lindqvist",
        "limited_analyst",
        "noor.lindqvist@supplier.example",
        "Runs seller plans as well.",
    ),
)


def holder_of(fields: Mapping[str, str]) -> Holder:
    """Whom a form names. Raises ValueError for a role that does not exist, or a missing address."""
    chosen = dict(parse_qsl(fields.get("who", ""))) or fields
    role, email = chosen.get("role", ""), chosen.get("email", "").strip().lower()
    partner = chosen.get("partner", "").strip()
    if role not in ROLES:
        raise ValueError("no such role")
    if "@" not in email:
        raise ValueError("an email address is needed")
    if role.startswith("partner") and not partner:
        raise ValueError("a partner's person needs the partner's id")
    name = chosen.get("name", "").strip() or email
    return Holder((role,), email, partner or None, email, name)


def remember(
    home: Home,
    partners: Iterable[Mapping[str, Any]],
    sellers: Iterable[Mapping[str, str]] = (),
) -> None:
    """Offer these people too: partners as their records tell them, sellers with email and name."""
    told = {
        "partners": [{key: p[key] for key in ("partner_id", "name", "users")} for p in partners],
        "sellers": [{key: s[key] for key in ("email", "name")} for s in sellers],
    }
    home.issuer.mkdir(parents=True, exist_ok=True)
    write_json(home.issuer / FILE, told)


def companies(home: Home) -> list[Company]:
    """The partners that were told, by name."""
    told = read_json(home.issuer / FILE).get("partners", [])
    return sorted(map(_company, told), key=lambda company: company.name.casefold())[:SHOWN]


def _company(partner: Mapping[str, Any]) -> Company:
    people = (
        Persona(
            user["name"], f"partner_{user['role']}", user["email"], partner=partner["partner_id"]
        )
        for user in sorted(partner["users"], key=lambda user: (user["role"], user["email"]))
    )
    return Company(partner["name"], tuple(people))


def sellers(home: Home) -> list[Persona]:
    """The sellers that were told, by name."""
    told = read_json(home.issuer / FILE).get("sellers", [])
    found = (Persona(person["name"], "seller", person["email"]) for person in told)
    return sorted(found, key=lambda person: person.name.casefold())[:SHOWN]
