"""Uploaded files: what is taken, what is refused and how it is told, and that nothing is lost."""

import gzip
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from shared.events.records import RECORDS
from shared.postgres.pool import create_pool
from tests.backends.database import Database
from tests.store.ingest_parts import NOW_MS, Data, Ingest

TABLES = "upload, upload_part, rejected_row, checked_row, uploaded_key, account_reference"


@pytest.fixture
async def ingest(module_database: Database) -> AsyncIterator[Ingest]:
    pool = await create_pool(module_database.url("ingest"), size=5)
    await pool.execute(f"TRUNCATE {TABLES}")
    yield Ingest(pool, time_zone="Europe/Berlin")
    await pool.close()


def lines(*rows: str) -> str:
    return "\n".join(rows) + "\n"


# --- every record, by the names of its fields --------------------------------------------------
PARTICIPANTS = "s@us.example|organizer|accepted;c@x.example|attendee||2026-02-01T10:01:00Z"
FILES: dict[str, tuple[str, str, Data]] = {
    "partner": (
        "partner_id,name,groups,users,active",
        'p1,Northwind,"West; Gold","a@p1.example|Ada|admin;m@p1.example||member",TRUE',
        {
            "partner_id": "p1",
            "name": "Northwind",
            "groups": ["West", "Gold"],
            "users": [
                {"email": "a@p1.example", "name": "Ada", "role": "admin"},
                {"email": "m@p1.example", "role": "member"},
            ],
            "active": True,
        },
    ),
    "deal": (
        "deal_id,partner_id,products,status,amount,currency,closed_on,unknown",
        "d1,p1,Disk;Tape,closed_won,10.5,USD,2026-02-01,whatever",
        {
            "deal_id": "d1",
            "partner_id": "p1",
            "products": ["Disk", "Tape"],
            "status": "closed_won",
            "amount": "10.50",
            "currency": "USD",
            "closed_on": "2026-02-01",
        },
    ),
    "account": (
        "account_id,partner_id,name,status,approved_on",
        "a1,p1,A,approved,2026-01-31T23:30:00Z",
        {
            "account_id": "a1",
            "partner_id": "p1",
            "name": "A",
            "status": "approved",
            "approved_on": "2026-02-01",
        },
    ),
    "campaign": (
        "campaign_id,name,tags",
        "c1,Spring,a;b",
        {"campaign_id": "c1", "name": "Spring", "tags": ["a", "b"]},
    ),
    "lead": (
        "lead_id,partner_id,captured_on,email",
        "l1,p1,2026-02-01,x@y.example",
        {
            "lead_id": "l1",
            "partner_id": "p1",
            "captured_on": "2026-02-01",
            "email": "x@y.example",
        },
    ),
    "certification": (
        "completion_id,partner_id,user_id,certification,completed_on",
        "x1,p1,u1,Basics,2026-02-01",
        {
            "completion_id": "x1",
            "partner_id": "p1",
            "user_id": "u1",
            "certification": "Basics",
            "completed_on": "2026-02-01",
        },
    ),
    "partner_field": (
        "partner_id,field,effective_on,value",
        "p1,seats,2026-02-01,-12.5",
        {"partner_id": "p1", "field": "seats", "effective_on": "2026-02-01", "value": "-12.5"},
    ),
    "interaction": (
        "interaction_id,kind,started_at,ended_at,participants",
        f"i1,call,2026-02-01T10:00:00Z,2026-02-01T11:00:00+01:00,{PARTICIPANTS}",
        {
            "interaction_id": "i1",
            "kind": "call",
            "started_at": "2026-02-01T10:00:00Z",
            "ended_at": "2026-02-01T10:00:00Z",
            "participants": [
                {"address": "s@us.example", "role": "organizer", "response": "accepted"},
                {
                    "address": "c@x.example",
                    "role": "attendee",
                    "joined_at": "2026-02-01T10:01:00Z",
                },
            ],
        },
    ),
    "person": (
        "person_id,effective_on,manager_id,organization,time_zone,attributes,Region",
        "S@us.example,2026-01-01,m@us.example,Sales,UTC,team=North,EMEA",
        {
            "person_id": "s@us.example",
            "effective_on": "2026-01-01",
            "manager_id": "m@us.example",
            "organization": "Sales",
            "time_zone": "UTC",
            "attributes": {"team": "North", "Region": "EMEA"},
            "licensed": True,
            "opted_out": False,
        },
    ),
    "crm_account": (
        "account_id,effective_on,name,annual_revenue",
        "k1,2026-01-01,Kunde,946000",
        {
            "account_id": "k1",
            "effective_on": "2026-01-01",
            "name": "Kunde",
            "annual_revenue": "946000",
        },
    ),
    "crm_contact": (
        "contact_id,effective_on,account_id,email",
        "c1,2026-01-01,k1,C@kunde.example",
        {
            "contact_id": "c1",
            "effective_on": "2026-01-01",
            "account_id": "k1",
            "email": "c@kunde.example",
        },
    ),
    "seller_assignment": (
        "account_id,seller,effective_on",
        "k1,s@us.example,2026-01-01",
        {"account_id": "k1", "seller": "s@us.example", "effective_on": "2026-01-01"},
    ),
}


