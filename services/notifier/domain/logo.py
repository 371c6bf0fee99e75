"""A logo as mails carry it: what the bytes are is read from them, whatever they are called."""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

LARGEST: Final = 64 * 1024
"""Bytes: every mail carries them."""
LONGEST_SIDE: Final = 2000
SHORTEST_SIDE: Final = 16
SHOWN_HEIGHT: Final = 40
SHOWN_WIDTH: Final = 240
PNG: Final = b"\x89PNG\r\n\x1a\n"
JPEG: Final = b"\xff\xd8\xff"
_CHUNK: Final = 12
"""Bytes of a PNG's chunk beside its content: length, name and checksum."""
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The JPEG segments that tell the size."""
_SCAN: Final = 0xDA
_END: Final = b"\xff\xd9"
_DRAWN = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<svg|<!DOCTYPE svg", re.IGNORECASE)


class LogoRefusedError(ValueError):
    """The file cannot be a logo; the message says why, and what can."""


@dataclass(frozen=True, slots=True)
class Logo:
    """An image that is what it says, and its size in pixels."""

    media_type: str
    width: int
    height: int
    content: bytes

    @property
    def digest(self) -> bytes:
        """Its identity: the same bytes are the same logo."""
        return sha256(self.content).digest()

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height in a mail: as large as the head of a mail allows, never enlarged."""
        scale = min(SHOWN_HEIGHT / self.height, SHOWN_WIDTH / self.width, 1.0)
        return max(1, round(self.width * scale)), max(1, round(self.height * scale))


def read_logo(content: bytes) -> Logo:
    """The logo that some bytes are. Raises LogoRefusedError."""
    if len(content) > LARGEST:
        raise LogoRefusedError(f"must have at most {LARGEST // 1024} KiB: every mail carries it")
    if content.startswith(PNG):
        media_type, (width, height) = "image/png", _png_size(content)
    elif content.startswith(JPEG):
        media_type, (width, height) = "image/jpeg", _jpeg_size(content)
    elif _DRAWN.match(content):
        raise LogoRefusedError("is an SVG, which mail programs do not show: give a PNG or JPEG")
    else:
        raise LogoRefusedError("must be a PNG or JPEG; its bytes are neither")
    if not all(SHORTEST_SIDE <= side <= LONGEST_SIDE for side in (width, height)):
        sides = f"{SHORTEST_SIDE} to {LONGEST_SIDE} pixels wide and high"
        raise LogoRefusedError(f"must be {sides}, not {width} × {height}")
    return Logo(media_type, width, height, content)


def _png_size(content: bytes) -> tuple[int, int]:
    chunks = list(_png_chunks(content))
    # A head of 13 bytes, pixels and an end at the least.
    if len(chunks) < 3 or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:  # noqa: PLR2004
        raise LogoRefusedError("is a broken PNG")
    if chunks[-1][0] != b"IEND" or not any(name == b"IDAT" for name, _ in chunks):
        raise LogoRefusedError("is a PNG that is not whole")
    head = chunks[0][1]
    return int.from_bytes(head[:4], "big"), int.from_bytes(head[4:8], "big")


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents up to the end, behind which nothing may stand."""
    at = len(PNG)
    while at < len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        name, inside = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        checksum = content[at + 8 + length : at + _CHUNK + length]
        if checksum != zlib.crc32(name + inside).to_bytes(4, "big"):
            raise LogoRefusedError("is a broken PNG")
        yield name, inside
        at += _CHUNK + length
        if name == b"IEND" and at != len(content):
            raise LogoRefusedError("is a PNG with something else behind it")


def _jpeg_size(content: bytes) -> tuple[int, int]:
    if not content.endswith(_END):
        raise LogoRefusedError("is a JPEG that is not whole, or has something else behind it")
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:  # noqa: PLR2004 - begins a segment
        kind = content[at + 1]
        if kind in _FRAMES:
            height, width = content[at + 5 : at + 7], content[at + 7 : at + 9]
            return int.from_bytes(width, "big"), int.from_bytes(height, "big")
        if kind == _SCAN:
            break
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    raise LogoRefusedError("is a broken JPEG")
