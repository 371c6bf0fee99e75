"""SQL lives in `.sql` files as named blocks; a block is `-- name: verb_phrase` and what follows."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

_NAME = re.compile(r"^-- name: *(\w+) *$", re.MULTILINE)


class Queries(Mapping[str, str]):
    """The named blocks of a `.sql` file, or of all those in a folder.

    Raises ValueError when two blocks carry the same name, KeyError for a name that none has.
    """

    def __init__(self, source: Path) -> None:
        files = sorted(source.glob("*.sql")) if source.is_dir() else [source]
        self._blocks: dict[str, str] = {}
        for file in files:
            self._read(file)

    def _read(self, file: Path) -> None:
        _, *parts = _NAME.split(file.read_text())
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            if name in self._blocks:
                raise ValueError(f"{file}: a second block named {name}")
            self._blocks[name] = text.strip()

    def __getitem__(self, name: str) -> str:
        return self._blocks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._blocks)

    def __len__(self) -> int:
        return len(self._blocks)
