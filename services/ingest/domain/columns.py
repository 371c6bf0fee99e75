"""Which column of an uploaded file is which field of a record.

Columns carry the fields' names, or, in files with organizational and CRM data, the names of those
formats (PersonId, AccountsStartDate, …). What such a file has beside them about people are custom
attributes.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from services.ingest.domain import cells
from services.ingest.domain.cells import Cell, CellError
from services.ingest.domain.table import FileFaultError
from shared.events.records import RECORDS, RecordKind

WHOLE_FILES: Final = frozenset({"person", "crm_account", "crm_contact", "seller_assignment"})
"""Records whose file is taken as a whole: one invalid value and nothing of it is."""
MOST_COLUMNS: Final = 105
FORMATS: Final[dict[str, dict[str, str]]] = {
    "person": {
        "PersonId": "person_id",
        "EffectiveDate": "effective_on",
        "ManagerId": "manager_id",
        "Organization": "organization",
        "LevelDesignation": "level",
        "FunctionType": "function",
        "TimeZone": "time_zone",
        "Name": "name",
        "Licensed": "licensed",
        "OptedOut": "opted_out",
    },
    "crm_account": {
        "AccountId": "account_id",
        "AccountName": "name",
        "AccountsStartDate": "effective_on",
        "AccountAnnualRevenue": "annual_revenue",
        "AccountRevenue": "annual_revenue",
        "Currency": "currency",
        "AccountType": "type",
    },
    "crm_contact": {
        "ContactId": "contact_id",
        "ContactsAccountId": "account_id",
        "ContactEmail": "email",
        "ContactsStartDate": "effective_on",
    },
    "seller_assignment": {
        "SellerAssignmentAccountId": "account_id",
        "SellerEmail": "seller",
        "SellerAssignmentStartDate": "effective_on",
    },
}
"""Record → column name of its format → field."""
NEEDED: Final = {"person": ("ManagerId", "Organization")}
"""Columns that a format requires beside what the record itself does."""
ASSUMED: Final = {"person": {"licensed": True, "opted_out": False}}
ATTRIBUTES: Final[dict[str, Cell]] = {
    "HireDate": cells.checked_day,
    "HourlyRate": cells.rate,
    "Layer": cells.layer,
    "SupervisorIndicator": cells.supervisor,
}
"""Columns of the organizational format that become attributes and have a type."""
CHECKED: Final[dict[str, dict[str, Cell]]] = {
    "crm_account": {
        "AccountRevenue": cells.number,
        "AccountOwnerEmail": cells.address,
        "AccountCreatedDate": cells.checked_day,
        "AccountLastModifiedDate": cells.checked_day,
    },
}
"""Columns of a format that are not kept and yet must be what they say, as every column must."""
SECOND_CHOICE: Final = {"AccountRevenue": "AccountAnnualRevenue"}
"""Columns that only count where a better one is missing."""
_ATTRIBUTE = "attributes."
_NAME_RULE: Final = "a column's name is letters and digits, a letter first, one of them lower-case"
_FORMAT_NAME = re.compile(r"(?=.*[a-z])[A-Za-z][A-Za-z0-9]*", re.ASCII)


@dataclass(frozen=True)
class Column:
    """A column of a file that means something."""

    at: int
    name: str
    field: str | None
    """None: its values are checked and not kept."""
    read: Cell
    attribute: str | None = None
    """The custom attribute that it holds, when its field is `attributes`."""


@dataclass(frozen=True)
class Columns:
    """What the columns of one file mean."""

    kind: RecordKind
    names: list[str]
    columns: tuple[Column, ...]
    in_format: bool
    """Whether the file is in the organizational or CRM format rather than in the fields' names."""
    assumed: dict[str, Any] = field(default_factory=dict)
    """The values of fields that a row leaves blank."""

    @property
    def has_version(self) -> bool:
        """Whether rows say themselves which version they are."""
        return any(column.field == "version" for column in self.columns)

    def data_of(self, row: Sequence[str]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """A row as a record's data, and the faults of single cells as (column, error)."""
        data = dict(self.assumed)
        faults = []
        for column in self.columns:
            cell = row[column.at].strip()
            if not cell:
                continue
            try:
                value = column.read(cell)
            except CellError as fault:
                faults.append((column.name, str(fault)))
                continue
            if column.field is None:
                continue
            if column.attribute is not None:
                value = {column.attribute: value}
            if column.field == "attributes":
                value = data.get("attributes", {}) | value
            data[column.field] = value
        return data, faults

    def name_of(self, field_name: str) -> str:
        """What a field's column is called in this file."""
        found = [column.name for column in self.columns if column.field == field_name]
        return (
            found[0] if found else _preferred(self.kind.name, field_name, in_format=self.in_format)
        )


def known_names(record: str) -> frozenset[str]:
    """Every column name that means something in a file of a record."""
    return frozenset({*RECORDS[record].model.model_fields, *FORMATS.get(record, {})})


def columns_of(record: str, names: list[str], *, version: int, day: date) -> Columns:
    """What the columns of a header mean; `version` and `day` fill the columns that may be missing.

    Raises FileFaultError naming columns that are missing or doubled.
    """
    kind = RECORDS[record]
    translated = FORMATS.get(record, {})
    in_format = any(name in translated for name in names)
    columns = tuple(_columns(kind, names, translated, in_format=in_format))
    assumed: dict[str, Any] = {"version": version, **ASSUMED.get(record, {})}
    if record == "person" and in_format and "EffectiveDate" not in names:
        assumed["effective_on"] = day.isoformat()
    faults = [*_missing(kind, columns, set(assumed), in_format=in_format), *_doubled(columns)]
    if in_format:
        faults += _misnamed(names)
    if len(names) > MOST_COLUMNS:
        faults.append(("", f"there are more than {MOST_COLUMNS} columns"))
    if faults:
        raise FileFaultError.of(faults)
    return Columns(kind, names, columns, in_format, assumed)


def _columns(
    kind: RecordKind, names: list[str], translated: dict[str, str], *, in_format: bool
) -> Iterator[Column]:
    readers = _readers(kind)
    for at, name in enumerate(names):
        field_name = translated.get(name, name)
        checked = CHECKED.get(kind.name, {}).get(name) if in_format else None
        kept = field_name in readers and SECOND_CHOICE.get(name) not in names
        if checked and not kept:
            yield Column(at, name, None, checked)
        elif kept:
            read = readers[field_name]
            american = name in translated and field_name == "effective_on"
            yield Column(at, name, field_name, cells.american_day if american else read)
        elif kind.name == "person":
            attribute = name if in_format else name.removeprefix(_ATTRIBUTE)
            read = ATTRIBUTES.get(name, cells.text) if in_format else cells.text
            yield Column(at, name, "attributes", read, attribute)


def _readers(kind: RecordKind) -> dict[str, Cell]:
    """How cells are read, by field, from what the model says of its type."""
    schema = kind.model.model_json_schema()
    return {
        name: _reader(_told(described), schema.get("$defs", {}))
        for name, described in schema["properties"].items()
    }


def _told(described: dict[str, Any]) -> dict[str, Any]:
    """The type itself, of one that may be absent."""
    told: dict[str, Any] = described.get("anyOf", [described])[0]
    return told


def _reader(told: dict[str, Any], definitions: dict[str, Any]) -> Cell:
    match told.get("type"):
        case "integer":
            return cells.whole_number
        case "boolean":
            return cells.boolean
        case "object":
            return cells.dictionary
        case "array":
            reference = told["items"].get("$ref", "").rpartition("/")[2]
            parts = definitions[reference]["properties"] if reference else None
            return cells.objects(*parts) if parts else cells.words
        case _:
            return cells.text


def _missing(
    kind: RecordKind, columns: tuple[Column, ...], assumed: set[str], *, in_format: bool
) -> Iterator[tuple[str, str]]:
    there = {column.field for column in columns} | assumed
    needed = [name for name, one in kind.model.model_fields.items() if one.is_required()]
    if in_format:
        needed += [FORMATS[kind.name][name] for name in NEEDED.get(kind.name, ())]
    for name in needed:
        if name not in there:
            yield _preferred(kind.name, name, in_format=in_format), "the column is missing"


def _doubled(columns: tuple[Column, ...]) -> Iterator[tuple[str, str]]:
    seen: dict[tuple[str, str | None], str] = {}
    for column in columns:
        if column.field is None:
            continue
        other = seen.setdefault((column.field, column.attribute), column.name)
        if other != column.name:
            yield column.name, f"the column {other} means the same"


def _misnamed(names: list[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        if not _FORMAT_NAME.fullmatch(name):
            yield name, _NAME_RULE


def _preferred(record: str, field_name: str, *, in_format: bool) -> str:
    """The name of a field's column in the convention that a file follows."""
    if in_format:
        for name, translated in FORMATS[record].items():
            if translated == field_name:
                return name
    return field_name
