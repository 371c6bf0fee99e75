"""Drafts: written ahead in their order, given back whole."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from services.notifier.domain.delivery import Deferred, Refused
from services.notifier.drafts import Drafts
from services.notifier.mail.letter import Letter
from services.notifier.mail.samples import sample_claim
from services.notifier.mail.smtp import Envelope
from services.notifier.store import Claim
from shared.kernel.clock import FixedClock

NOW = datetime(2026, 9, 1, 8, tzinfo=UTC)
CLAIM = sample_claim("partner_progress", "en", "ana@one.example", domain="mail.example")
CLAIMS = [replace(CLAIM, delivery_id=f"{number:032x}") for number in range(10)]


class Pen:
    """Writes the id of a delivery, and knows which it was asked for."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.asked: list[str] = []
        self.failure = failure

    async def __call__(self, claim: Claim, dated_at: datetime) -> Letter:
        self.asked.append(claim.delivery_id)
        await asyncio.sleep(0)
        if self.failure:
            raise self.failure
        return Envelope("a@b.example", claim.recipient), claim.delivery_id.encode()


async def test_drafts_come_in_the_order_of_their_claims() -> None:
    drafts = Drafts(Pen(), FixedClock(NOW), ahead=3)
    drafts.add(CLAIMS[:4])
    drafts.add(CLAIMS[4:])
    taken = [await drafts.take() for _ in CLAIMS]
    assert [draft.claim for draft in taken] == CLAIMS
    assert [draft.letter[1] for draft in taken if isinstance(draft.letter, tuple)] == [
        claim.delivery_id.encode() for claim in CLAIMS
    ]
    assert {draft.dated_at for draft in taken} == {NOW}
    assert len(drafts) == 0


async def test_only_the_next_few_are_written_ahead() -> None:
    pen = Pen()
    drafts = Drafts(pen, FixedClock(NOW), ahead=3)
    drafts.add(CLAIMS)
    await asyncio.sleep(0.01)
    assert len(pen.asked) == 3
    await drafts.take()
    await asyncio.sleep(0.01)
    assert len(pen.asked) == 4
    assert len(drafts) == 9


async def test_claims_are_given_back_in_their_order_written_or_not() -> None:
    drafts = Drafts(Pen(), FixedClock(NOW), ahead=3)
    drafts.add(CLAIMS)
    first = await drafts.take()
    assert [first.claim, *await drafts.clear()] == CLAIMS
    assert len(drafts) == 0


async def test_a_mail_that_cannot_be_written_is_refused_and_a_fault_of_ours_deferred() -> None:
    for failure, kind in ((ValueError("no"), Refused), (RuntimeError("oh"), Deferred)):
        drafts = Drafts(Pen(failure), FixedClock(NOW), ahead=3)
        drafts.add(CLAIMS[:1])
        assert isinstance((await drafts.take()).letter, kind)
