"""`python -m services.progress` runs the service."""

from services.progress.app import build
from services.progress.contract import SERVICE
from services.progress.settings import ProgressSettings
from shared.runtime.settings import load
from shared.web.app import run

if __name__ == "__main__":
    settings = load(ProgressSettings)
    run(build(settings), SERVICE, settings)
