"""What a row of an uploaded file says: a record to publish, or faults by column."""

from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from services.ingest.domain.cloud_event import Event, Fault, spell_data
from services.ingest.domain.columns import Columns
from services.ingest.domain.fast_lane import take_data
from services.ingest.domain.table import Row
from shared.events.records import RECORDS, Record, RecordKind, canonical

SOURCE: Final = "milepost/ingest/uploads"
_decode = msgspec.json.decode
_encode = msgspec.json.encode


@dataclass(frozen=True)
class Outcome:
    """What became of one row."""

    row: Row
    event: Event | None = None
    key: str | None = None
    """The record's key fields as canonical JSON, where they could be read."""
    faults: list[tuple[str, str]] = field(default_factory=list)
    """(column, error); an empty column means the row as a whole."""
    data: dict[str, Any] = field(default_factory=dict)
    """The data of the event, read back."""


def read_row(row: Row, columns: Columns, upload_id: str, zone: ZoneInfo) -> Outcome:
    """What a row of a file says."""
    fault = row.fault or _shape_fault(row, columns)
    if fault:
        return Outcome(row, faults=[("", fault)])
    data, faults = columns.data_of(row.cells)
    if columns.in_format:
        faults += _format_faults(row, columns)
    kind = columns.kind
    spelled = take_data(kind.recorded, _encode(data))
    if spelled is None:
        errors: list[Fault] = []
        spelled = spell_data(kind.recorded, data, zone, errors)
        known = {column for column, _ in faults}
        faults += [one for one in _by_column(errors, columns) if one[0] not in known]
    if spelled is None or faults:
        return Outcome(row, None, _key_of_broken(kind, data, zone), faults)
    value, key = spelled
    event_id = f"{upload_id}/{row.number}"
    event = Event(event_id, kind.recorded, SOURCE, None, None, kind.topic, key, value)
    told = _decode(value)
    return Outcome(row, event, key_of(kind, told), data=told)


def key_of(kind: RecordKind, data: dict[str, Any]) -> str:
    """The key fields of a record's data, as canonical JSON."""
    return _encode({name: data[name] for name in sorted(kind.keys)}).decode()


def retraction(record: str, key: str, version: int, upload_id: str) -> Event:
    """The deletion of a record that a replacing file does not name any more."""
    kind = RECORDS[record]
    values: Record = kind.tombstone.model_validate({**_decode(key), "version": version})
    event_id = f"{upload_id}/retracted/{key}"
    value, message_key = canonical(values), kind.record_id(values)
    return Event(event_id, kind.deleted, SOURCE, None, None, kind.topic, message_key, value)


def _key_of_broken(kind: RecordKind, data: dict[str, Any], zone: ZoneInfo) -> str | None:
    """Which record a broken row is about, if that much is in order."""
    names = {name: data[name] for name in kind.keys if name in data}
    spelled = spell_data(kind.deleted, {**names, "version": 0}, zone, [])
    return key_of(kind, _decode(spelled[0])) if spelled else None


def _shape_fault(row: Row, columns: Columns) -> str | None:
    width, cells = len(columns.names), len(row.cells)
    if cells < width or any(row.cells[width:]):
        return f"has {cells} cells, the header has {width}"
    return None


def _format_faults(row: Row, columns: Columns) -> list[tuple[str, str]]:
    """What the organizational and CRM formats ask for, beside what the records do."""
    named = dict(zip(columns.names, row.cells, strict=False))
    faults = [
        (name, "must not contain a line break")
        for name, cell in named.items()
        if "\n" in cell or "\r" in cell
    ]
    contact, email = named.get("ContactId", "").strip(), named.get("ContactEmail", "").strip()
    if contact and contact.lower() == email.lower():
        faults.append(("ContactId", "must not be the email address"))
    return faults


def _by_column(errors: list[Fault], columns: Columns) -> list[tuple[str, str]]:
    """Faults of a record's data, told of the columns they came from."""
    return [(_column(error["pointer"], columns), error["detail"]) for error in errors]


def _column(pointer: str, columns: Columns) -> str:
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[2:]]
    if parts[:1] == ["attributes"]:
        for column in columns.columns:
            if column.attribute in parts[1:]:
                return column.name
    return columns.name_of(parts[0]) if parts else ""