@pytest.mark.parametrize("record", sorted(RECORDS))
async def test_every_record_can_be_uploaded_by_the_names_of_its_fields(
    ingest: Ingest, record: str
) -> None:
    header, row, data = FILES[record]
    told = await ingest.upload(record, lines(header, row))
    assert (told["state"], told["rows_read"], told["accepted"], told["rejected"]) == (
        "processed",
        1,
        1,
        0,
    ), await ingest.errors(told)
    assert ingest.published.events == [
        (f"milepost.{record}.recorded.v1", {**data, "version": NOW_MS})
    ]


# --- the organizational and CRM formats --------------------------------------------------------
PEOPLE = "PersonId,EffectiveDate,ManagerId,Organization,LevelDesignation"


def people(*rows: str, header: str = PEOPLE) -> str:
    return lines(header, *rows)


async def test_organizational_data_are_read_in_their_own_format(ingest: Ingest) -> None:
    told = await ingest.upload(
        "person",
        lines(
            f"{PEOPLE},FunctionType,TimeZone,HireDate,Layer,SupervisorIndicator,HourlyRate,Region",
            "Ann@us.example,01/31/2026,bob@us.example,Sales,Senior,Field,W. Europe Standard Time,"
            "3/1/2020,2,IC,75.5,EMEA",
        ),
    )
    assert told["state"] == "processed", await ingest.errors(told)
    assert ingest.published.of("person") == [
        {
            "person_id": "ann@us.example",
            "effective_on": "2026-01-31",
            "manager_id": "bob@us.example",
            "organization": "Sales",
            "level": "Senior",
            "function": "Field",
            "time_zone": "Europe/Berlin",
            "attributes": {
                "HireDate": "2020-03-01",
                "Layer": "2",
                "SupervisorIndicator": "IC",
                "HourlyRate": "75.5",
                "Region": "EMEA",
            },
            "licensed": True,
            "opted_out": False,
            "version": NOW_MS,
        }
    ]


async def test_crm_data_are_read_in_their_own_format(ingest: Ingest) -> None:
    accounts = lines(
        "AccountId,AccountName,AccountsStartDate,AccountRevenue,AccountAnnualRevenue,AccountType,"
        "AccountOwnerEmail,AccountCreatedDate",
        "k1,Kunde,01/01/2026,-5.123,1000.00,Customer,o@us.example,12/31/2025",
        "k1,Kunde AG,02/01/2026,5,1.1E6,Customer,,",
    )
    contacts = lines(
        "ContactId,ContactsAccountId,ContactEmail,ContactsStartDate,ContactTitle",
        "c1,k1,c@kunde.example,1/1/2026,CEO",
        "c2,k2,d@kunde.example,1/1/2026,",
    )
    sellers = lines(
        "SellerAssignmentAccountId,SellerAssignmentStartDate,SellerEmail",
        "k1,01/01/2026,S@us.example",
    )
    for record, content in (
        ("crm_account", accounts),
        ("crm_contact", contacts),
        ("seller_assignment", sellers),
    ):
        told = await ingest.upload(record, content)
        assert told["state"] == "processed", await ingest.errors(told)
    assert ingest.published.of("crm_account")[1] == {
        "account_id": "k1",
        "name": "Kunde AG",
        "effective_on": "2026-02-01",
        "annual_revenue": "1100000",
        "type": "Customer",
        "version": NOW_MS,
    }
    assert ingest.published.of("crm_contact")[0]["email"] == "c@kunde.example"
    assert ingest.published.of("seller_assignment")[0]["seller"] == "s@us.example"


