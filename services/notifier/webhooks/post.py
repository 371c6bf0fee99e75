"""One call of a webhook: the name resolved and judged, the connection to what was judged."""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import httpx

from services.notifier.domain.target import Target, TargetRefusedError, read_target, refusal
from services.notifier.domain.webhook import Reply

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a host and port. Raises OSError where there are none."""
AGENT: Final = "Milepost-Webhooks/1"
LONGEST_ERROR: Final = 200


class UnknownHostError(TargetRefusedError):
    """The name leads nowhere now."""


async def resolve(host: str, port: int) -> list[str]:
    """The addresses that the system's resolver knows."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class Poster:
    """Posts to webhooks: no redirects, no proxies, bounded time, and the answer's body unread."""

    def __init__(
        self,
        *,
        is_local: bool,
        timeout_s: float,
        resolver: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._is_local = is_local
        self._timeout_s = timeout_s
        self._resolve = resolver
        # A connection kept for one name must not serve another one at the same address.
        self._client = httpx.AsyncClient(
            verify=tls or ssl.create_default_context(),
            follow_redirects=False,
            trust_env=False,
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    async def check(self, url: str) -> tuple[Target, str]:
        """Where a URL leads, and the address to connect to. Raises TargetRefusedError."""
        target = read_target(url, is_local=self._is_local)
        try:
            async with asyncio.timeout(self._timeout_s):
                addresses = await self._resolve(target.host, target.port)
        except (OSError, UnicodeError):
            raise UnknownHostError("has a host that no name server knows now") from None
        for address in addresses:
            why = refusal(address, is_local=self._is_local)
            if why is not None:
                raise TargetRefusedError(f"leads to {address}, which {why}")
        if not addresses:
            raise UnknownHostError("has a host without an address")
        return target, addresses[0]

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Call a webhook. Never raises: whatever happens is a reply."""
        began = time.perf_counter()
        status, error = None, None
        try:
            async with asyncio.timeout(self._timeout_s):
                status = await self._post(url, headers, body)
        except TimeoutError:
            error = f"no answer within {self._timeout_s:g} s"
        except TargetRefusedError as failure:
            error = f"refused: the URL {failure}"
        except (httpx.HTTPError, OSError, ValueError) as failure:
            error = f"{type(failure).__name__}: {failure}"[:LONGEST_ERROR]
        return Reply(int((time.perf_counter() - began) * 1000), status, error)

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        target, address = await self.check(url)
        where = httpx.URL(url)
        request = self._client.build_request(
            "POST",
            where.copy_with(host=address),
            content=body,
            headers={
                **headers,
                "Host": where.netloc.decode("ascii"),
                "Content-Type": "application/json",
                "User-Agent": AGENT,
            },
            extensions={"sni_hostname": target.host},
        )
        answer = await self._client.send(request, stream=True)
        await answer.aclose()
        return answer.status_code

    async def close(self) -> None:
        await self._client.aclose()
