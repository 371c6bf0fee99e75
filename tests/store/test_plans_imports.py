"""Bulk: templates, previews and imports on a real database."""

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest

from services.plans.domain.refusal import ConflictError, InvalidError
from services.plans.domain.strategy import GoalDraft, GroupDraft, Strategy
from services.plans.handlers.desk import Desk
from services.plans.handlers.imports import (
    commit_import,
    preview_import,
    write_rows,
    write_template,
)
from services.plans.handlers.plans import revise_plan
from services.plans.handlers.strategies import redefine_strategy
from tests.backends.database import Database
from tests.store.plans_desk import (
    DEALS,
    WON,
    a_desk,
    forget_told,
    partners,
    plan,
    redraft,
    strategy,
    told,
)

HOSTILE = [
    "=1+1",
    "+49",
    "-x",
    "@sum",
    "'quoted",
    "''twice",
    'with "quotes"',
    "a,b;c\td",
    "line\nbreak",
    "\tindented",
    "＝wide",
    "Zoë",
    "😀",
]


async def template(desk: Desk, of: Strategy, *groups: str) -> str:
    return "".join([part async for part in write_template(desk, of, groups)])


async def rows_of(desk: Desk, found: Any, outcome: str) -> str:
    return "".join([part async for part in write_rows(desk, found, outcome)])


async def preview(desk: Desk, text: str | bytes) -> Any:
    raw = text if isinstance(text, bytes) else text.encode()
    return await preview_import(desk, "cam@x.example", io.BytesIO(raw))


def counts(found: Any) -> tuple[int, int, int, int]:
    return found["new"], found["updates"], found["unchanged"], found["errors"]