async def test_without_an_effective_date_the_upload_day_counts(ingest: Ingest) -> None:
    header = "PersonId,ManagerId,Organization"
    await ingest.upload("person", lines(header, "a@us.example,b@us.example,Sales"))
    assert ingest.published.of("person")[0]["effective_on"] == "2026-03-01"


@pytest.mark.parametrize(
    ("record", "content", "row", "column"),
    [
        ("person", people("a@us.example,13/01/2026,b@us.example,Sales,1"), 2, "EffectiveDate"),
        ("person", people("a@us.example,,b@us.example,Sales,1"), 2, "EffectiveDate"),
        ("person", people("no address,01/01/2026,b@us.example,Sales,1"), 2, "PersonId"),
        ("person", people("a@us.example,01/01/2026,boss,Sales,1"), 2, "ManagerId"),
        ("person", people('a@us.example,01/01/2026,b@us.example,"Sa\nles",1'), 2, "Organization"),
        (
            "person",
            people("a@us.example,01/01/2026,b@us.example,S,1,Mars", header=f"{PEOPLE},TimeZone"),
            2,
            "TimeZone",
        ),
        (
            "person",
            people("a@us.example,01/01/2026,b@us.example,S,1,maybe", header=f"{PEOPLE},Licensed"),
            2,
            "Licensed",
        ),
        (
            "person",
            people("a@us.example,01/01/2026,b@us.example,S,1,x", header=f"{PEOPLE},Layer"),
            2,
            "Layer",
        ),
        (
            "crm_account",
            lines(
                "AccountId,AccountName,AccountsStartDate,AccountAnnualRevenue",
                'k1,K,01/01/2026,"1,000"',
            ),
            2,
            "AccountAnnualRevenue",
        ),
        *(
            (
                "crm_account",
                lines(f"AccountId,AccountName,AccountsStartDate,{column}", f"k1,K,1/1/2026,{cell}"),
                2,
                column.rpartition(",")[2],
            )
            for column, cell in (
                ("AccountOwnerEmail", "somebody"),
                ("AccountCreatedDate", "13/01/2026"),
                ("AccountLastModifiedDate", "yesterday"),
                ("AccountAnnualRevenue,AccountRevenue", "1,much"),
            )
        ),
        (
            "crm_contact",
            lines(
                "ContactId,ContactsAccountId,ContactEmail,ContactsStartDate",
                "c@k.example,k1,c@k.example,01/01/2026",
            ),
            2,
            "ContactId",
        ),
        (
            "seller_assignment",
            lines(
                "SellerAssignmentAccountId,SellerAssignmentStartDate,SellerEmail",
                "k1,01/01/2026,s@us.example",
                "k2,01/01/2026,",
            ),
            3,
            "SellerEmail",
        ),
    ],
)
async def test_one_invalid_value_fails_the_whole_file(
    ingest: Ingest, record: str, content: str, row: int, column: str
) -> None:
    told = await ingest.upload(record, content)
    assert (told["state"], told["accepted"], told["rejected"]) == ("failed", 0, 1)
    header, *errors = await ingest.errors(told)
    assert header[:3] == ["row", "column", "error"]
    assert [(int(error[0]), error[1]) for error in errors] == [(row, column)]
    assert errors[0][2]
    assert ingest.published.events == []
    assert await ingest.pool.fetchval("SELECT count(*) FROM uploaded_key") == 0


@pytest.mark.parametrize("column", ["ManagerId", "Organization", "LevelDesignation"])
@pytest.mark.parametrize(("blank", "state"), [(1, "processed"), (2, "failed")])
async def test_a_column_must_be_filled_in_nineteen_rows_of_twenty(
    ingest: Ingest, column: str, blank: int, state: str
) -> None:
    at = PEOPLE.split(",").index(column)
    rows = []
    for number in range(20):
        cells = [f"p{number}@us.example", "01/01/2026", "b@us.example", "Sales", "1"]
        cells[at] = "" if number < blank else cells[at]
        rows.append(",".join(cells))
    told = await ingest.upload("person", people(*rows))
    assert told["state"] == state
    errors = (await ingest.errors(told))[1:]
    assert [error[:2] for error in errors] == ([["1", column]] if state == "failed" else [])


