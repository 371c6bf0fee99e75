"""Static files under names that carry their content's hash, so that browsers keep them for ever."""

import gzip
import mimetypes
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from shared.web.problems import Problem

FOREVER: Final = "public, max-age=31536000, immutable"
OWN: Final = Path(__file__).parent / "static"
_TEXT: Final = frozenset({".css", ".js", ".svg", ".json"})
_TYPES: Final = {".js": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
# `import … from "./name.js"` in a module, `url(name.svg)` in a style sheet.
_REFERENCES: Final = {
    ".js": re.compile(r"""(?<=["'])\./([\w.-]+)(?=["'])"""),
    ".css": re.compile(r"""(?<=url\()([\w.-]+)(?=[)#])"""),
}


@dataclass(frozen=True)
class Asset:
    """A file as it is served."""

    name: str
    media_type: str
    content: bytes
    compressed: bytes | None


class Assets:
    """The files of some folders, read once. `milepost.css` is served as `milepost.HASH.css`.

    What a style sheet or a module names is renamed in it, so that it follows. Raises ValueError for
    two files of one name, and for modules that import each other in a circle.
    """

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        self._files: dict[str, Path] = {}
        self._by_name: dict[str, Asset] = {}
        self._by_served_name: dict[str, Asset] = {}
        for folder in (OWN, *folders):
            self._collect(folder)
        for name in self._files:
            self._prepare(name, ())

    def _collect(self, folder: Path) -> None:
        for path in sorted(folder.iterdir()):
            if path.name in self._files:
                raise ValueError(f"{path.name} is in {self._files[path.name].parent} and {folder}")
            if path.is_file():
                self._files[path.name] = path

    def served_name(self, name: str) -> str:
        """The name that a file is served by. Raises KeyError for a file that is not there."""
        return self._by_name[name].name

    def find(self, served_name: str) -> Asset | None:
        """The file with a served name."""
        return self._by_served_name.get(served_name)

    def _prepare(self, name: str, on_the_way: tuple[str, ...]) -> str:
        if name in on_the_way:
            raise ValueError(f"static files name each other in a circle: {(*on_the_way, name)}")
        if name not in self._by_name:
            path = self._files[name]
            content = self._with_served_names(path, (*on_the_way, name))
            made = _asset(path, content)
            self._by_name[name] = self._by_served_name[made.name] = made
        return self._by_name[name].name

    def _with_served_names(self, path: Path, on_the_way: tuple[str, ...]) -> bytes:
        content = path.read_bytes()
        references = _REFERENCES.get(path.suffix)
        if references is None:
            return content

        def renamed(found: re.Match[str]) -> str:
            prefix = "./" if path.suffix == ".js" else ""
            return prefix + self._prepare(found[1], on_the_way)

        return references.sub(renamed, content.decode()).encode()


def _asset(path: Path, content: bytes) -> Asset:
    digest = sha256(content).hexdigest()[:10]
    guessed = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    text = path.suffix in _TEXT
    return Asset(
        name=f"{path.stem}.{digest}{path.suffix}",
        media_type=_TYPES.get(path.suffix, guessed),
        content=content,
        compressed=gzip.compress(content, mtime=0) if text else None,
    )


def assets_router(assets: Assets) -> APIRouter:
    """The door of the static files."""
    router = APIRouter(prefix="/static", include_in_schema=False)

    @router.get("/{name}")
    async def static(request: Request, name: str) -> Response:
        """One file. Its name changes with its content, so that it never has to be asked again."""
        found = assets.find(name)
        if found is None:
            raise Problem(404)
        headers = {"Cache-Control": FOREVER, "Vary": "Accept-Encoding"}
        content = found.content
        if found.compressed and "gzip" in request.headers.get("accept-encoding", ""):
            content, headers["Content-Encoding"] = found.compressed, "gzip"
        return Response(content, headers=headers, media_type=found.media_type)

    return router
