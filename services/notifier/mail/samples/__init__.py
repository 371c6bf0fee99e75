"""What sample mails are about: invented partners and people, for previews and tests."""

from functools import cache
from pathlib import Path
from typing import Final

from services.notifier.domain.delivery import message_id
from services.notifier.domain.statement import read_statement
from services.notifier.store import Claim
from shared.kernel.ids import new_id

HERE: Final = Path(__file__).parent
SAMPLE: Final = "sample"
NAME: Final = "Ana Díaz"


@cache
def sample_content(stream: str) -> str:
    """The statement of a stream's sample."""
    return (HERE / f"{stream}.json").read_text()


def sample_claim(stream: str, code: str, recipient: str, *, domain: str, name: str = NAME) -> Claim:
    """A mail of a stream in a language, as if it were due; its links lead nowhere."""
    content = sample_content(stream)
    told, key = read_statement(content), new_id()
    return Claim(
        delivery_id=key,
        tick_id=told.tick_id,
        stream=stream,
        plan_id=told.plan_id,
        period=told.period,
        recipient=recipient,
        recipient_name=name,
        message_id=message_id(key, domain),
        attempts=0,
        fence=0,
        content=content,
        token=SAMPLE,
        locale=code,
    )
