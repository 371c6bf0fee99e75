"""`python -m services.ingest` runs the service."""

from services.ingest.app import NAME, build
from services.ingest.settings import IngestSettings
from shared.web.app import run

if __name__ == "__main__":
    settings = IngestSettings()
    run(build(settings), NAME, settings)
