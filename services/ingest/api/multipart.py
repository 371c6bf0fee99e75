"""The file in a `multipart/form-data` body, a piece at a time."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from shared.web.problems import Problem

if TYPE_CHECKING:  # the library knows it only there
    from python_multipart.multipart import MultipartCallbacks

NO_FILE: Final = "the form must have a part with a file"


class _Parts:
    """What the parser finds: the content of the first part that is a file."""

    def __init__(self) -> None:
        self.content: list[bytes] = []
        self.found = False
        self._inside = False
        self._field = b""
        self._value = b""
        self._disposition = b""

    def callbacks(self) -> "MultipartCallbacks":
        """What the parser calls."""
        return {
            "on_part_begin": self._on_part_begin,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_part_data,
            "on_part_end": self._on_part_end,
        }

    def _on_part_begin(self) -> None:
        self._disposition = b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = self._value
        self._field = self._value = b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        is_file = b"filename" in options or options.get(b"name") == b"file"
        self._inside = is_file and not self.found
        self.found = self.found or is_file

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._inside:
            self.content.append(data[start:end])

    def _on_part_end(self) -> None:
        self._inside = False


async def file_in(body: AsyncIterator[bytes], boundary: str) -> AsyncIterator[bytes]:
    """The content of the first file in a form. Raises a 422 problem when there is none."""
    parts = _Parts()
    try:
        parser = MultipartParser(boundary, parts.callbacks())
        async for piece in body:
            parser.write(piece)
            for content in parts.content:
                yield content
            parts.content.clear()
        parser.finalize()
    except MultipartParseError as failure:
        raise Problem.at("", f"the body is no multipart form: {failure}") from None
    if not parts.found:
        raise Problem.at("/file", NO_FILE)
