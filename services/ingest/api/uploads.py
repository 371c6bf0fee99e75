"""`/v1/uploads`: files with records, and what became of them."""

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from services.ingest import store
from services.ingest.api.answers import COME_BACK_LATER, overloaded
from services.ingest.api.body import media_type_of, pieces
from services.ingest.api.multipart import file_in
from services.ingest.handlers.admission import Admission, OverloadedError
from services.ingest.handlers.receiving import receive_upload
from services.ingest.handlers.uploads import JOINED
from services.ingest.store import Mode, RejectedRow, Upload
from shared.events.records import RECORDS
from shared.kernel.clock import Clock
from shared.kernel.ids import parse_id
from shared.postgres.pool import Pool, is_transient
from shared.web.auth import Principal, require
from shared.web.paging import DEFAULT_LIMIT, MAX_LIMIT, decode_cursor, page
from shared.web.problems import Problem

ROWS_AT_ONCE: Final = 1000
FAULTS_SHOWN: Final = 20
_DOCUMENTED: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}


def upload_router(
    pool: Pool,
    admission: Admission,
    clock: Clock,
    zone: ZoneInfo,
    *,
    max_upload: int,
    on_received: Callable[[], None],
) -> APIRouter:
    """The doors for files, open to the roles `source` and `administrator`."""
    router = APIRouter(prefix="/v1/uploads", tags=["uploads"])
    sender = Annotated[Principal, Depends(require("source", "administrator"))]

    @router.post("/{record}", status_code=202, openapi_extra=_DOCUMENTED)
    async def post_upload(
        record: str, request: Request, _who: sender, mode: Mode = "append"
    ) -> dict[str, str]:
        """Take a file: 202 once it is kept; it is dealt with afterwards."""
        if record not in RECORDS:
            raise Problem(404, "No such record", f"records are {', '.join(RECORDS)}")
        try:
            with admission.admit(), _database():
                content = _content(request, max_upload)
                upload_id = await receive_upload(
                    pool, record, mode, content, clock=clock, zone=zone
                )
        except OverloadedError:
            raise overloaded() from None
        on_received()
        return {"upload_id": upload_id}

    @router.get("")
    async def list_uploads(
        _who: sender,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """Uploads, the newest first."""
        after = _position(cursor) if cursor else None
        with _database():
            found = await store.list_uploads(pool, after, limit + 1)
        items = [_shown(upload) for upload in found]
        return page(items, limit, lambda item: [item["received_at"], item["upload_id"]])

    @router.get("/{upload_id}")
    async def get_upload(upload_id: str, _who: sender) -> dict[str, Any]:
        """How far an upload is, and what is wrong with it so far."""
        with _database():
            upload = await _find(pool, upload_id)
            faults = await store.list_rejected_rows(pool, upload.upload_id, (0, 0), FAULTS_SHOWN)
            shown = {**_shown(upload), "errors": [_fault(row) for row in faults]}
            if upload.record in JOINED and upload.state == "processed":
                joined, rows = await store.measure_join_coverage(pool, upload.upload_id)
                shown["join_coverage"] = {"joined": joined, "rows": rows}
            return shown

    @router.get("/{upload_id}/errors.csv")
    async def get_errors(upload_id: str, _who: sender) -> StreamingResponse:
        """Every fault of an upload: row (header = 1), column, error, then the row's own cells."""
        with _database():
            upload = await _find(pool, upload_id)
        name = f'attachment; filename="{upload.record}-{upload.upload_id}-errors.csv"'
        return StreamingResponse(
            _error_lines(pool, upload),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": name},
        )

    return router


def _content(request: Request, limit: int) -> AsyncIterator[bytes]:
    """The bytes of the file, whichever way it is sent."""
    kind, parameters = media_type_of(request)
    body = pieces(request, limit)
    if kind == "text/csv":
        return body
    if kind == "multipart/form-data" and parameters.get("boundary"):
        return file_in(body, parameters["boundary"])
    raise Problem(415, "Unknown content type", "send text/csv or multipart/form-data")


def _position(cursor: str) -> tuple[datetime, str]:
    received_at, upload_id = decode_cursor(cursor, 2)
    try:
        moment, found = datetime.fromisoformat(received_at), parse_id(upload_id)
    except (ValueError, TypeError):
        found = None
    if found is None:
        raise Problem.at("/cursor", "is no cursor of this list")
    return moment, found


async def _find(pool: Pool, upload_id: str) -> Upload:
    found = parse_id(upload_id)
    upload = await store.find_upload(pool, found) if found else None
    if upload is None:
        raise Problem(404, "No such upload")
    return upload


def _shown(upload: Upload) -> dict[str, Any]:
    finished = upload.finished_at.isoformat() if upload.finished_at else None
    return {
        "upload_id": upload.upload_id,
        "record": upload.record,
        "mode": upload.mode,
        "state": upload.state,
        "rows_read": upload.rows_read,
        "accepted": upload.accepted,
        "rejected": upload.rejected,
        "retracted": upload.retracted,
        "size": upload.size,
        "received_at": upload.received_at.isoformat(),
        "finished_at": finished,
    }


def _fault(row: RejectedRow) -> dict[str, Any]:
    return {"row": row.row, "column": row.column, "error": row.error}


async def _error_lines(pool: Pool, upload: Upload) -> AsyncIterator[str]:
    yield _lines([["row", "column", "error", *(upload.header or [])]])
    after = (0, -1)
    while rows := await store.list_rejected_rows(pool, upload.upload_id, after, ROWS_AT_ONCE):
        yield _lines([[str(row.row), row.column, row.error, *row.cells] for row in rows])
        after = (rows[-1].row, rows[-1].fault)


def _lines(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


@contextmanager
def _database() -> Iterator[None]:
    """503 while the database is away."""
    try:
        yield
    except Exception as failure:
        if isinstance(failure, Problem | OverloadedError) or not is_transient(failure):
            raise
        raise Problem(
            503,
            "The database does not answer",
            "nothing was accepted, send the same again",
            headers=COME_BACK_LATER,
        ) from failure