@pytest.mark.parametrize(
    "missing", ["PersonId", "ManagerId", "Organization"], ids=lambda name: f"no {name}"
)
async def test_a_missing_column_is_named(ingest: Ingest, missing: str) -> None:
    told = await ingest.upload("person", people(header=PEOPLE.replace(missing, f"My{missing}")))
    assert told["state"] == "failed"
    assert [error["column"] for error in told["errors"]] == [missing]


@pytest.mark.parametrize("name", ["Cost Center", "1st", "REGION", "a_b"])
async def test_a_column_name_must_follow_the_format(ingest: Ingest, name: str) -> None:
    told = await ingest.upload("person", people(header=f"{PEOPLE},{name}"))
    assert told["state"] == "failed"
    assert [error["column"] for error in told["errors"]] == [name]


async def test_a_person_has_one_row_a_day(ingest: Ingest) -> None:
    told = await ingest.upload(
        "person",
        people(
            "a@us.example,01/01/2026,b@us.example,Sales,1",
            "A@us.example,02/01/2026,b@us.example,Sales,1",
            "A@us.example,1/1/2026,c@us.example,Sales,1",
        ),
    )
    assert told["state"] == "failed"
    assert (await ingest.errors(told))[1:] == [
        [
            "4",
            "PersonId",
            "row 2 is about the same",
            "A@us.example",
            "1/1/2026",
            "c@us.example",
            "Sales",
            "1",
        ]
    ]


@pytest.mark.parametrize(
    ("rows", "looped"),
    [
        (["a a 1", "b a 1"], [2]),
        (["a b 1", "b a 1", "c a 1"], [2, 3]),
        (["a b 1", "b c 1", "c d 1", "d b 1", "e c 1"], [3, 4, 5]),
        (["a b 1", "b a 2", "a c 2"], []),
        (["a b 1", "b c 1", "b a 2"], [4]),
        (["a b 1", "b c 1", "c d 1"], []),
    ],
    ids=["oneself", "a pair", "a longer one", "not at once", "from a day on", "none"],
)
async def test_managers_must_not_run_in_a_loop(
    ingest: Ingest, rows: list[str], looped: list[int]
) -> None:
    told = await ingest.upload(
        "person",
        people(
            *(
                f"{person}@us.example,{day}/1/2026,{manager}@us.example,Sales,1"
                for person, manager, day in (row.split() for row in rows)
            )
        ),
    )
    errors = (await ingest.errors(told))[1:]
    assert [(int(error[0]), error[1]) for error in errors] == [(r, "ManagerId") for r in looped]
    assert told["state"] == ("failed" if looped else "processed")


async def test_join_coverage_follows_the_uploaded_accounts(ingest: Ingest) -> None:
    contacts = lines("contact_id,effective_on,account_id,email") + "".join(
        f"c{n},2026-01-01,k{n % 4},c{n}@x.example\n" for n in range(8)
    )
    told = await ingest.upload("crm_contact", contacts)
    assert told["join_coverage"] == {"joined": 0, "rows": 8}
    account = "account_id,effective_on,name"
    await ingest.upload("crm_account", lines(account, "k0,2026-01-01,A", "k0,2026-02-01,A"))
    assert (await ingest.told(told["upload_id"]))["join_coverage"] == {"joined": 2, "rows": 8}
    sellers = lines(
        "account_id,seller,effective_on", "k0,s@us.example,2026-01-01", "k9,s@us.example,2026-01-01"
    )
    told = await ingest.upload("seller_assignment", sellers)
    assert told["join_coverage"] == {"joined": 1, "rows": 2}


# --- partner-side files ------------------------------------------------------------------------
DEALS = "deal_id,partner_id,status,amount,currency"


async def test_bad_rows_are_named_and_good_ones_taken(ingest: Ingest) -> None:
    told = await ingest.upload(
        "deal",
        lines(
            DEALS,
            "d1,p1,draft,1,USD",
            "d2,,won,-3,usd",
            "",
            "d3,p1,draft",
            "d4,p1,draft,1,USD,surplus",
            'd5,"p1,draft,1,USD',
            "d6,p1,draft,1,USD,",
            "=1+1,p1,draft,x,USD",
        ),
    )
    assert told["state"] == "processed"
    assert (told["rows_read"], told["accepted"], told["rejected"]) == (7, 2, 5)
    assert [data["deal_id"] for data in ingest.published.of("deal")] == ["d1", "d6"]
    header, *errors = await ingest.errors(told)
    assert header == ["row", "column", "error", *DEALS.split(",")]
    assert [(error[0], error[1]) for error in errors] == [
        ("3", "partner_id"),
        ("3", "status"),
        ("3", "amount"),
        ("3", "currency"),
        ("5", ""),
        ("6", ""),
        ("7", ""),
        ("9", "amount"),
    ]
    assert errors[0][3:] == ["d2", "", "won", "-3", "usd"]
    assert errors[-1][3] == "=1+1"


