"""Calls of other services with the notifier's own token."""

from collections.abc import Mapping
from typing import Any, Final

import httpx

from services.notifier.settings import NotifierSettings
from shared.runtime.tracing import outgoing

TIMEOUT_S: Final = 30.0


class ServiceCalls:
    """An HTTP client that carries the service's token; its file is read again each time."""

    def __init__(self, settings: NotifierSettings, client: httpx.AsyncClient | None = None) -> None:
        self._settings = settings
        self._client = client or httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False)

    async def post(self, url: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        """Post JSON. Raises httpx.HTTPError where nobody answers."""
        headers = service_headers(self._settings) | outgoing()
        return await self._client.post(url, json=body, headers=headers)

    async def close(self) -> None:
        await self._client.aclose()


def service_headers(settings: NotifierSettings) -> dict[str, str]:
    """The header that carries the service's token."""
    file = settings.service_token_file
    token = file.read_text() if file else settings.service_token.get_secret_value()
    return {"Authorization": f"Bearer {token.strip()}"}
