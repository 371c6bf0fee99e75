"""The doors to the look of mails, for administrators; every change is kept, with who made it."""

from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.notifier.domain.logo import LARGEST, Logo, LogoRefusedError, read_logo
from services.notifier.domain.look import ACCENT, Colours, Look, LookRefusedError, Sender, settled
from services.notifier.look import store
from services.notifier.look.book import LookBook
from shared.kernel.clock import Clock
from shared.postgres.pool import Pool
from shared.web.auth import Principal, require
from shared.web.paging import DEFAULT_LIMIT, MAX_LIMIT, decode_cursor, page
from shared.web.problems import Problem

Administrator = Annotated[Principal, Depends(require("administrator"))]
LONGEST: Final = 400
Text = Annotated[str, Field(max_length=LONGEST, pattern=r"^[^\x00]*$")]
VIEWED: Final = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


class SenderBody(BaseModel):
    """Whom mails come from."""

    name: Text
    address: Text


class ColoursBody(BaseModel):
    """Colours such as `#0b5cad`; null or "" where one is made from the others."""

    accent: Text = ACCENT
    accent_dark: Text | None = None
    header: Text | None = None


class LookBody(BaseModel):
    """A look without its logo, which has a door of its own."""

    name: Text
    sender: SenderBody
    colours: ColoursBody = ColoursBody()

    def onto(self, look: Look) -> Look:
        """The look with what the body says; its logo stays."""
        return replace(
            look,
            name=self.name,
            sender=Sender(self.sender.name, self.sender.address),
            colours=Colours(
                self.colours.accent, self.colours.accent_dark or None, self.colours.header or None
            ),
        )


class LookDesk:
    """Finds the look that counts now, and changes it."""

    def __init__(self, pool: Pool, clock: Clock, book: LookBook, domain: str) -> None:
        self.pool = pool
        self.domain = domain
        self._clock = clock
        self._book = book

    async def now(self) -> Look:
        """The newest look."""
        return await self._book.follow(self.pool)

    async def change(self, look: Look, who: Principal) -> Look:
        """Keep a look made from the version it carries.

        Raises a 422 problem for a look that cannot be, 409 where somebody was faster.
        """
        try:
            checked = settled(look, domain=self.domain)
        except LookRefusedError as refusal:
            errors = [{"pointer": at, "detail": detail} for at, detail in refusal.flaws]
            raise Problem(422, "The look is not valid", errors=errors) from None
        by, at = who.email or who.subject, self._clock.now()
        async with self.pool.acquire() as connection, connection.transaction():
            kept = await store.add_look(connection, checked, by, at)
        if kept is None:
            raise Problem(409, "Somebody else changed the look while you did", "Look again.")
        return await self._book.follow(self.pool)


def look_router(desk: LookDesk) -> APIRouter:
    """What mails look like: `/v1/look`, its logo, and who changed what."""
    router = APIRouter(prefix="/v1/look", tags=["look"])

    @router.get("")
    async def show(_who: Administrator) -> dict[str, Any]:
        """The look that counts now; version 0 is what the settings say."""
        return look_answer(await desk.now())

    @router.put("")
    async def change(body: LookBody, who: Administrator) -> dict[str, Any]:
        """Change the name, the sender and the colours; the logo stays."""
        return look_answer(await desk.change(body.onto(await desk.now()), who))

    @router.get("/logo", response_class=Response)
    async def show_logo(_who: Administrator) -> Response:
        """The logo itself."""
        logo = (await desk.now()).logo
        if logo is None:
            raise Problem(404, "There is no logo")
        return Response(logo.content, headers=VIEWED, media_type=logo.media_type)

    @router.put("/logo")
    async def change_logo(request: Request, who: Administrator) -> dict[str, Any]:
        """Give mails a logo: a PNG or JPEG of at most 64 KiB is the body."""
        logo = logo_of(await bounded(request))
        return look_answer(await desk.change(replace(await desk.now(), logo=logo), who))

    @router.delete("/logo")
    async def remove_logo(who: Administrator) -> dict[str, Any]:
        """Show the name instead of a logo; none is no error."""
        look = await desk.now()
        changed = await desk.change(replace(look, logo=None), who) if look.logo else look
        return look_answer(changed)

    @router.get("/history")
    async def history(
        _who: Administrator,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """Every version, the latest first: by whom and when; a logo is told by its digest."""
        before = _version(cursor)
        rows = await store.list_looks(desk.pool, before, limit + 1)
        return page([kept_answer(row) for row in rows], limit, lambda item: [item["version"]])

    return router


async def bounded(request: Request) -> bytes:
    """A request's body, which may have no more bytes than a logo. Raises a 413 problem."""
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > LARGEST:
            raise Problem(413, "The logo is too large", f"It may have {LARGEST // 1024} KiB.")
    return content


def logo_of(content: bytes) -> Logo:
    """The logo that some bytes are. Raises a 422 problem."""
    try:
        return read_logo(content)
    except LogoRefusedError as refusal:
        raise Problem.at("/logo", str(refusal)) from None


def look_answer(look: Look) -> dict[str, Any]:
    """A look as the API tells it."""
    logo = look.logo
    return {
        "version": look.version,
        "name": look.name,
        "sender": {"name": look.sender.name, "address": look.sender.address},
        "colours": {
            "accent": look.colours.accent,
            "accent_dark": look.colours.accent_dark,
            "header": look.colours.header,
        },
        "logo": {
            "digest": logo.digest.hex(),
            "media_type": logo.media_type,
            "width": logo.width,
            "height": logo.height,
            "bytes": len(logo.content),
        }
        if logo
        else None,
        "changed_by": look.changed_by,
        "changed_at": look.changed_at.isoformat() if look.changed_at else None,
    }


def kept_answer(row: dict[str, Any]) -> dict[str, Any]:
    """A version of the look in its history."""
    return {
        "version": row["version"],
        "name": row["name"],
        "sender": {"name": row["sender_name"], "address": row["sender_address"]},
        "colours": {name: row[name] for name in ("accent", "accent_dark", "header")},
        "logo": row["logo"],
        "changed_by": row["changed_by"],
        "changed_at": row["changed_at"].isoformat(),
    }


def _version(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    [version] = decode_cursor(cursor, 1)
    if not isinstance(version, int) or not 0 < version < 2**31:
        raise Problem.at("/cursor", "is no cursor of this list")
    return version