async def test_a_row_about_the_same_record_needs_a_version_of_its_own(ingest: Ingest) -> None:
    told = await ingest.upload("deal", lines(DEALS, "d1,p1,draft,,", "d1,p2,draft,,"))
    assert (told["accepted"], told["rejected"]) == (1, 1)
    assert (await ingest.errors(told))[1][:2] == ["3", "deal_id"]
    versioned = lines(f"version,{DEALS}", "7,d1,p1,draft,,", "8,d1,p2,draft,,")
    told = await ingest.upload("deal", versioned)
    assert (told["accepted"], told["rejected"]) == (2, 0)
    assert [data["version"] for data in ingest.published.of("deal")] == [NOW_MS, 7, 8]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"\x00\x00\x00", "null byte"),
        ("deal_id,partner_id,status\nd,p,draft".encode("utf-16"), "UTF-16"),
        (b"deal_id,partner_id,status,n\xe4me\n", "UTF-8"),
        (b"deal_id,status,Partner_Id\nd,draft,p\n", "missing"),
        (b"deal_id,deal_id,partner_id,status\nd,d,p,draft\n", "two columns"),
        (b'"deal_id,partner_id,status\nd,p,draft\n', "unpaired"),
        (b"x" * 2_000_000, "longer"),
        (b"deal_id,,partner_id,status\n", "no name"),
    ],
)
async def test_a_file_that_cannot_be_read_fails_and_says_why(
    ingest: Ingest, content: bytes, word: str
) -> None:
    told = await ingest.upload("deal", content)
    assert (told["state"], told["accepted"], told["rejected"]) == ("failed", 0, 0)
    assert any(word in error["error"] for error in told["errors"]), told["errors"]
    assert (await ingest.errors(told))[1][0] == "1"


async def test_byte_order_marks_semicolons_and_line_ends_are_understood(ingest: Ingest) -> None:
    text = 'deal_id;partner_id;status;products\r\nd1;p1;draft;"A;B"\r\nd2;p1;draft;"C\nD"\r\n'
    told = await ingest.upload("deal", "\ufeff".encode() + text.encode())
    assert (told["state"], told["accepted"]) == ("processed", 2), await ingest.errors(told)
    assert [data["products"] for data in ingest.published.of("deal")] == [["A", "B"], ["C\nD"]]


async def test_rows_in_another_encoding_are_named_by_row(ingest: Ingest) -> None:
    content = "deal_id,partner_id,status,name\nd1,p,draft,Muller\nd2,p,draft,Müller\n"
    told = await ingest.upload("deal", content.encode("latin-1"))
    assert (told["state"], told["accepted"], told["rejected"]) == ("processed", 1, 1)
    errors = await ingest.errors(told)
    assert errors[1][0] == "3"
    assert "UTF-8" in errors[1][2]
    assert errors[1][6].startswith("M")


# --- replacing ---------------------------------------------------------------------------------


async def test_a_replacing_file_takes_back_what_it_does_not_name(ingest: Ingest) -> None:
    await ingest.upload("deal", lines(DEALS, "d1,p1,draft,,", "d2,p1,draft,,", "d3,p1,draft,,"))
    await ingest.upload("lead", lines("lead_id,partner_id,captured_on", "d1,p1,2026-01-01"))
    ingest.clock.advance(timedelta(seconds=1))
    replacing = lines(DEALS, "d1,p1,approved,,", "d3,p1,nonsense,,", "d4,p1,draft,,")
    told = await ingest.upload("deal", replacing, "replace")
    assert (told["accepted"], told["rejected"], told["retracted"]) == (2, 1, 1)
    # d3 is there, though broken: it is neither changed nor taken back.
    assert ingest.published.of("deal", "deleted") == [{"deal_id": "d2", "version": NOW_MS + 1000}]
    ingest.clock.advance(timedelta(seconds=1))
    told = await ingest.upload("deal", lines(DEALS, "d2,p1,draft,,"), "replace")
    assert told["retracted"] == 3
    assert len(ingest.published.of("deal", "deleted")) == 4
    assert ingest.published.of("lead", "deleted") == []


