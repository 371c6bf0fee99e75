"""Bodies that strangers send: bounded as sent and as inflated, and never held beyond that."""

import zlib
from collections.abc import AsyncIterator, Callable
from typing import Final

from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect

from shared.web.problems import Problem

PIECE: Final = 256 * 1024
_GZIP: Final = 31  # zlib's number for a gzip header and trailer


def media_type_of(request: Request) -> tuple[str, dict[str, str]]:
    """The media type of the body in lower case, and its parameters."""
    kind, parameters = parse_options_header(request.headers.get("content-type", ""))
    named = {
        name.decode("latin-1").lower(): value.decode("latin-1")
        for name, value in parameters.items()
    }
    return kind.decode("latin-1").strip().lower(), named


async def pieces(request: Request, limit: int) -> AsyncIterator[bytes]:
    """The body as it arrives, inflated where it was sent as gzip.

    Raises a 413 problem as soon as more than `limit` bytes are announced, sent or inflated, 415
    for an encoding that is not known and 422 for gzip that is none.
    """
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > limit:
        raise too_large(limit)
    inflate = _inflating(request.headers.get("content-encoding", "identity"))
    sent = bounded(_sent(request), limit)
    try:
        async for piece in bounded(inflate(sent), limit):
            if piece:
                yield piece
    except zlib.error:
        raise Problem.at("", "the body is no gzip data, or it is cut off") from None


async def _sent(request: Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect:
        raise Problem(400, "The body ended too early") from None


async def bounded(parts: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """The same parts. Raises a 413 problem when they are more than `limit` bytes together."""
    total = 0
    async for part in parts:
        total += len(part)
        if total > limit:
            raise too_large(limit)
        yield part


def too_large(limit: int) -> Problem:
    return Problem(413, "The body is too large", f"at most {limit} bytes, sent and inflated alike")


def _inflating(encoding: str) -> Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]]:
    match encoding.strip().lower():
        case "" | "identity":
            return lambda parts: parts
        case "gzip" | "x-gzip":
            return _inflated
        case _:
            raise Problem(415, "Unknown content encoding", "send gzip, or no encoding at all")


async def _inflated(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """What gzip holds, member after member, in pieces of bounded size. Raises zlib.error."""
    member = zlib.decompressobj(_GZIP)
    begun = False
    async for part in parts:
        chunk = part
        while chunk:
            if member.eof:
                chunk = chunk.lstrip(b"\x00")  # gzip's padding
                member = zlib.decompressobj(_GZIP) if chunk else member
            if chunk:
                begun = True
                yield member.decompress(chunk, PIECE)
                chunk = member.unused_data if member.eof else member.unconsumed_tail
    if begun and not member.eof:
        raise zlib.error
