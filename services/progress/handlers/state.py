"""Stating: what is due is rendered once, as of its due time, and never again."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from services.progress.domain.notice import Rendered, read_partner, statement_of
from services.progress.domain.sheet import Moment
from services.progress.domain.told import Tick
from services.progress.handlers.ask import find_figures, find_known
from services.progress.handlers.correct import correct_latest
from services.progress.store import plans, statements
from shared.postgres.pool import Connection


async def render(
    connection: Connection, ticks: Iterable[Tick], zone: ZoneInfo
) -> dict[UUID, Rendered]:
    """The statements of ticks, each as of its due time; those due together are counted together."""
    by_due: dict[datetime, list[Tick]] = {}
    for tick in ticks:
        by_due.setdefault(tick.due_at, []).append(tick)
    rendered: dict[UUID, Rendered] = {}
    for due_at, due in sorted(by_due.items()):
        moment = Moment(due_at, due_at, due_at, zone)
        before = [one.body for one in rendered.values() if one.went_out]
        rendered |= await _render_due(connection, due, moment, before)
    return rendered


async def _render_due(
    connection: Connection, ticks: Sequence[Tick], moment: Moment, before: Sequence[bytes]
) -> dict[UUID, Rendered]:
    known = await find_known(connection, {tick.plan_id for tick in ticks}, moment)
    found = await find_figures(connection, [*known.values()], moment)
    corrections = await correct_latest(connection, known, moment, before)
    partner_ids = {one.plan.partner_id for one in known.values()}
    partners = await plans.find_snapshots(connection, "partner", partner_ids, moment.at)
    rendered = {}
    for tick in ticks:
        plan = known.get(tick.plan_id)
        snapshot = partners.get(plan.plan.partner_id) if plan else None
        partner = read_partner(snapshot.body) if snapshot else None
        corrected = corrections.get(tick.plan_id, [])
        rendered[tick.tick_id] = statement_of(tick, plan, partner, found, corrected, moment)
    return rendered


async def freeze(connection: Connection, rendered: Mapping[UUID, Rendered]) -> Mapping[UUID, bytes]:
    """Keep statements; gives what is kept, which is another's where another was first."""
    await statements.freeze_statements(connection, rendered)
    _, kept = await statements.find_ticks(connection, rendered)
    return kept
