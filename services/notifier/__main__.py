"""`python -m services.notifier` runs the service."""

from services.notifier.app import NAME, build
from services.notifier.settings import NotifierSettings
from shared.runtime.settings import load
from shared.web.app import run

if __name__ == "__main__":
    settings = load(NotifierSettings)
    run(build(settings), NAME, settings)
