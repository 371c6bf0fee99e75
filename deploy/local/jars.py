"""Kafka's jars: resolved once by `jgo`, checked against the hashes in `kafka.lock`, then shared.

The cache is common to all stacks of a user: `MILEPOST_CACHE`, else `~/.cache/milepost`.
`python -m deploy.local.jars` writes the lock anew after the version has been changed here.
"""

import fcntl
import hashlib
import os
import shutil
import sys
from pathlib import Path
from typing import Final

from deploy.local.console import say
from deploy.local.home import PREFIX, LocalError

KAFKA: Final = "4.4.0"
# Resolved apart from each other: the second one's parent would drag in an older Kafka client.
COORDINATES: Final = (
    f"org.apache.kafka:kafka_2.13:{KAFKA}",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5",
)
LOCK: Final = Path(__file__).with_name("kafka.lock")


def cache() -> Path:
    """Where the jars lie."""
    given = os.environ.get(f"{PREFIX}CACHE")
    standard = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "milepost"
    return Path(given) if given else standard


def classpath() -> str:
    """Java's path to Kafka; fetches it first when it is not in the cache.

    Raises LocalError when a jar is not the one that the lock names.
    """
    folder = cache() / f"kafka-{KAFKA}-{_digest(LOCK)[:12]}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (folder.parent / f"{folder.name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not folder.exists():
                say(f"fetching Kafka {KAFKA}", "45 MB, once for all stacks")
                _fill(folder)
    return f"{folder}/*"


def _fill(folder: Path) -> None:
    draft = folder.with_suffix(".part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    found = _resolve()
    for name, digest in _locked().items():
        if name not in found or _digest(found[name]) != digest:
            raise LocalError(f"{name} is not the jar that {LOCK.name} names")
        shutil.copy(found[name], draft / name)
    draft.replace(folder)


def _resolve() -> dict[str, Path]:
    """Each jar by name. jgo is imported here: a warm start does without it."""
    from jgo.env import EnvironmentBuilder, LinkStrategy
    from jgo.maven import MavenContext

    builder = EnvironmentBuilder(
        context=MavenContext(), link_strategy=LinkStrategy.HARD, cache_dir=cache() / "jgo"
    )
    found: dict[str, Path] = {}
    for coordinate in COORDINATES:
        try:
            jars = builder.from_endpoint(coordinate).all_jars
        except Exception as failure:
            raise LocalError(f"{coordinate} could not be fetched: {failure}") from failure
        for jar in jars:
            found.setdefault(jar.name, jar)
    return found


def _locked() -> dict[str, str]:
    return {name: digest for digest, name in map(str.split, LOCK.read_text().splitlines())}


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def write_lock() -> None:
    """Resolve what the coordinates name now and write its hashes down."""
    lines = sorted((name, _digest(jar)) for name, jar in _resolve().items())
    LOCK.write_text("".join(f"{digest}  {name}\n" for name, digest in lines))


if __name__ == "__main__":
    write_lock()
    sys.stdout.write(f"{LOCK} holds {len(_locked())} jars\n")
