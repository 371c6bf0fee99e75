"""Builds `.venv` from the hashed lock, and says how far it is. Needs nothing but Python itself.

`python deploy/prepare.py` prepares; `python deploy/prepare.py lock` writes the locks anew.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin" / "python"
READY = VENV / ".prepared"
LOCK = CHECKOUT / "requirements" / "dev.txt"
LOCKER = "uv==0.13.9"
OLDEST = (3, 11)


def prepare() -> None:
    """Bring `.venv` to what the lock says; at once when it is there already."""
    with (CHECKOUT / ".venv.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
        if _works() and READY.exists() and READY.read_text() == wanted:
            READY.touch()
            return
        began = time.monotonic()
        if not _works():
            _make_environment()
        _install()
        READY.write_text(wanted)
        _say(f".venv is ready ({time.monotonic() - began:.0f} s)")


def _works() -> bool:
    """Whether `.venv` has a Python that runs, and the one that was asked for, if one was."""
    test = "import sys; print(*sys.version_info[:2])"
    try:
        found = subprocess.run([PYTHON, "-c", test], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    version = tuple(map(int, found.stdout.split()))
    return version == sys.version_info[:2] if os.environ.get("PYTHON") else version >= OLDEST


def _make_environment() -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    _say(f"making .venv with Python {version} ({sys.executable})")
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", VENV], check=False)
    if made.returncode:
        sys.exit("error: this Python cannot make environments (on Debian: install python3-venv)")


def _install() -> None:
    total = sum(1 for line in LOCK.read_text().splitlines() if "==" in line)
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["--require-hashes", "--requirement", str(LOCK)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=CHECKOUT
    )
    lines = list(_show(process.stdout or (), total))
    if process.wait():
        sys.exit("\n".join([*lines[-20:], "error: the packages could not be installed"]))


def _show(output: Iterable[str], total: int) -> Iterator[str]:
    """Pass pip's lines on, and tell now and then what it does."""
    seen = 0
    for line in output:
        words = line.split()
        if words[:1] == ["Collecting"]:
            seen += 1
            if seen % 10 == 1:
                _say(f"fetching package {seen} of {total}: {words[1].partition('==')[0]}")
        elif line.startswith("Installing collected packages"):
            _say("installing")
        yield line.rstrip()


def write_locks() -> None:
    """Resolve `requirements/*.in` into locks that hold hashes and no addresses."""
    tools = CHECKOUT / ".venv-lock"
    subprocess.run([sys.executable, "-m", "venv", tools], check=True)
    subprocess.run([tools / "bin" / "pip", "install", "--quiet", LOCKER], check=True)
    options = ["--universal", "--python-version", "3.11", "--generate-hashes", "--quiet"]
    options += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
    for name, constraint in (("runtime", []), ("dev", ["--constraint", "runtime.txt"])):
        command = [str(tools / "bin" / "uv"), "pip", "compile", *options, *constraint]
        command += [f"{name}.in", "--output-file", f"{name}.txt", *sys.argv[2:]]
        subprocess.run(command, check=True, cwd=LOCK.parent)
    shutil.rmtree(tools)


def _say(what: str) -> None:
    sys.stderr.write(f"  {what}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    if sys.argv[1:2] == ["lock"]:
        write_locks()
    else:
        prepare()