def edited(text: str, change: Any, separator: str = ",") -> str:
    """A template after somebody typed into it; `change` gets each row as a dict."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, reader.fieldnames or [], delimiter=separator)
    writer.writeheader()
    for row in reader:
        changed = change(dict(row))
        for one in changed if isinstance(changed, list) else [changed]:
            writer.writerow(one)
    return "\ufeff" + out.getvalue()


def fill(**cells: str) -> Any:
    return lambda row: {**row, **cells}


async def targets(desk: Desk, of: Strategy) -> dict[str, dict[str, str]]:
    """Partner → goal name → annual."""
    rows = await desk.pool.fetch(
        "SELECT partner_id, goal_id, annual FROM plan LEFT JOIN target USING (plan_id)"
        " WHERE strategy_id = $1",
        of.strategy_id,
    )
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        goals = found.setdefault(row["partner_id"], {})
        if row["goal_id"] is not None:
            goals[of.goals[str(row["goal_id"])].name] = str(row["annual"])
    return found


async def test_plans_are_made_and_changed_as_previewed(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, _):
        await partners(desk, "a", "b", "c", "d")
        of = await strategy(desk, DEALS, WON)
        deals, won = of.goals
        await plan(desk, of, "a", {deals: {"annual": 10}, won: {"annual": "5.50"}})
        await plan(desk, of, "b", {deals: {"annual": 10}})
        await forget_told(desk)

        def typed(row: dict[str, str]) -> dict[str, str]:
            if row["Partner Id"] == "a":
                row["Sales_Approved Registered Deals_Target"] = ""
                for quarter in ("Q1", "Q2", "Q3", "Q4"):
                    row[f"Sales_Approved Registered Deals_{quarter}"] = ""
                row["Sales_Closed Won Total Deals Amount_Q1"] = "1.48"
                row["Sales_Closed Won Total Deals Amount_Target"] = "5.60"
            if row["Partner Id"] == "c":
                row["Sales_Approved Registered Deals_Target"] = "7"
            return row

        text = edited(await template(desk, of), typed)
        found = await preview(desk, text)
        assert counts(found) == (1, 1, 2, 0)
        assert await told(desk) == []
        assert (await targets(desk, of)).keys() == {"a", "b"}

        done = await commit_import(desk, "cam@x.example", str(found["import_id"]))
        assert counts(done) == counts(found)
        again = await commit_import(desk, "cam@x.example", str(found["import_id"]))
        assert counts(again) == counts(found)
        assert await targets(desk, of) == {
            "a": {"Closed Won Total Deals Amount": "5.60"},
            "b": {"Approved Registered Deals": "10"},
            "c": {"Approved Registered Deals": "7"},
        }
        said = {data["partner_id"]: data for _, data, _ in await told(desk)}
        assert said.keys() == {"a", "c"}
        assert (said["a"]["version"], said["c"]["version"]) == (2, 1)
        assert said["c"]["targets"] == {
            deals: {"annual": "7", "q1": "2", "q2": "2", "q3": "2", "q4": "1"}
        }
        labels = await desk.pool.fetch("SELECT partner_id, label FROM plan")
        assert {r["partner_id"]: r["label"] for r in labels} == {
            "a": "updated",
            "b": None,
            "c": "new",
        }
        history = await desk.pool.fetch("SELECT * FROM target_change ORDER BY goal_id = $1", deals)
        assert [(str(r["goal_id"]), r["old"]["annual"], r["new"]) for r in history] == [
            (
                won,
                "5.50",
                {"annual": "5.60", "q1": "1.48", "q2": "1.38", "q3": "1.37", "q4": "1.37"},
            ),
            (deals, "10", None),
        ]


async def test_a_template_that_comes_back_as_it_was_changes_nothing(
    module_database: Database,
) -> None:
    async with a_desk(module_database) as (desk, _):
        for number, name in enumerate(HOSTILE):
            await partners(desk, f"p{number}{name}", name=name)
        goals = [GoalDraft("approved_accounts", name.strip()) for name in (*HOSTILE, "x", "x (2)")]
        of = await strategy(
            desk,
            name="=Hostile\nname",
            goal_groups=[GroupDraft("x", goals), GroupDraft("x", goals), GroupDraft("=y", [WON])],
        )
        for number, name in enumerate(HOSTILE[:6]):
            await plan(desk, of, f"p{number}{name}", {goal: {"annual": 7} for goal in of.goals})
        text = await template(desk, of)
        for cell in [cell for row in csv.reader(io.StringIO(text[1:], newline="")) for cell in row]:
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝"))
        for separator in (",", ";", "\t"):
            found = await preview(desk, edited(text, lambda row: row, separator))
            assert counts(found) == (0, 0, len(HOSTILE), 0)
        unchanged = await rows_of(desk, found, "unchanged")
        assert counts(await preview(desk, unchanged)) == (0, 0, len(HOSTILE), 0)


ONE = "Sales_Approved Registered Deals"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (fill(**{f"{ONE}_Target": "-1"}), "negative"),
        (fill(**{f"{ONE}_Target": "1.5"}), "whole"),
        (fill(**{f"{ONE}_Target": "many"}), "number"),
        (fill(**{f"{ONE}_Target": "1,5"}), "number"),
        (fill(**{f"{ONE}_Q1": "1"}), "blank"),
        (fill(**{f"{ONE}_Target": "4", f"{ONE}_Q1": "1"}), "blank"),
        (
            fill(
                **{
                    f"{ONE}_Target": "5",
                    f"{ONE}_Q1": "1",
                    f"{ONE}_Q2": "1",
                    f"{ONE}_Q3": "1",
                    f"{ONE}_Q4": "1",
                }
            ),
            "sum",
        ),
        (fill(**{"Partner Name": "Another"}), "another name"),
        (fill(**{"Partner Id": "nobody"}), "no partner"),
        (fill(**{"Partner Id": ""}), "blank"),
        (fill(**{"Partner Id": "away", "Partner Name": "Partner away"}), "none of the strategy's"),
        (fill(**{"Partner Id": "idle", "Partner Name": "Partner idle"}), "not active"),
        (fill(**{"Template Version": "0"}), "changed"),
        (fill(**{"Template Version": ""}), "blank"),
        (fill(**{"Strategy Name": "Another"}), "another name"),
        (fill(**{"Strategy Id": "nonsense"}), "known"),
        (fill(**{"Partner Name": "a\x00b"}), "null byte"),
        (lambda row: [row, row], "same partner"),
    ],
)
async def test_a_bad_row_says_why_and_stops_no_other(
    module_database: Database, change: Any, word: str
) -> None:
    async with a_desk(module_database) as (desk, _):
        await partners(desk, "a", "b", groups=("West",))
        await partners(desk, "away", groups=("East",))
        await partners(desk, "idle", groups=("West",), active=False)
        of = await strategy(desk, DEALS, partner_groups=["West"])

        def typed(row: dict[str, str]) -> Any:
            if row["Partner Id"] == "a":
                return change(row)
            return {**row, f"{ONE}_Target": "4"}

        text = edited(await template(desk, of), typed)
        found = await preview(desk, text)
        bad = found["errors"]
        assert counts(found)[:3] == (1, 0, 0)
        assert bad == (2 if word == "same partner" else 1)
        errors = await rows_of(desk, found, "errors")
        [header, first, *_] = csv.reader(io.StringIO(errors[1:], newline=""))
        assert header[-1] == "Error"
        assert word in first[-1]
        # the file of errors comes back as it is, with the same errors
        assert counts(await preview(desk, errors)) == (0, 0, 0, bad)
        await commit_import(desk, "cam", str(found["import_id"]))
        assert (await targets(desk, of)).keys() == {"b"}


async def test_a_corrected_file_of_errors_is_taken(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, _):
        await partners(desk, "a", "b")
        of = await strategy(desk, DEALS)
        found = await preview(
            desk, edited(await template(desk, of), fill(**{f"{ONE}_Target": "x"}))
        )
        assert counts(found) == (0, 0, 0, 2)
        mended = edited(await rows_of(desk, found, "errors"), fill(**{f"{ONE}_Target": "3"}))
        assert counts(await preview(desk, mended)) == (2, 0, 0, 0)


async def test_every_row_of_a_stale_template_is_an_error(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, _):
        await partners(desk, "a", "b")
        of = await strategy(desk, DEALS)
        text = await template(desk, of)
        groups = [GroupDraft("Sales", [*redraft(of).goal_groups[0].goals, WON])]
        await redefine_strategy(desk, "me", of.strategy_id, redraft(of, goal_groups=groups), None)
        assert counts(await preview(desk, text)) == (0, 0, 0, 2)


async def test_a_file_that_cannot_be_read_says_why(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, _):
        await partners(desk, "a", name="Zoë")
        of = await strategy(desk, DEALS)
        text = await template(desk, of)

        async def refused(raw: bytes) -> tuple[str, str]:
            with pytest.raises(InvalidError) as caught:
                await preview(desk, raw)
            flaw = caught.value.flaws[0]
            return flaw.pointer, flaw.detail

        assert "UTF-8" in (await refused(text.removeprefix("\ufeff").encode("latin-1")))[1]
        assert "UTF-8" in (await refused(text.encode("utf-16")))[1]
        assert await refused(b"") == ("/header/Strategy Name", "the file has no such column")
        assert "not CSV" in (await refused(text.encode() + b'"open'))[1]
        assert await refused(text.replace("Partner Id", "Partner No").encode()) == (
            "/header/Partner Id",
            "the file has no such column",
        )
        assert await refused(text.replace(f"{ONE}_Q2", f"{ONE}_Quarter 2").encode()) == (
            f"/header/{ONE}_Q2",
            "the file has no such column",
        )
        assert "twice" in (await refused(text.replace(f"{ONE}_Q2", f"{ONE}_Q1").encode()))[1]


async def test_a_file_without_any_known_strategy_is_all_errors(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, _):
        await partners(desk, "a", "b")
        of = await strategy(desk, DEALS)
        text = (await template(desk, of)).replace(of.strategy_id, "unknown")
        found = await preview(desk, text)
        assert counts(found) == (0, 0, 0, 2)
        await commit_import(desk, "me", str(found["import_id"]))


async def test_an_import_refuses_what_is_no_longer_as_previewed(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, _):
        await partners(desk, "a", "b", groups=("West",))
        of = await strategy(desk, DEALS, partner_groups=["West"])
        [deals] = of.goals
        mine = await plan(desk, of, "a", {deals: {"annual": 1}})
        text = edited(
            await template(desk, of),
            fill(
                **{
                    f"{ONE}_Target": "8",
                    f"{ONE}_Q1": "",
                    f"{ONE}_Q2": "",
                    f"{ONE}_Q3": "",
                    f"{ONE}_Q4": "",
                }
            ),
        )

        async def outdated(change: Any) -> None:
            found = await preview(desk, text)
            assert counts(found) == (1, 1, 0, 0)
            await change
            with pytest.raises(ConflictError):
                await commit_import(desk, "me", str(found["import_id"]))

        await outdated(
            revise_plan(
                desk, "me", mine.plan.plan_id, {deals: {"annual": 2}}, reason=None, expected=None
            )
        )
        await outdated(partners(desk, "b", version=2, groups=("East",)))
        await partners(desk, "b", version=3, groups=("West",))
        found = await preview(desk, text)
        await plan(desk, of, "b")
        with pytest.raises(ConflictError):
            await commit_import(desk, "me", str(found["import_id"]))
        found = await preview(desk, text)
        assert counts(found) == (0, 2, 0, 0)
        await redefine_strategy(desk, "me", of.strategy_id, redraft(of, name="Renamed"), None)
        with pytest.raises(ConflictError):
            await commit_import(desk, "me", str(found["import_id"]))


async def test_a_partner_that_left_its_group_stays_in_the_template(
    module_database: Database,
) -> None:
    async with a_desk(module_database) as (desk, _):
        await partners(desk, "a", "b", groups=("West", "North"))
        await partners(desk, "c", groups=("West",), active=False)
        of = await strategy(desk, DEALS, partner_groups=["West", "North"])
        await plan(desk, of, "a", {next(iter(of.goals)): {"annual": 3}})
        await partners(desk, "a", version=2, groups=("East",))

        def ids(text: str) -> list[str]:
            return [r["Partner Id"] for r in csv.DictReader(io.StringIO(text[1:], newline=""))]

        text = await template(desk, of)
        assert ids(text) == ["a", "b"]
        assert ids(await template(desk, of, "North")) == ["b"]
        assert counts(await preview(desk, text)) == (0, 0, 2, 0)
        changed = edited(
            text,
            fill(
                **{
                    f"{ONE}_Target": "0",
                    f"{ONE}_Q1": "",
                    f"{ONE}_Q2": "",
                    f"{ONE}_Q3": "",
                    f"{ONE}_Q4": "",
                }
            ),
        )
        assert counts(await preview(desk, changed)) == (1, 1, 0, 0)


async def test_plans_of_an_ended_strategy_are_made_and_not_changed(
    module_database: Database,
) -> None:
    async with a_desk(module_database) as (desk, _):
        await partners(desk, "a", "b")
        of = await strategy(desk, DEALS, start=date(2020, 1, 1))
        await plan(desk, of, "a", {next(iter(of.goals)): {"annual": 3}})
        text = edited(
            await template(desk, of),
            fill(
                **{
                    f"{ONE}_Target": "8",
                    f"{ONE}_Q1": "2",
                    f"{ONE}_Q2": "2",
                    f"{ONE}_Q3": "2",
                    f"{ONE}_Q4": "2",
                }
            ),
        )
        found = await preview(desk, text)
        assert counts(found) == (1, 0, 0, 1)
        assert "ended" in await rows_of(desk, found, "errors")


async def test_old_previews_are_forgotten(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, clock):
        await partners(desk, "a")
        of = await strategy(desk, DEALS)
        await preview(desk, await template(desk, of))
        clock.advance(timedelta(days=31))
        await preview(desk, await template(desk, of))
        assert await desk.pool.fetchval("SELECT count(*) FROM import_file") == 1
