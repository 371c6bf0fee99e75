"""The services' doors for administrators."""

from collections.abc import Iterator
from typing import Any, Final

import httpx

from deploy.local.home import LocalError
from deploy.operations.place import Place

PATIENCE_S: Final = 30.0
PAGE: Final = 500

Item = dict[str, Any]


def client(place: Place, service: str, *, timeout_s: float = PATIENCE_S) -> httpx.Client:
    """A client for one service, with the operator's token."""
    return httpx.Client(
        base_url=place.urls[service],
        headers={"Authorization": f"Bearer {place.token}"},
        timeout=timeout_s,
        trust_env=False,
    )


def ask(place: Place, service: str, method: str, path: str, **options: Any) -> Any:
    """A service's answer. Raises LocalError saying who did not answer, or what was refused."""
    timeout_s = options.pop("timeout_s", PATIENCE_S)
    try:
        with client(place, service, timeout_s=timeout_s) as door:
            answer = door.request(method, path, **options)
    except httpx.HTTPError as failure:
        where = place.urls[service]
        raise LocalError(f"{service} does not answer at {where}: {failure!r}") from None
    if answer.is_error:
        raise LocalError(f"{service} refuses {method} {path}: {_reason(answer)}")
    return answer.json()


def _reason(answer: httpx.Response) -> str:
    hint = {401: "; is the token still valid?", 403: "; it takes the role administrator"}
    try:
        problem = answer.json()
        said = problem.get("detail") or problem.get("title")
        flaws = [f"{e['pointer']} {e['detail']}" for e in problem.get("errors", [])]
        text = "; ".join(filter(None, [said, *flaws]))
    except (ValueError, AttributeError, KeyError, TypeError):
        text = answer.text[:200]
    return f"{answer.status_code} {text}{hint.get(answer.status_code, '')}"


def listed(place: Place, service: str, path: str, most: int, **wanted: Any) -> Iterator[Item]:
    """The items of a list, page by page, as many as are wanted."""
    given = {name: value for name, value in wanted.items() if value is not None}
    cursor, left = None, most
    while left > 0:
        asked = {**given, "limit": min(left, PAGE)} | ({"cursor": cursor} if cursor else {})
        page = ask(place, service, "GET", path, params=asked)
        yield from page["items"]
        left -= len(page["items"])
        cursor = page["next"]
        if cursor is None:
            return
