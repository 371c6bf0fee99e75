"""The dead letters of all services of a running stack, over their doors for administrators."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import httpx

from deploy.local.home import SERVICES, LocalError

Description: TypeAlias = Mapping[str, Any]
"""What `stack.json` holds."""


def read(stack: Description, *, replayed: bool) -> Iterator[dict[str, Any]]:
    """Each dead letter with the service that has it.

    Raises LocalError after the last one when a service was away and could not tell its own.
    """
    away = []
    for service in SERVICES:
        try:
            for letter in _of(stack, service, replayed=replayed):
                yield {**letter, "service": service}
        except httpx.HTTPError as failure:
            away.append(f"{service} ({failure})")
    if away:
        raise LocalError(f"these do not tell their dead letters: {', '.join(away)}")


def _of(stack: Description, service: str, *, replayed: bool) -> Iterator[dict[str, Any]]:
    wanted: dict[str, Any] = {"replayed": replayed}
    with _client(stack, service) as client:
        while True:
            page = client.get("/v1/dead-letters", params=wanted).raise_for_status().json()
            yield from page["items"]
            if page["next"] is None:
                return
            wanted["cursor"] = page["next"]


def replay(stack: Description, letter_id: str, value: bytes) -> str:
    """Replay a dead letter at the service that has it, with another value when one is given.

    Gives the service's answer. Raises LocalError when no service has such a letter.
    """
    away = []
    for service in SERVICES:
        try:
            with _client(stack, service) as client:
                answer = client.post(f"/v1/dead-letters/{letter_id}/replay", content=value)
        except httpx.HTTPError as failure:
            away.append(f"{service} ({failure})")
            continue
        if answer.status_code == httpx.codes.NOT_FOUND:
            continue
        if answer.is_error:
            raise LocalError(f"{service} does not replay it: {answer.text}")
        return answer.text
    unknown = f"; could not ask {', '.join(away)}" if away else ""
    raise LocalError(f"no dead letter {letter_id}{unknown}")


def _client(stack: Description, service: str) -> httpx.Client:
    return httpx.Client(
        base_url=stack[service],
        headers={"Authorization": f"Bearer {stack['tokens']['administrator']}"},
        timeout=30,
        trust_env=False,
    )
