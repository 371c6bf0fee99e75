"""Ports of a stack: the one that is set, else the one it had, else a free one."""

import os
import socket
import zlib
from collections.abc import Collection
from typing import Final

from deploy.local.home import PREFIX, SERVICES, Home, LocalError, read_json, write_json

LISTENERS: Final = ("kafka", "controller", "postgres", "smtp", "issuer", *SERVICES)
# Below the range that systems take for outgoing connections, so that none of those sits on a
# port while its owner restarts.
FIRST: Final = 20_000
COUNT: Final = 10_000


def choose_ports(home: Home, in_use: Collection[str]) -> dict[str, int]:
    """A port for every listener of the stack.

    Those `in_use` by a running part keep theirs. Raises LocalError when `MILEPOST_…_PORT` names a
    port that another program holds.
    """
    kept: dict[str, int] = read_json(home.port_file)
    chosen: dict[str, int] = {}
    for name in LISTENERS:
        if name in in_use and name in kept:
            chosen[name] = kept[name]
        else:
            chosen[name] = _choose(home, name, kept, chosen.values())
    write_json(home.port_file, dict(chosen))
    return chosen


def _choose(home: Home, name: str, kept: dict[str, int], taken: Collection[int]) -> int:
    wanted = os.environ.get(f"{PREFIX}{name.upper()}_PORT")
    if wanted:
        return _as_set(name, wanted)
    if name in kept and kept[name] not in taken and is_free(kept[name]):
        return kept[name]
    reserved = {*taken, *kept.values()}
    return next(port for port in _candidates(home, name) if port not in reserved and is_free(port))


def _as_set(name: str, wanted: str) -> int:
    variable = f"{PREFIX}{name.upper()}_PORT"
    if not wanted.isdecimal() or not 0 < int(wanted) < 1 << 16:
        raise LocalError(f"{variable}={wanted} is no port")
    if not is_free(int(wanted)):
        raise LocalError(f"{variable}={wanted}: another program listens there")
    return int(wanted)


def _candidates(home: Home, name: str) -> list[int]:
    # Each stack begins elsewhere, so that two that start at once do not meet.
    start = zlib.crc32(f"{home.folder}\n{name}".encode()) % COUNT
    return [FIRST + (start + step) % COUNT for step in range(COUNT)]


def is_free(port: int) -> bool:
    """Whether this machine lets a program listen on a port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
