"""Days, figures and money as regions write them, in English words."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.web.pages.formatting import Formats, choose_locale

BERLIN = ZoneInfo("Europe/Berlin")


def formats(accepted: str = "en-GB") -> Formats:
    return Formats(choose_locale(accepted, "en-GB"), BERLIN)


@pytest.mark.parametrize(
    ("accepted", "tag"),
    [
        ("en-US,en;q=0.9", "en-US"),
        ("de-DE,de;q=0.9,en;q=0.8", "en-DE"),
        ("de", "en-DE"),
        ("fr-CH, fr;q=0.9", "en-CH"),
        ("xx-QQ, da;q=0.5", "en-DK"),
        ("en;q=0.1, sv-SE;q=0.7", "en-SE"),
        ("*", "en-GB"),
        ("", "en-GB"),
        ("ja", "en-GB"),
        (";;;q=, de;q=x", "en-GB"),
    ],
)
def test_a_browser_gets_its_regions_conventions(accepted: str, tag: str) -> None:
    assert formats(accepted).tag == tag


def test_days_are_told_in_english_words_and_the_regions_order() -> None:
    assert formats("en-US").day("2026-03-01") == "Mar 1, 2026"
    assert formats("de-DE").day(date(2026, 3, 1)) == "1 Mar 2026"
    assert formats().long_day("2026-03-01") == "1 March 2026"
    assert formats().short_day("2026-03-01") == "1 Mar"
    assert formats().month("2026-03-01") == "March 2026"
    assert formats().day(None) == "–"


def test_a_moment_is_told_in_the_organizations_zone() -> None:
    late = datetime(2026, 6, 30, 22, 30, tzinfo=UTC)
    assert formats().day(late) == "1 Jul 2026"
    assert formats().moment(late) == "1 Jul 2026, 00:30"
    assert formats().moment("2026-06-30T22:30:00Z") == "1 Jul 2026, 00:30"


def test_a_periods_exclusive_end_is_told_as_its_last_day() -> None:
    assert formats().period("2026-01-01", "2027-01-01") == "1 Jan – 31 Dec 2026"
    assert formats().period("2026-02-15", "2027-02-15") == "15 Feb 2026 – 14 Feb 2027"
    assert formats().last_day("2027-01-01") == "31 Dec 2026"


def test_figures_and_money() -> None:
    assert formats().number("1234.50") == "1,234.50"
    assert formats("de").number(1234567) == "1.234.567"
    assert (formats().number("0.25", 1), formats().number("-0.25", 1)) == ("0.3", "-0.3")
    assert formats("en-US").money("1234.5", "USD") == "$1,234.50"
    assert formats().money("1234", "JPY") == "JP¥1,234"
    assert formats("de").money("1234.50", "EUR") == "1.234,50\N{NO-BREAK SPACE}€"
    assert formats().amount("12", "count") == "12"
    assert formats().amount("12.00", "number") == "12"
    assert formats().amount("12.50", "number") == "12.50"
    assert formats().amount(None, "count") == "–"


def test_charts_get_short_figures() -> None:
    assert formats("en-US").compact("1234567.50", "USD") == "$1.2M"
    assert formats("en-US").compact("950", "USD") == "$950"
    assert formats().compact("9999", "count") == "9,999"
    assert formats().compact("12345", "count") == "12.3K"


def test_percentages_are_told_as_they_are() -> None:
    assert formats().percent("12.5") == "12.5%"
    assert formats().percent("100.0") == "100%"
    assert formats().percent("116.3") == "116.3%"
    assert formats("de").percent("12.5") == "12,5%"
    assert formats().percent(None) == "–"


@given(
    st.decimals(min_value=0, max_value=10**12, places=2),
    st.sampled_from(["en-US", "en-GB", "de-DE", "fr-FR", "de-CH", "en-IN", "sv-SE"]),
)
def test_what_a_field_shows_and_what_a_page_shows_read_back(figure: Decimal, tag: str) -> None:
    known = formats(tag)
    assert known.parse(known.for_input(figure)) == figure
    assert known.parse(known.number(figure)) == figure


@pytest.mark.parametrize("typed", ["", "abc", "1.2.3", "NaN", "Infinity", "1e5x", "1,23", "--1"])
def test_what_is_no_number_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="is no number"):
        formats("en-US").parse(typed)
