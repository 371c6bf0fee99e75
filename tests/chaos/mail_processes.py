"""What a notifier process is told, and a progress service of the test's own beside it."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.chaos.replicas import free_port
from tests.store.notifier_parts import statement


def environment_for(database_url: str, progress_url: str, **settings: Any) -> dict[str, str]:
    told = {
        "ENVIRONMENT": "local",
        "KAFKA": f"127.0.0.1:{free_port()}",  # nobody listens: ticks are laid into the table
        "DATABASE_URL": database_url,
        "OIDC_ISSUER": "https://issuer.example",
        "OIDC_JWKS": "none.json",
        "PROGRESS_URL": progress_url,
        "SERVICE_TOKEN": "token",
        "MAIL_FROM": "Milepost <milepost@mail.example>",
        "SMTP_DATA_TIMEOUT_S": "2",
        "MAIL_RETRY_FIRST_S": "0.2",
        "MAIL_RETRY_LONGEST_S": "1",
        "WORKER_LEASE_S": "2",
        **{name.upper(): str(value) for name, value in settings.items()},
    }
    outside = {name: value for name, value in os.environ.items() if "MILEPOST" not in name}
    return outside | {f"MILEPOST_{name}": value for name, value in told.items()}


@asynccontextmanager
async def progress_service(
    statements: dict[str, dict[str, Any]],
) -> AsyncIterator[str]:
    """A progress service that knows these statements, as long as the block lasts; its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                asked = json.loads(await reader.readexactly(length))["tick_ids"]
                found = [statements[one] for one in asked if one in statements]
                body = json.dumps({"statements": found}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
                writer.write(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def statements_of(plans: list[str]) -> dict[str, dict[str, Any]]:
    made = [statement(plan, f"a@{plan}.example") for plan in plans]
    return {one["tick_id"]: one for one in made}