async def test_what_is_taken_back_gets_a_version_above_its_own(ingest: Ingest) -> None:
    far = 2**62
    await ingest.upload("deal", lines(f"version,{DEALS}", f"{far},d1,p1,draft,,"))
    await ingest.upload("deal", lines(DEALS, "d2,p1,draft,,"), "replace")
    assert ingest.published.of("deal", "deleted") == [{"deal_id": "d1", "version": far + 1}]


@pytest.mark.parametrize("rows", [(), ("x",), ("d1,,draft,,",)])
async def test_nothing_is_replaced_by_nothing(ingest: Ingest, rows: tuple[str, ...]) -> None:
    await ingest.upload("deal", lines(DEALS, "d1,p1,draft,,"))
    told = await ingest.upload("deal", lines(DEALS, *rows), "replace")
    assert told["state"] == "failed"
    assert ingest.published.of("deal", "deleted") == []


async def test_replacing_works_for_effective_dated_data(ingest: Ingest) -> None:
    await ingest.upload("person", people("a@us.example,01/01/2026,b@us.example,S,1"))
    await ingest.upload("person", people("a@us.example,02/01/2026,b@us.example,S,1"), "replace")
    deleted = ingest.published.of("person", "deleted")
    assert [(one["person_id"], one["effective_on"]) for one in deleted] == [
        ("a@us.example", "2026-01-01")
    ]


# --- trouble -----------------------------------------------------------------------------------


async def test_a_file_goes_on_where_it_was_cut_off(ingest: Ingest) -> None:
    rows = [f"d{n},p{n % 7},draft,{n if n % 100 else 'x'},USD" for n in range(30_000)]
    answer = await ingest.send("deal", lines(DEALS, *rows))
    upload_id = answer.json()["upload_id"]
    for acknowledged in (0, 11_000, 0, 12_000):
        ingest.published.fails_after = acknowledged
        await ingest.deal_with("deal")
        told = await ingest.told(upload_id)
        assert told["state"] in ("received", "processing")
        ingest.published.away, ingest.published.fails_after = False, None
        await _kafka_is_seen_again(ingest)
    await ingest.deal_with("deal")
    told = await ingest.told(upload_id)
    assert (told["state"], told["rows_read"]) == ("processed", 30_000)
    assert (told["accepted"], told["rejected"]) == (29_700, 300)
    assert {data["deal_id"] for data in ingest.published.of("deal")} == {
        f"d{n}" for n in range(30_000) if n % 100
    }
    assert len(await ingest.errors(told)) == 301
    assert {data["version"] for data in ingest.published.of("deal")} == {NOW_MS}
    assert await ingest.pool.fetchval("SELECT count(*) FROM upload_part") == 0


async def _kafka_is_seen_again(ingest: Ingest) -> None:
    ingest.kafka._missing = None


async def test_a_checked_file_that_was_cut_off_is_published_whole(ingest: Ingest) -> None:
    rows = [f"p{n}@us.example,01/01/2026,b@us.example,S,1" for n in range(12_000)]
    answer = await ingest.send("person", people(*rows))
    ingest.published.fails_after = 7_000
    await ingest.deal_with("person")
    ingest.published.away, ingest.published.fails_after = False, None
    await _kafka_is_seen_again(ingest)
    await ingest.deal_with("person")
    told = await ingest.told(answer.json()["upload_id"])
    assert (told["state"], told["accepted"]) == ("processed", 12_000)
    assert {data["person_id"] for data in ingest.published.of("person")} == {
        f"p{n}@us.example" for n in range(12_000)
    }


async def test_files_of_a_record_are_dealt_with_in_order_and_have_growing_versions(
    ingest: Ingest,
) -> None:
    for status in ("draft", "registered", "approved"):
        await ingest.send("deal", lines(DEALS, f"d1,p1,{status},,"))
    await ingest.deal_with("deal")
    assert [(data["status"], data["version"]) for data in ingest.published.of("deal")] == [
        ("draft", NOW_MS),
        ("registered", NOW_MS + 1),
        ("approved", NOW_MS + 2),
    ]


