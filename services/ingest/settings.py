"""What ingest is told from outside, beside what every service is told."""

from pathlib import Path
from typing import Final

from pydantic import Field

from shared.web.session import SignInSettings

MEBIBYTE: Final = 1024 * 1024
ALWAYS_TAKEN: Final = 8 * MEBIBYTE
"""The contract: a body of this size always passes."""


class IngestSettings(SignInSettings):
    """Limits, chosen so that the memory they allow together is bounded."""

    max_body: int = Field(16 * MEBIBYTE, ge=ALWAYS_TAKEN)
    """Bytes of a request with events, sent and inflated alike."""
    max_upload: int = Field(1024 * MEBIBYTE, ge=ALWAYS_TAKEN)
    """Bytes of an uploaded file, sent and inflated alike. It is never held in memory."""
    max_requests: int = Field(128, ge=1)
    """Requests with events at the same time; more are told to come back (429)."""
    max_bytes_in_flight: int = Field(128 * MEBIBYTE, ge=ALWAYS_TAKEN)
    """Bytes of all bodies that are being read or published; more are told to come back."""
    max_uploads: int = Field(8, ge=1)
    """Uploads that are received at the same time."""
    publish_timeout_s: float = Field(4.0, gt=0)
    """How long a request waits for Kafka before it is told to come back (503)."""
    sources: Path | None = None
    """The folder with mappings of other systems' payloads; none, no doors for them."""
