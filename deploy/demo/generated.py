"""What no sales data has and the goals need: users, campaigns, leads, certifications, a field.

All of it is generated, by chance that depends on the names alone, and says so: in the source of
each event and in its ids.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from deploy.demo.moving import PlanYear, last_day
from deploy.demo.sales import Sales, Seller
from deploy.demo.told import FIRST_VERSION, Told, groups_of, partner_id, slug
from deploy.local.chance import between, pick, share
from shared.kernel.period import MONTHS_IN_A_YEAR

SOURCE: Final = "milepost-demo/generated"
FIRST_NAMES: Final = (
    "Ada Bruno Chiara Dmitri Elif Farah Goran Hana Ivo Jonna Kofi Lena Milan Noor Oskar Paula"
    " Quentin Rosa Samir Tilda Umar Vera Wanda Yusuf Zoe"
).split()
LAST_NAMES: Final = (
    "Abel Brandt Castro Dahl Eriksen Faure Grau Hale Ibarra Jansen Keller Lund Moreau Novak"
    " Okafor Petrov Quist Ruiz Sato Torres Ueda Vance Weber Young Zeman"
).split()
FIELD: Final = "installed_base"
COUNTED_TAGS: Final = ("launch", "events")


class Campaign(NamedTuple):
    name: str
    tag: str
    activity_type: str


CAMPAIGNS: Final = (
    Campaign("Spring launch", "launch", "ad_campaign"),
    Campaign("Autumn launch", "launch", "microsite"),
    Campaign("Partner road show", "events", "panel"),
    Campaign("Webinar series", "events", "email"),
    Campaign("Newsletter", "nurture", "email"),
    Campaign("Social selling", "nurture", "social_post_with_form"),
)


def of_everybody(sales: Sales, year: PlanYear) -> Iterator[Told]:
    """All that is generated for the partners of a year of sales."""
    yield from _campaigns()
    for seller in sales.sellers:
        yield _partner(seller)
        yield from _leads(seller, year)
        yield from _certifications(seller, certification(sales), year)
        yield from _field(seller, year)


def certification(sales: Sales) -> str:
    """The certification that the plans ask for: of the series that sells best."""
    return f"{sales.series()[0]} Sales Specialist"


def _told(known_on: date | None, record: str, **data: Any) -> Told:
    return Told(known_on, record, SOURCE, {"version": FIRST_VERSION, **data})


def _partner(seller: Seller) -> Told:
    return _told(
        None,
        "partner",
        partner_id=partner_id(seller.name),
        name=seller.name,
        groups=groups_of(seller),
        users=_users(seller),
        active=True,
    )


def _users(seller: Seller) -> list[dict[str, str]]:
    """One or two admins, who get the mails, and one to three members, who do not."""
    admins = 1 + (share("second admin", seller.name) < 1 / 3)
    members = between(1, 3, "members", seller.name)
    roles = ["admin"] * admins + ["member"] * members
    return [_user(seller, number, role) for number, role in enumerate(roles)]


def _user(seller: Seller, number: int, role: str) -> dict[str, str]:
    first, last = _person(seller, number)
    address = f"{first}.{last}@{partner_id(seller.name)}.example".lower()
    told = {"email": address, "name": f"{first} {last}", "role": role}
    reads_german = share("reads German", seller.name, number) < 1 / 8
    return {**told, "locale": "de"} if reads_german else told


def _person(seller: Seller, number: int) -> tuple[str, str]:
    """A partner's n-th person; no two of them share a first name."""
    start = between(0, len(FIRST_NAMES) - 1, "first name", seller.name)
    first = FIRST_NAMES[(start + 7 * number) % len(FIRST_NAMES)]
    return first, pick(LAST_NAMES, "last name", seller.name, number)


def _campaigns() -> Iterator[Told]:
    for campaign in CAMPAIGNS:
        yield _told(
            None,
            "campaign",
            campaign_id=_campaign_id(campaign),
            name=f"{campaign.name} (generated)",
            tags=[campaign.tag],
        )


def _campaign_id(campaign: Campaign) -> str:
    return f"generated-{slug(campaign.name)}"


def _leads(seller: Seller, year: PlanYear) -> Iterator[Told]:
    for month in range(MONTHS_IN_A_YEAR):
        for number in range(between(3, 9, "leads", seller.name, month)):
            day = _day_in(year.month(month), "lead", seller.name, month, number)
            yield _lead(seller, f"{month:02}-{number:02}", day)


def _lead(seller: Seller, number: str, day: date) -> Told:
    """Two of three leads come from a campaign, the others are registered by the partner."""
    about = ("lead", seller.name, number)
    data: dict[str, Any] = {}
    if share("from a campaign", *about) < 2 / 3:
        campaign = pick(CAMPAIGNS, *about)
        data = {"campaign_id": _campaign_id(campaign), "activity_type": campaign.activity_type}
    return _told(
        day,
        "lead",
        lead_id=f"generated-{partner_id(seller.name)}-{number}",
        partner_id=partner_id(seller.name),
        name=f"{pick(FIRST_NAMES, 'who', *about)} {pick(LAST_NAMES, 'whose', *about)}",
        captured_on=str(day),
        **data,
    )


def _certifications(seller: Seller, title: str, year: PlanYear) -> Iterator[Told]:
    """People pass an exam in the course of the year; some take it twice, which counts once."""
    for number in range(between(4, 10, "certified", seller.name)):
        first, last = _person(seller, number)
        user = f"{first}.{last}@{partner_id(seller.name)}.example".lower()
        for attempt in range(1 + (share("again", seller.name, number) < 1 / 6)):
            month = between(0, 9, "exam", seller.name, number, attempt)
            day = _day_in(year.month(month), "exam day", seller.name, number, attempt)
            yield _told(
                day,
                "certification",
                completion_id=f"generated-{partner_id(seller.name)}-{number}-{attempt}",
                partner_id=partner_id(seller.name),
                user_id=user,
                certification=title,
                completed_on=str(day),
            )


def _field(seller: Seller, year: PlanYear) -> Iterator[Told]:
    """The installed base: what a partner brings into the year, and what each month adds."""
    value = between(80, 400, "installed base", seller.name)
    yield _value(seller, year.month(-1), value)
    for month in range(MONTHS_IN_A_YEAR):
        value += between(-4, 22, "installed", seller.name, month)
        yield _value(seller, last_day(year.month(month)), value)


def _value(seller: Seller, day: date, value: int) -> Told:
    return _told(
        day,
        "partner_field",
        partner_id=partner_id(seller.name),
        field=FIELD,
        effective_on=str(day),
        value=str(value),
    )


def _day_in(month: date, *about: object) -> date:
    return month + timedelta(days=between(0, last_day(month).day - 1, *about))
