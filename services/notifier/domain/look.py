"""What mails look like and whom they come from: set by a supplier's administrators."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from services.notifier.domain.address import AddressRefusedError, checked
from services.notifier.domain.colour import (
    BLACK,
    READABLE,
    WHITE,
    ColourRefusedError,
    colour,
    contrast,
    ink_on,
    shade,
    stands_out,
)
from services.notifier.domain.logo import Logo
from services.notifier.domain.wording import one_line

ACCENT: Final = "#0b5cad"
LIGHT_GROUNDS: Final = (WHITE, "#f4f7fa", "#eef2f6")
"""What the accent stands on, or behind in white: the card, a well in it, the page of a mail."""
DARK_GROUNDS: Final = ("#1c252e", "#26313c", "#12181f")
"""The same where the reader's mail program is dark."""
LONGEST_NAME: Final = 80
Flaw = tuple[str, str]
"""A JSON pointer and what is wrong there."""


@dataclass(frozen=True, slots=True)
class Colours:
    """The accent of buttons, links and bars, that of the dark scheme, and the head's ground."""

    accent: str = ACCENT
    accent_dark: str | None = None
    """Made from the accent unless given."""
    header: str | None = None
    """The head of a mail stands on the card's own ground unless given."""

    @property
    def dark(self) -> str:
        """The accent where the mail is dark."""
        return self.accent_dark or shade(self.accent, WHITE, DARK_GROUNDS)


@dataclass(frozen=True, slots=True)
class Sender:
    """Whom mails come from, as mail programs show it."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Look:
    """One version of the look; version 0 is what the settings say."""

    version: int
    name: str
    """The supplier's: in the head of a mail, and at its end."""
    sender: Sender
    colours: Colours = Colours()
    logo: Logo | None = None
    changed_by: str | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A look as the templates of mails know it."""

    name: str
    accent: str
    accent_dark: str
    header: str | None
    header_ink: str | None
    ground: str
    """What the head stands on: the card, whose colour the dark scheme changes, or a band."""
    logo: str | None
    """Where the image is: within the mail, or in the page of a preview."""
    width: int
    height: int


def shown(look: Look, logo: str | None) -> Shown:
    """What the templates know of a look whose logo lies at an address."""
    header = look.colours.header
    width, height = look.logo.shown if look.logo else (0, 0)
    return Shown(
        name=look.name,
        accent=look.colours.accent,
        accent_dark=look.colours.dark,
        header=header,
        header_ink=ink_on(header) if header else None,
        ground="band" if header else "card",
        logo=logo if look.logo else None,
        width=width,
        height=height,
    )


class LookRefusedError(ValueError):
    """A look that cannot be; `flaws` say why."""

    def __init__(self, flaws: list[Flaw]) -> None:
        super().__init__("; ".join(f"{pointer}: {detail}" for pointer, detail in flaws))
        self.flaws = flaws


def settled(look: Look, *, domain: str) -> Look:
    """A look as it is kept: names on one line, colours spelled in full, contrast checked.

    The sender must be of the domain that mails are signed for. Raises LookRefusedError with all
    that is wrong.
    """
    colours, wrong = _colours(look.colours)
    wrong = [*_name_flaws("/name", look.name), *_sender_flaws(look.sender, domain), *wrong]
    if wrong:
        raise LookRefusedError(wrong)
    sender = Sender(look.sender.name.strip(), look.sender.address.strip())
    return replace(look, name=look.name.strip(), sender=sender, colours=colours)


def _name_flaws(pointer: str, name: str) -> Iterator[Flaw]:
    text = name.strip()
    if not text or one_line(text, LONGEST_NAME) != " ".join(text.split(" ")):
        yield pointer, f"must be one line of 1 to {LONGEST_NAME} characters"


def _sender_flaws(sender: Sender, domain: str) -> Iterator[Flaw]:
    yield from _name_flaws("/sender/name", sender.name)
    try:
        at = checked(sender.address.strip()).rpartition("@")[2].lower()
    except AddressRefusedError as refusal:
        yield "/sender/address", f"cannot be written to: {refusal}"
        return
    if at != domain.lower() and not at.endswith(f".{domain.lower()}"):
        yield (
            "/sender/address",
            f"must be an address at {domain}: mails from elsewhere are taken for forged",
        )


def _colours(given: Colours) -> tuple[Colours, list[Flaw]]:
    read: dict[str, str | None] = {}
    wrong: list[Flaw] = []
    for name in ("accent", "accent_dark", "header"):
        text = getattr(given, name)
        try:
            # Without an accent there is nothing to make the others from.
            read[name] = colour(text or "") if text or name == "accent" else None
        except ColourRefusedError as refusal:
            wrong.append((f"/colours/{name}", str(refusal)))
    accent, dark = read.get("accent"), read.get("accent_dark")
    if accent and not stands_out(accent, LIGHT_GROUNDS):
        wrong.append(("/colours/accent", _too_faint(accent, BLACK, LIGHT_GROUNDS, "light")))
    if dark and not stands_out(dark, DARK_GROUNDS):
        wrong.append(("/colours/accent_dark", _too_faint(dark, WHITE, DARK_GROUNDS, "dark")))
    return Colours(accent or ACCENT, dark, read.get("header")), wrong


def _too_faint(ink: str, towards: str, grounds: tuple[str, ...], scheme: str) -> str:
    found = min(contrast(ink, ground) for ground in grounds)
    return (
        f"is too faint on the {scheme} ground of a mail: its contrast is {_down(found)} to 1, "
        f"{READABLE} is needed. {shade(ink, towards, grounds)} would do"
    )


def _down(ratio: float) -> str:
    """Rounded down: 4.49 is not 4.5."""
    return f"{int(ratio * 10) / 10}"
