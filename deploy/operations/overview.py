"""How everything stands, at one glance."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpx

from deploy.local import dead_letters
from deploy.local.home import SERVICES, LocalError
from deploy.operations.doors import Item, ask, client
from deploy.operations.place import Place

MOST_LETTERS: Final = 1000
TELLERS: Final = ("plans", "progress", "notifier")
"""The services with an outbox."""
QUICKLY_S: Final = 10.0


def look(place: Place) -> Item:
    """Everything that `status` says; what cannot be asked is null and named under `away`."""
    away: list[str] = []

    def asked(service: str, path: str) -> Any:
        try:
            return ask(place, service, "GET", path, timeout_s=QUICKLY_S)
        except LocalError as failure:
            away.append(str(failure))
            return None

    with ThreadPoolExecutor() as pool:
        health = dict(
            zip(SERVICES, pool.map(lambda name: _health(place, name), SERVICES), strict=True)
        )
        watermark = pool.submit(asked, "progress", "/v1/watermark")
        outboxes = {
            name: pool.submit(asked, name, "/v1/outbox")
            for name in ("plans", "progress", "notifier")
        }
        mail = pool.submit(asked, "notifier", "/v1/deliveries/summary")
        letters = pool.submit(_letters, place, away)
        found = {
            "services": health,
            "sources": (watermark.result() or {}).get("sources"),
            "outbox": {name: answer.result() for name, answer in outboxes.items()},
            "ticks": (mail.result() or {}).get("ticks"),
            "mails": (mail.result() or {}).get("deliveries"),
            "dead_letters": letters.result(),
            "away": away,
        }
    return {**found, "ok": not complaints(found)}


def complaints(found: Item) -> list[str]:
    """What an operator has to look at, a line each."""
    said = [
        f"{name} is {one['status']}: {one['wrong']}"
        for name, one in found["services"].items()
        if one["status"] != "ok"
    ]
    said += found["away"]
    for name, number in (found["dead_letters"] or {}).items():
        if number:
            said.append(f"{name} has {number} dead letters: `dead-letters list`")
    for state in ("failed", "unknown"):
        if number := (found["mails"] or {}).get(state):
            said.append(f"{number} mails are {state}: `deliveries --state {state}`")
    return said


def _health(place: Place, service: str) -> Item:
    try:
        with client(place, service, timeout_s=QUICKLY_S) as door:
            told = door.get("/readyz").json()
    except (httpx.HTTPError, ValueError) as failure:
        return {"status": "away", "wrong": {"answer": repr(failure)}}
    wrong = {name: said for name, said in told["checks"].items() if said != "ok"}
    return {"status": told["status"], "wrong": wrong}


def _letters(place: Place, away: list[str]) -> dict[str, int] | None:
    count = dict.fromkeys(SERVICES, 0)
    try:
        for letter in dead_letters.read(place.description, replayed=False):
            count[letter["service"]] += 1
            if sum(count.values()) >= MOST_LETTERS:
                break
    except LocalError as failure:
        away.append(str(failure))
        return None
    return count