async def test_a_fault_of_ours_stops_no_file_behind(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = ingest.processor.process

    async def breaks(upload: Any) -> None:
        if upload.mode == "replace":
            raise RuntimeError("a bug")
        await original(upload)

    monkeypatch.setattr(ingest.processor, "process", breaks)
    broken = await ingest.send("deal", lines(DEALS, "d1,p1,draft,,"), "replace")
    told = await ingest.upload("deal", lines(DEALS, "d2,p1,draft,,"))
    assert told["state"] == "processed"
    assert (await ingest.told(broken.json()["upload_id"]))["state"] == "failed"


# --- the doors ---------------------------------------------------------------------------------


async def test_a_file_may_come_as_a_form_or_packed(ingest: Ingest) -> None:
    content = lines(DEALS, "d1,p1,draft,,")
    async with ingest.client("administrator") as client:
        form = await client.post(
            "/v1/uploads/deal",
            files={"note": (None, b"hello"), "file": ("deals.csv", content.encode(), "text/csv")},
        )
    assert form.status_code == 202, form.text
    packed = await ingest.send(
        "deal", gzip.compress(content.encode()), **{"Content-Encoding": "gzip"}
    )
    assert packed.status_code == 202
    await ingest.deal_with("deal")
    for answer in (form, packed):
        assert (await ingest.told(answer.json()["upload_id"]))["accepted"] == 1


async def test_doors_say_what_they_do_not_take(ingest: Ingest) -> None:
    content = lines(DEALS)
    assert (await ingest.send("unicorn", content)).status_code == 404
    assert (await ingest.send("deal", content, "merge")).status_code == 422
    assert (await ingest.send("deal", content, **{"Content-Type": "text/plain"})).status_code == 415
    unknown_packing = await ingest.send("deal", content, **{"Content-Encoding": "br"})
    assert unknown_packing.status_code == 415
    cut_off = gzip.compress(content.encode())[:-9]
    assert (await ingest.send("deal", cut_off, **{"Content-Encoding": "gzip"})).status_code == 422
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    no_file = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n'
    assert (await ingest.send("deal", no_file, **form)).status_code == 422
    assert await ingest.pool.fetchval("SELECT count(*) FROM upload") == 0
    async with ingest.client() as client:
        for path in ("nonsense", "0190d8d4-0000-7000-8000-000000000000"):
            assert (await client.get(f"/v1/uploads/{path}")).status_code == 404
            assert (await client.get(f"/v1/uploads/{path}/errors.csv")).status_code == 404


async def test_a_file_that_is_too_large_leaves_nothing(ingest: Ingest) -> None:
    pool = ingest.pool
    ingest = Ingest(pool, max_upload=8 * 1024 * 1024)
    packed = gzip.compress(b"\n" * (9 * 1024 * 1024))
    answer = await ingest.send("deal", packed, **{"Content-Encoding": "gzip"})
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert await pool.fetchval("SELECT count(*) FROM upload") == 0


@pytest.mark.parametrize("role", ["channel_manager", "service", "partner_admin", "seller"])
async def test_uploads_are_for_sources_and_administrators(ingest: Ingest, role: str) -> None:
    told = await ingest.upload("deal", lines(DEALS))
    async with ingest.client(role) as client:
        for answer in (
            await client.post("/v1/uploads/deal", content=b"x"),
            await client.get("/v1/uploads"),
            await client.get(f"/v1/uploads/{told['upload_id']}"),
            await client.get(f"/v1/uploads/{told['upload_id']}/errors.csv"),
        ):
            assert answer.status_code == 403


async def test_uploads_are_listed_the_newest_first(ingest: Ingest) -> None:
    for _ in range(3):
        ingest.clock.advance(timedelta(seconds=1))
        await ingest.upload("deal", lines(DEALS))
    async with ingest.client() as client:
        first = (await client.get("/v1/uploads", params={"limit": 2})).json()
        second = (await client.get("/v1/uploads", params={"cursor": first["next"]})).json()
        assert (await client.get("/v1/uploads", params={"cursor": "bm8"})).status_code == 422
        broken = await client.get("/v1/uploads", params={"cursor": "WyJhIiwiYiJd"})
        assert broken.status_code == 422
    found = [*first["items"], *second["items"]]
    assert second["next"] is None
    assert [item["received_at"] for item in found] == sorted(
        (item["received_at"] for item in found), reverse=True
    )
    assert json.dumps(found)
