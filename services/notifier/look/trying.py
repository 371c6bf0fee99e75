"""A test mail: a sample, sent to the administrator who asks and to nobody else."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from services.notifier.domain.address import AddressRefusedError, checked
from services.notifier.domain.delivery import Accepted
from services.notifier.domain.language import Code
from services.notifier.look import store
from services.notifier.look.book import LookBook
from services.notifier.mail.letter import LetterWriter
from services.notifier.mail.samples import sample_claim
from services.notifier.mail.smtp import MailConnection, MailServerAwayError
from shared.kernel.clock import Clock
from shared.postgres.pool import Pool
from shared.web.auth import Principal
from shared.web.problems import Problem

MOST: Final = 5
WITHIN: Final = timedelta(minutes=10)
"""So many tests an administrator may have within that time, whichever replica is asked."""
MARK: Final = "[Test] "


class SampleSender:
    """Sends samples over a connection of their own, past the deliveries and their log."""

    def __init__(
        self,
        pool: Pool,
        clock: Clock,
        book: LookBook,
        letters: LetterWriter,
        connect: Callable[[], MailConnection],
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._book = book
        self._letters = letters
        self._connect = connect

    async def send(self, who: Principal, stream: str, code: Code, name: str, domain: str) -> str:
        """Send a sample; gives the address it went to.

        Raises a problem: 422 without an address to write to, 429 after too many, 502 or 503 where
        the mail server does not take it.
        """
        try:
            address = checked(who.email or "")
        except AddressRefusedError:
            raise Problem(422, "Your account has no address that can be written to") from None
        connection = self._connect()
        try:
            await connection.ready()
            await self._count(address, stream, code)
            claim = sample_claim(stream, code, address, domain=domain, name=name)
            letter = self._letters.letter(claim, self._clock.now(), marked=MARK)
            outcome = await connection.send(*letter)
        except MailServerAwayError as failure:
            raise Problem(503, "The mail server cannot be reached", str(failure)) from None
        finally:
            await connection.close()
        if not isinstance(outcome, Accepted):
            raise Problem(502, "The mail server did not take the test", outcome.reason)
        return address

    async def _count(self, address: str, stream: str, code: Code) -> None:
        async with self._pool.acquire() as connection:
            await self._book.follow(connection)
            may = await store.add_test_mail(
                connection, address, stream, code, most=MOST, within=WITHIN
            )
        if not may:
            minutes = int(WITHIN.total_seconds() // 60)
            raise Problem(
                429,
                "That was enough tests for now",
                f"{MOST} within {minutes} minutes are possible. Look at those first.",
                headers={"Retry-After": str(int(WITHIN.total_seconds()))},
            )
