"""Bulk: preview a file of plans, import it as previewed, write templates and downloads."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import BinaryIO, Final

import asyncpg

from services.plans.domain.import_row import Judgement, RowJudge, Subject, spelled_changes
from services.plans.domain.refusal import ConflictError, NotFoundError
from services.plans.domain.sheet import (
    ERROR,
    check_goal_columns,
    guarded,
    template_header,
    template_row,
)
from services.plans.domain.strategy import Strategy
from services.plans.handlers.desk import Change, Desk, change
from services.plans.handlers.sheet_file import Census, SheetFile, SheetRow
from services.plans.handlers.tell import plan_imported
from services.plans.store import imports, strategies
from services.plans.store.imports import JudgedRow
from shared.kernel.ids import parse_id
from shared.kernel.period import local_day
from shared.messaging import outbox
from shared.postgres.pool import Connection

KEPT_FOR: Final = timedelta(days=30)
MOST_STRATEGIES: Final = 100
NO_STRATEGY: Final = "no row of the file names a strategy that is known"
BYTE_ORDER_MARK: Final = "\ufeff"
CHANGED: Final = "Something has changed since the preview"


async def preview_import(desk: Desk, who: str, file: BinaryIO) -> asyncpg.Record:
    """Judge every row of a file, keep the judgements, change nothing. Gives the import.

    Raises InvalidError for a file that cannot be read as a whole.
    """
    async with desk.previews:
        return await _preview(desk, who, file)


async def _preview(desk: Desk, who: str, file: BinaryIO) -> asyncpg.Record:
    sheet = await asyncio.to_thread(SheetFile, file)
    census = await asyncio.to_thread(sheet.census)
    await desk.catch_up()
    async with desk.pool.acquire() as connection:
        await imports.forget_old_imports(connection, desk.clock.now() - KEPT_FOR)
    async with (
        desk.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read"),
    ):
        strategy = await _strategy_of(connection, census)
        if strategy and any(_is_current(strategy, named) for named in census.templates):
            check_goal_columns(sheet.layout, strategy)
        found = await _Preview(desk, connection, sheet, census, strategy).run(who)
    async with desk.pool.acquire() as connection:
        await imports.learn_about_rows(connection)
    return found


async def _strategy_of(connection: Connection, census: Census) -> Strategy | None:
    """The strategy that most rows name: one wrong row must not hijack the file."""
    rows: dict[str, int] = {}
    for (named, _), count in census.templates.most_common(MOST_STRATEGIES):
        strategy_id = parse_id(named)
        if strategy_id:
            rows[strategy_id] = rows.get(strategy_id, 0) + count
    found = await strategies.find_strategies(connection, rows)
    most = max(found, key=lambda strategy_id: (rows[strategy_id], strategy_id), default=None)
    return None if most is None else found[most]


def _is_current(strategy: Strategy, named: tuple[str, str]) -> bool:
    strategy_id, version = named
    return parse_id(strategy_id) == strategy.strategy_id and version == str(strategy.revision)


class _Preview:
    """One file on its way into the tables, some rows at a time."""

    def __init__(
        self,
        desk: Desk,
        connection: Connection,
        sheet: SheetFile,
        census: Census,
        strategy: Strategy | None,
    ) -> None:
        self._desk = desk
        self._connection = connection
        self._sheet = sheet
        self._census = census
        self._strategy = strategy
        self._at = desk.clock.now()
        self._import_id = desk.new_id()

    async def run(self, who: str) -> asyncpg.Record:
        connection, strategy = self._connection, self._strategy
        named = (strategy.strategy_id, strategy.revision) if strategy else None
        await imports.add_import(
            connection, self._import_id, named, self._sheet.header, who=who, at=self._at
        )
        judge = self._judge(strategy) if strategy else None
        rows = self._sheet.rows()
        while some := await asyncio.to_thread(_take, rows):
            subjects = await self._subjects(some)
            judged = await asyncio.to_thread(self._judge_all, some, subjects, judge)
            await imports.add_rows(connection, judged)
        return await imports.count_rows(connection, self._import_id)

    def _judge(self, strategy: Strategy) -> RowJudge:
        today = local_day(self._at, self._desk.zone)
        return RowJudge(
            self._sheet.layout,
            strategy,
            ended=strategy.has_ended(today),
            decimal_comma=self._sheet.separator != ",",
        )

    async def _subjects(self, rows: Iterable[SheetRow]) -> dict[str, Subject]:
        if self._strategy is None:
            return {}
        named = (self._sheet.partner_id(row) for row in rows)
        return await imports.find_subjects(
            self._connection, self._strategy.strategy_id, (one for one in named if one)
        )

    def _judge_all(
        self, rows: Sequence[SheetRow], subjects: dict[str, Subject], judge: RowJudge | None
    ) -> list[JudgedRow]:
        judged = []
        for row in rows:
            partner_id = self._sheet.partner_id(row)
            subject = subjects.get(partner_id or "", Subject(None))
            judgement = (
                judge.judge(row.cells, subject) if judge else Judgement("errors", NO_STRATEGY)
            )
            repeated = self._census.rows_of.get(partner_id or "")
            if repeated:
                judgement = judgement.repeated(repeated)
            judged.append(self._kept(row, partner_id, subject, judgement))
        return judged

    def _kept(
        self, row: SheetRow, partner_id: str | None, subject: Subject, judgement: Judgement
    ) -> JudgedRow:
        changes = spelled_changes(judgement.changes) if judgement.changes else None
        makes_a_plan = judgement.outcome == "new"
        return JudgedRow(
            import_id=self._import_id,
            row=row.number,
            outcome=judgement.outcome,
            cells=[_storable(cell) for cell in row.cells[: self._sheet.layout.width]],
            error=judgement.error,
            partner_id=partner_id,
            plan_id=self._desk.new_id() if makes_a_plan else subject.plan_id,
            plan_revision=subject.plan_revision,
            changes=changes,
        )


def _take(rows: Iterator[SheetRow]) -> list[SheetRow]:
    return list(islice(rows, imports.AT_ONCE))


def _storable(cell: str) -> str:
    return cell.replace("\x00", "\ufffd")


async def commit_import(desk: Desk, who: str, import_id: str) -> asyncpg.Record:
    """Do what the preview said, row for row, all of it or nothing. Gives the import.

    A second time it changes nothing and gives the same. Raises NotFoundError, and ConflictError
    when a row would no longer do what the preview said.
    """
    async with change(desk) as under_way:
        found = await imports.find_import_to_commit(under_way.connection, import_id)
        if found is None:
            raise NotFoundError("No such import")
        if found["committed_at"] is None:
            if found["new"] or found["updates"]:
                await _import(under_way, who, found)
            await imports.note_commit(under_way.connection, import_id, under_way.at)
        return found


async def _import(under_way: Change, who: str, found: asyncpg.Record) -> None:
    connection = under_way.connection
    import_id, strategy_id = str(found["import_id"]), str(found["strategy_id"])
    await _check_still_true(under_way, found)
    at = under_way.at
    await imports.import_rows(connection, import_id, strategy_id, who=who, at=at)
    async for rows in imports.imported_plans(connection, import_id):
        await outbox.put(connection, [plan_imported(dict(row), strategy_id, at) for row in rows])


async def _check_still_true(under_way: Change, found: asyncpg.Record) -> None:
    connection, import_id = under_way.connection, str(found["import_id"])
    strategy = await strategies.find_strategy_to_rely_on(connection, str(found["strategy_id"]))
    if strategy is None or strategy.revision != found["strategy_revision"]:
        raise ConflictError(f"{CHANGED}: the strategy. Download the template again")
    await imports.lock_plans_to_update(connection, import_id)
    outdated = await imports.count_outdated_rows(
        connection, import_id, strategy.strategy_id, strategy.partner_groups
    )
    if outdated:
        raise ConflictError(f"{CHANGED}: {outdated} rows. Upload the file again")
    if found["updates"] and strategy.has_ended(under_way.day):
        raise ConflictError("The strategy has ended; its plans are kept as they are")


async def find_import(desk: Desk, import_id: str) -> asyncpg.Record:
    """An import and its counts. Raises NotFoundError."""
    async with desk.pool.acquire() as connection:
        found = await imports.find_import(connection, import_id)
    if found is None:
        raise NotFoundError("No such import")
    return found


async def write_rows(desk: Desk, found: asyncpg.Record, outcome: str) -> AsyncIterator[str]:
    """The rows of an outcome as CSV, as they were uploaded; errors with an `Error` column."""
    with_error = outcome == "errors"
    header = [guarded(name) for name in found["header"]]
    yield BYTE_ORDER_MARK + _lines([header + [ERROR] * with_error])
    after = 0
    while True:
        async with desk.pool.acquire() as connection:
            rows = await imports.list_rows(connection, str(found["import_id"]), outcome, after)
        if not rows:
            return
        yield _lines(
            [guarded(cell) for cell in row["cells"]] + [guarded(row["error"] or "")] * with_error
            for row in rows
        )
        after = rows[-1]["row"]


async def write_template(
    desk: Desk, strategy: Strategy, groups: Sequence[str]
) -> AsyncIterator[str]:
    """A strategy's template as CSV: a row for each partner that is eligible or has a plan."""
    yield BYTE_ORDER_MARK + _lines([template_header(strategy)])
    after: tuple[str | None, str | None] = (None, None)
    while True:
        async with desk.pool.acquire() as connection:
            rows = await imports.list_template_partners(
                connection, strategy.strategy_id, strategy.partner_groups, groups, after
            )
        if not rows:
            return
        yield _lines(
            template_row(
                strategy, row["partner_id"], row["name"], imports.read_targets(row["targets"])
            )
            for row in rows
        )
        after = (rows[-1]["name_order"], rows[-1]["partner_id"])


def _lines(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()
