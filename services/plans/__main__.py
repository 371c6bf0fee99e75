"""`python -m services.plans` runs the service."""

from services.plans.app import build
from services.plans.contract import SERVICE
from services.plans.settings import PlansSettings
from shared.runtime.settings import load
from shared.web.app import run

if __name__ == "__main__":
    settings = load(PlansSettings)
    run(build(settings), SERVICE, settings)
