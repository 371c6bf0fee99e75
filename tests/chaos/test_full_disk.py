"""A disk that is full under the ledger: readiness tells, nothing is lost, and room is enough."""

import errno
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from deploy.local.home import Home
from deploy.local.postgres import system_user
from tests.backends.base import run
from tests.backends.stack import RunningStack
from tests.chaos.play import Play, all_is_right
from tests.chaos.upstream import Upstream
from tests.flow.doors import eventually

pytestmark = [pytest.mark.chaos, pytest.mark.flow, pytest.mark.slow]

SIZE = "96m"
A_PIECE = b"\0" * 8192


@pytest.fixture
def small_disk(play: Play) -> Iterator[Path]:
    """A file system of its own with room for a small ledger; the ledger's tables move there."""
    if "postgres" not in play.stack.description["pids"]:
        pytest.skip("the disk is of a PostgreSQL on this machine, not in a container")
    folder = Home(play.stack.home).postgres.with_name("small")
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        pytest.skip("this user cannot mount a file system")
    try:
        owner = system_user()
        if owner:
            shutil.chown(folder, owner, owner)
        play.stack.kill("progress", signal.SIGTERM)
        run(lambda: move_ledger(play.stack, folder))
        play.stack.restart()
        yield folder
        play.stack.down()
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def move_ledger(stack: RunningStack, to: Path) -> None:
    connection = await asyncpg.connect(stack.description["postgres"])
    await connection.execute(f"CREATE TABLESPACE small LOCATION '{to}'")
    for kind in ("TABLE", "INDEX"):
        await connection.execute(
            f"ALTER {kind} ALL IN TABLESPACE pg_default OWNED BY milepost_progress_owner"
            " SET TABLESPACE small"
        )
    await connection.close()


def fill(folder: Path) -> Path:
    """A file that takes all the room that is left."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(A_PIECE)
            except OSError as failure:
                if failure.errno == errno.ENOSPC:
                    return filler
                raise


def readiness(stack: RunningStack, service: str) -> tuple[int, str]:
    answer = httpx.get(f"{stack.description[service]}/readyz", timeout=10, trust_env=False)
    return answer.status_code, answer.text


def test_a_full_disk_loses_nothing_and_room_is_enough(play: Play, small_disk: Path) -> None:
    with Upstream(play.doors, [*play.plans], play.first_day, 120) as upstream:
        filler = fill(small_disk)
        status, said = eventually(
            lambda: readiness(play.stack, "progress"), lambda found: found[0] == 503, within=60
        )
        assert (status, "batches wait for the database" in said) == (503, True)
        assert readiness(play.stack, "ingest")[0] == 200
        play.jump_over_the_next_due()
        told = len(upstream.told)
        eventually(lambda: len(upstream.told), lambda now: now > told + 20)
        filler.unlink()
        eventually(
            lambda: readiness(play.stack, "progress"), lambda found: found[0] == 200, within=60
        )
    all_is_right(play, upstream)
    assert os.statvfs(small_disk).f_bavail
