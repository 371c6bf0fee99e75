"""Pages behind a mail's links, in the languages that mails are written in."""

import re
from typing import Any

import pytest

from services.notifier.domain.language import LANGUAGES, Code
from services.notifier.mail.rendering import page_template

VALUES: dict[str, dict[str, Any]] = {
    "preferences.html": {
        "recipient": "ann@one.example",
        "streams": [{"stream": "partner_progress", "words": "mails", "stopped": None}],
        "languages": list(LANGUAGES.values()),
        "chosen": "de",
    },
    "unsubscribe.html": {"recipient": "ann@one.example", "mails": "mails", "preferences": "/p"},
    "participation.html": {"step": "opt_out"},
}


@pytest.mark.parametrize("code", list(LANGUAGES))
@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("name", list(VALUES))
def test_a_page_is_in_its_language_and_has_one_heading(
    name: str, code: Code, *, done: bool
) -> None:
    page = page_template(name, code).render(**VALUES[name], is_done=done, stopped=done)
    assert f'<html lang="{code}"' in page
    assert len(re.findall("<h1>", page)) == 1
    if code == "de":
        words = re.sub(r"<style.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)
        assert not re.search(r"\b(your|the|will|gets|stop)\b", words.lower())


def test_a_language_is_chosen_by_its_own_name() -> None:
    page = page_template("preferences.html", "en").render(**VALUES["preferences.html"])
    assert '<option value="de" lang="de" selected>Deutsch</option>' in page
    assert '<label for="language">Language</label>' in page
