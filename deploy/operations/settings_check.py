"""Whether the services would start with the settings that they are given."""

import os
import re
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
        "SERVICE",
        *(f"{name.upper()}_PASSWORD" for name in SERVICES),
        *(f"{name.upper()}_URL" for name in SERVICES),
    }
)
"""Variables that images and the tools under `deploy` read, and no settings of a service."""
OF_SOURCES: Final = re.compile(r"SOURCE_[A-Z0-9_]+_(SECRET|KEY)")
"""Ingest itself looks whether there is a source of that name."""


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
        spellings = {name, name.removesuffix("_FILE")}
        if not variable.startswith(PREFIX) or known & spellings:
            continue
        if not any(map(OF_SOURCES.fullmatch, spellings)):
            yield variable
