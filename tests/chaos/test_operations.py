"""What operators do and meet: replicas come and go, versions side by side, a restored database."""

import io
import os
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deploy.local.home import CHECKOUT, Home
from deploy.local.postgres import binaries, system_user
from tests.backends.stack import RunningStack
from tests.chaos.play import Play, all_is_right
from tests.chaos.replicas import Replica, beside
from tests.chaos.upstream import Upstream
from tests.flow.doors import eventually, fresh

pytestmark = [pytest.mark.chaos, pytest.mark.flow, pytest.mark.slow]

REBALANCES = int(os.environ.get("MILEPOST_REBALANCES", "6"))
TAKEN_OVER_WITHIN_S = 30.0


@contextmanager
def replicas(stack: RunningStack, *names: str) -> Iterator[list[Replica]]:
    """More processes of progress, as long as the block lasts."""
    with ExitStack() as closing:
        made = [beside(stack, "progress", name) for name in names]
        for replica in made:
            closing.callback(replica.close)
            replica.start()
        for replica in made:
            replica.until_it_is_ready()
        yield made


def test_three_replicas_go_through_rebalances_under_load(play: Play) -> None:
    """Each going and each coming is one for the group; every third goes without a word."""
    with (
        replicas(play.stack, "second", "third") as others,
        Upstream(play.doors, [*play.plans], play.first_day, 90) as upstream,
    ):
        for step in range(REBALANCES // 2):
            replica = others[step % 2]
            replica.kill(signal.SIGKILL if step % 3 == 2 else signal.SIGTERM)
            if step == 1:
                play.jump_over_the_next_due()
            replica.start()
            replica.until_it_is_ready()
    all_is_right(play, upstream)


def test_what_a_dead_replica_held_is_taken_over(play: Play) -> None:
    """Leads of many partners, in all partitions: all of them show although their reader died."""
    partners = [play.doors.partner(admins=[]) for _ in range(12)]
    plans = [play.doors.plan(play.strategy, partner)["plan_id"] for partner in partners]

    def leads() -> list[str]:
        at = f"{play.first_day}T12:00:00Z"
        return [lead_count(play.doors.progress(plan, at=at)) for plan in plans]

    eventually(leads, lambda found: found == ["0"] * len(plans))
    with replicas(play.stack, "fourth") as (other,):
        other.kill()
        began = time.monotonic()
        for partner in partners:
            told = {"lead_id": fresh("l"), "version": 1, "captured_on": str(play.first_day)}
            play.doors.tell("lead", partner_id=partner, **told)
        eventually(leads, lambda found: found == ["1"] * len(plans), within=TAKEN_OVER_WITHIN_S)
        print(f"all figures stand {time.monotonic() - began:.1f} s after the death")  # noqa: T201


def lead_count(answer: dict[str, object]) -> str:
    groups: list[dict[str, list[dict[str, str]]]] = answer["goal_groups"]  # type: ignore[assignment]
    return next(
        goal["value"]
        for group in groups
        for goal in group["goals"]
        if goal["type"] == "registered_leads"
    )


@pytest.fixture(scope="session")
def version_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code as it was before the newest migration, unpacked into a folder."""

    def git(*arguments: str) -> bytes:
        return subprocess.run(
            ["git", *arguments], cwd=CHECKOUT, capture_output=True, check=True
        ).stdout

    try:
        newest = (
            git("log", "-1", "--format=%H", "--", "services/*/migrations/*.sql").decode().strip()
        )
        archive = git("archive", f"{newest}^", "services", "shared", "deploy")
    except (OSError, subprocess.CalledProcessError) as failure:
        pytest.skip(f"the history of this checkout is not here: {failure}")
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return folder


def test_the_version_before_works_beside_this_one_and_instead_of_it(
    play: Play, version_before: Path
) -> None:
    """On the new version's schema: two of progress at once, then each service as it was."""
    stack = play.stack
    services = ("plans", "progress", "notifier")
    ports = {name: urlsplit(stack.description[name]).port for name in services}
    with (
        ExitStack() as closing,
        Upstream(play.doors, [*play.plans], play.first_day, 100) as upstream,
    ):
        second = beside(stack, "progress", "progress-before", checkout=version_before)
        instead = [
            beside(stack, name, f"{name}-before", port=ports[name], checkout=version_before)
            for name in services
        ]
        for replica in (second, *instead):
            closing.callback(replica.close)
        second.start()
        second.until_it_is_ready()
        for name in services:
            stack.kill(name, signal.SIGTERM)
        for replica in instead:
            replica.start()
        for replica in instead:
            replica.until_it_is_ready()
        play.jump_over_the_next_due()
        time.sleep(2)
        for replica in (second, *instead):
            replica.kill(signal.SIGTERM)
        stack.restart()
    all_is_right(play, upstream)


def test_a_database_restored_to_an_earlier_moment_catches_up_from_the_topics(play: Play) -> None:
    stack = play.stack
    if "postgres" not in stack.description["pids"]:
        pytest.skip("the backup is of a PostgreSQL on this machine, not in a container")
    folder = Home(stack.home).postgres
    backup = folder.with_name("backup")
    with Upstream(play.doors, [*play.plans], play.first_day, 110) as upstream:
        time.sleep(1)
        take_backup(stack, backup)
        newcomer = play.doors.partner(admins=[])
        time.sleep(2)
        for part in ("ingest", "plans", "progress", "notifier", "postgres"):
            stack.kill(part, signal.SIGINT if part == "postgres" else signal.SIGTERM)
        shutil.rmtree(folder)
        backup.rename(folder)
        stack.restart()
    all_is_right(play, upstream)
    # The copies that plans keeps of what others tell came forward too.
    play.doors.plan(play.strategy, newcomer)


def take_backup(stack: RunningStack, to: Path) -> None:
    """A base backup of the running server, with the log it needs to be consistent."""
    to.mkdir(mode=0o700)
    owner = system_user()
    if owner:
        shutil.chown(to, owner, owner)
    command = [str(binaries() / "pg_basebackup"), "-d", stack.description["postgres"]]
    subprocess.run(
        [*command, "-D", str(to), "--checkpoint=fast", "--wal-method=stream"],
        check=True,
        user=owner,
        group=owner,
        extra_groups=[] if owner else None,
        cwd="/",
    )
