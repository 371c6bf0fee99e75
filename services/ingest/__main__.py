"""`python -m services.ingest` runs the service."""

import sys

from services.ingest.app import NAME, build
from services.ingest.handlers.sources import SourceFaultError
from services.ingest.settings import IngestSettings
from shared.runtime.settings import load
from shared.web.app import run

if __name__ == "__main__":
    settings = load(IngestSettings)
    try:
        app = build(settings)
    except SourceFaultError as failure:
        sys.exit(f"error: {failure}")
    run(app, NAME, settings)
