"""`python -m services.notifier` runs the service; with `doctor`, it looks at how mails are sent."""

import sys

import typer

from services.notifier.app import NAME, build
from services.notifier.doctor import examine
from services.notifier.settings import NotifierSettings
from shared.runtime.settings import load
from shared.web.app import run

if __name__ == "__main__":
    if sys.argv[1:2] == ["doctor"]:
        del sys.argv[1]
        typer.run(examine)
    else:
        settings = load(NotifierSettings)
        run(build(settings), NAME, settings)
