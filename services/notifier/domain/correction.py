"""One line on a figure that an earlier mail told otherwise: what it is, what it was, and why."""

from typing import Final

from services.notifier.domain.language import Language
from services.notifier.domain.statement import CorrectedRecord, Correction
from services.notifier.domain.wording import behind, one_line

LONGEST_NAME: Final = 80


def correction_line(told: Correction, language: Language) -> str:
    """The line under a goal's figures; the same in both parts of a mail."""
    key = "corrected_quarter" if told.quarter else "corrected"
    figures = language.say(
        key,
        day=language.day(told.day),
        was=language.figure(told.was),
        value=language.figure(told.value),
        quarter=told.quarter,
        unit=behind(told.unit),
    )
    reasons = [_reason(one, language) for one in told.records]
    if told.more:
        reasons.append(
            language.say("more_change")
            if told.more == 1
            else language.say("more_changes", number=told.more)
        )
    return (
        f"{figures} {language.say('because', reasons='; '.join(reasons))}" if reasons else figures
    )


def _reason(one: CorrectedRecord, language: Language) -> str:
    kind, _, record_id = one.record.partition("/")
    # Ids are cut like names: an id may be as long as a name.
    called = one_line(one.name or record_id, LONGEST_NAME)
    what = language.say(f"record_{kind}", name=called)
    return language.say(
        f"change_{one.change}",
        what=what,
        was=language.figure(one.was or ""),
        value=language.figure(one.value or ""),
    )
