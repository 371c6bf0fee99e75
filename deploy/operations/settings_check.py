"""Whether the services would start with the settings that they are given."""

import os
from collections.abc import Iterator
from typing import Final

from deploy.local.home import PREFIX, SERVICES, Home
from deploy.operations.doors import Item
from deploy.operations.place import environment_of
from services.ingest.settings import IngestSettings
from services.notifier.settings import NotifierSettings
from services.plans.settings import PlansSettings
from services.progress.settings import ProgressSettings
from shared.runtime.settings import ServiceSettings, find_flaws

SETTINGS: Final[dict[str, type[ServiceSettings]]] = {
    "ingest": IngestSettings,
    "plans": PlansSettings,
    "progress": ProgressSettings,
    "notifier": NotifierSettings,
}
OTHERS: Final = frozenset(
    {
        "ADMIN_DATABASE_URL",
        "CLOCK",
        "HOME",
        "OPERATOR_TOKEN",
        "OUTSIDE_KAFKA",
        "OUTSIDE_POSTGRES",
        "REPLICATION",
        *(f"{name.upper()}_PASSWORD" for name in SERVICES),
        *(f"{name.upper()}_URL" for name in SERVICES),
    }
)
"""Variables that the tools under `deploy` read, and no service."""


def check(home: Home | None, services: list[str]) -> list[Item]:
    """What is wrong for each service: its own environment in a local stack, else this one."""
    found: list[Item] = []
    for service in services:
        with environment_of(home, service):
            found.append({"service": service, "errors": find_flaws(SETTINGS[service])})
    return found


def unknown_variables() -> Iterator[str]:
    """Variables with the prefix that nothing reads: most likely misspelled."""
    known = {name.upper() for kind in SETTINGS.values() for name in kind.model_fields} | OTHERS
    for variable in sorted(os.environ):
        name = variable.removeprefix(PREFIX)
        if variable.startswith(PREFIX) and known.isdisjoint((name, name.removesuffix("_FILE"))):
            yield variable
