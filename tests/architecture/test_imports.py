"""Importing a module starts nothing, and services know nothing of each other."""

import json
import subprocess
import sys

from tests.architecture.source import ROOT, SERVICES, own, product

# Runs in a process of its own: imports everything, noting whatever reaches outside meanwhile.
_WATCH = """
import importlib, json, sys, threading
touched = []
forbidden = ("socket.connect", "socket.bind", "subprocess.Popen", "os.fork", "os.exec", "os.system")
def watch(event, arguments):
    if event in forbidden or (event == "open" and _writes(arguments)):
        touched.append([event, repr(arguments)[:200]])
def _writes(arguments):
    path, mode, flags = arguments
    text = str(path)
    return isinstance(mode, str) and any(c in mode for c in "wax+") and "__pycache__" not in text
modules = json.loads(sys.argv[1])
before = threading.active_count()
sys.addaudithook(watch)
for name in modules:
    importlib.import_module(name)
print(json.dumps({"touched": touched, "threads": threading.active_count() - before}))
"""


def test_importing_any_module_starts_nothing() -> None:
    names = [module.dotted for module in product() if module.path.stem != "__main__"]
    done = subprocess.run(
        [sys.executable, "-c", _WATCH, json.dumps(names)],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == {"touched": [], "threads": 0}


def test_services_do_not_import_each_other() -> None:
    found = [
        f"{module.name} imports {name}"
        for service in SERVICES
        for module in own(f"services/{service}/")
        for name in sorted(module.imports())
        if name.startswith("services.") and not f"{name}.".startswith(f"services.{service}.")
    ]
    assert found == []


def test_what_is_shared_knows_no_service_and_no_deployment() -> None:
    found = [
        f"{module.name} imports {name}"
        for module in own("shared/")
        for name in sorted(module.imports())
        if name.startswith(("services", "deploy"))
    ]
    assert found == []


def test_services_know_no_deployment_and_the_product_knows_no_tests() -> None:
    found = [
        f"{module.name} imports {name}"
        for module in product()
        for name in sorted(module.imports())
        if name.startswith(("tests", "bench"))
        or (name.startswith("deploy") and not module.name.startswith("deploy/"))
    ]
    assert found == []
