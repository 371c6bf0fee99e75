"""How far a service that accepts things has brought them into Kafka."""

from datetime import datetime
from typing import Final

from pydantic import Field

from shared.events.plans import Payload

WATERMARK_ADVANCED: Final = "milepost.watermark.advanced.v1"


class WatermarkAdvanced(Payload):
    """Everything that `instance` accepted before `complete_to` lies below `positions`.

    `positions` maps topic → partition → the offset after the last one written. `closed` is an
    instance's last word: it accepts nothing any more.
    """

    source: str
    instance: str
    complete_to: datetime
    positions: dict[str, dict[int, int]] = Field(default_factory=dict)
    closed: bool = False
