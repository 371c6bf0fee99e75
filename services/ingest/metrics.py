"""What ingest counts. Labels are types and outcomes, never ids or addresses."""

from typing import Final

from prometheus_client import Counter, Gauge

events: Final = Counter(
    "milepost_ingest_events_total",
    "Events by the door they came through, their type and what became of them",
    ["door", "type", "outcome"],
)
turned_away: Final = Counter(
    "milepost_ingest_turned_away_total", "Requests that were told to come back", ["reason"]
)
upload_rows: Final = Counter(
    "milepost_ingest_upload_rows_total", "Rows of uploaded files", ["record", "outcome"]
)
uploads: Final = Counter(
    "milepost_ingest_uploads_total", "Uploaded files that were dealt with", ["record", "state"]
)
inbound_lag: Final = Gauge(
    "milepost_ingest_inbound_lag_events",
    "Events of the inbound topic not dealt with yet",
    ["partition"],
)
