"""The tokens' contrasts, light and dark (WCAG 2.2 AA)."""

import re

import pytest

from shared.web.pages.assets import OWN

TEXT, GRAPHICS = 4.5, 3.0
PAIRS = [
    *(("ink", ground, TEXT) for ground in ("paper", "surface", "sunken")),
    *(("soft", ground, TEXT) for ground in ("paper", "surface", "sunken")),
    *(("accent-strong", ground, TEXT) for ground in ("paper", "surface", "accent-soft")),
    ("on-accent", "accent", TEXT),
    ("on-accent", "accent-strong", TEXT),
    ("ink", "accent-soft", TEXT),
    *((kind, ground, TEXT) for kind in ("good", "warn", "bad") for ground in ("surface", "paper")),
    *((kind, f"{kind}-soft", TEXT) for kind in ("good", "warn", "bad")),
    *(("ink", f"{kind}-soft", TEXT) for kind in ("good", "warn", "bad")),
    ("edge", "surface", GRAPHICS),
    ("edge", "paper", GRAPHICS),
    ("accent", "surface", GRAPHICS),
    ("accent", "paper", GRAPHICS),
    ("fill-good", "surface", GRAPHICS),
    ("fill-warn", "surface", GRAPHICS),
]


def tokens(scheme: int) -> dict[str, str]:
    css = (OWN / "milepost.css").read_text()
    found = re.findall(r"--([\w-]+): light-dark\(#(\w{6}), #(\w{6})\);", css)
    return {name: (light, dark)[scheme] for name, light, dark in found}


def luminance(colour: str) -> float:
    def linear(channel: int) -> float:
        share = channel / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[at : at + 2], 16)) for at in (0, 2, 4))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "ground", "least"), PAIRS)
def test_colours_stand_out(front: str, ground: str, least: float, scheme: int) -> None:
    known = tokens(scheme)
    assert contrast(known[front], known[ground]) >= least
