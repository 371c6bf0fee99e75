"""`python deploy/slim.py SITE_PACKAGES`: take out of an image what no service of it ever loads.

Debug symbols are stripped beside this, by binutils. What is taken out here is what packages carry
for their own builds, for other brokers, for colouring source code, and locales beyond those that
`KEPT_LANGUAGES` names: a browser that asks for another is answered in the organization's locale.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

SOURCES: Final = ("*.c", "*.h", "*.pxd", "*.pxi", "*.pyi", "*.pyx", "*.rs")
OTHER_BROKERS: Final = ("confluent", "mqtt", "nats", "rabbit", "redis")
# Loaded only where traces are sent, or by the operator's command line: compiled then.
SELDOM: Final = (
    *("charset_normalizer", "google", "opentelemetry/proto", "requests", "urllib3"),
    *("pygments", "rich", "typer"),
)
KEPT_LEXERS: Final = ("__init__.py", "_mapping.py")
KEPT_LANGUAGES: Final = frozenset(
    "ar bg cs da de el en es et fi fr he hi hr hu id it ja ko lt lv ms nb nl nn no pl pt ro root "
    "ru sk sl sr sv th tr uk vi zh".split()
)


def unneeded(packages: Path) -> Iterator[Path]:
    """The files below a folder of packages that go."""
    for pattern in (*SOURCES, "*.dist-info/RECORD"):
        yield from packages.rglob(pattern)
    for broker in OTHER_BROKERS:
        yield from packages.glob(f"faststream/{broker}/**/*.*")
    for name in SELDOM:
        yield from (packages / name).rglob("*.pyc")
    lexers = packages.glob("pygments/lexers/*.py")
    yield from (file for file in lexers if file.name not in KEPT_LEXERS)
    locales = packages.glob("babel/locale-data/*.dat")
    yield from (file for file in locales if file.stem.partition("_")[0] not in KEPT_LANGUAGES)


if __name__ == "__main__":
    for found in list(unneeded(Path(sys.argv[1]))):
        found.unlink()
