"""An upstream system that keeps telling while everything around it is killed."""

import json
import threading
import time
from datetime import date, timedelta
from random import Random
from typing import Any, Self

import httpx

from tests.flow.doors import Doors, event
from tests.oracle import World

Data = dict[str, Any]
PAUSE_S = 0.1


class Upstream(threading.Thread):
    """Tells of a few partners' deals, leads, certifications and fields, some events a second.

    It repeats whatever was not answered with 202, as a good client does, and now and then what
    was. What it has told for certain is in `told`.
    """

    def __init__(self, doors: Doors, partners: list[str], first_day: date, seed: int) -> None:
        super().__init__(daemon=True)
        self.told: list[Data] = []
        self.refused = 0
        self._doors = doors
        self._partners = partners
        self._first_day = first_day
        self._random = Random(seed)
        self._number = 0
        self._over = threading.Event()
        self._failure: BaseException | None = None
        self._http = httpx.Client(timeout=15, trust_env=False)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join(60)
        self._http.close()
        assert not self.is_alive(), "the last events were never accepted"
        if self._failure:
            raise self._failure

    def run(self) -> None:
        try:
            while not self._over.is_set():
                batch = [self._event() for _ in range(self._random.randint(1, 12))]
                if self.told and self._random.random() < 0.3:
                    batch.append(self._random.choice(self.told))
                self._deliver(batch)
                time.sleep(PAUSE_S)
        except BaseException as failure:  # noqa: BLE001 - raised again where it is joined
            self._failure = failure

    def _deliver(self, batch: list[Data]) -> None:
        lines = "\n".join(json.dumps(one) for one in batch)
        headers = {
            "Content-Type": "application/x-ndjson",
            "Authorization": f"Bearer {self._doors.token('source')}",
        }
        while True:
            try:
                url = f"{self._doors.stack['ingest']}/v1/events"
                answer = self._http.post(url, content=lines, headers=headers)
            except httpx.HTTPError:
                self.refused += 1
                time.sleep(0.3)
                continue
            if answer.status_code == 202:
                assert answer.json() == {"accepted": len(batch), "rejected": []}
                self.told += batch
                return
            assert answer.status_code in (429, 500, 503), f"{answer.status_code} {answer.text}"
            assert answer.status_code != 500, answer.text
            self.refused += 1
            time.sleep(0.3)

    def _day(self) -> str:
        return str(self._first_day + timedelta(days=self._random.randint(0, 364)))

    def _event(self) -> Data:
        self._number += 1
        dice = self._random
        partner = dice.choice(self._partners)
        version = dice.randint(1, 1000)
        kind = dice.choice(["deal"] * 6 + ["lead", "account", "certification", "partner_field"])
        told: Data = {"version": version, "partner_id": partner}
        which = f"{dice.randint(1, 400)}-{self._first_day}"
        match kind:
            case "deal":
                amount = f"{dice.randint(1, 100_000)}.{dice.randint(1, 99):02}"
                told |= {"deal_id": f"d{which}", "status": "closed_won", "currency": "USD"}
                told |= {"amount": amount, "closed_on": self._day(), "approved_on": self._day()}
                told["products"] = dice.sample(["Disk", "Tape", "CPU"], dice.randint(0, 2))
            case "lead":
                told |= {"lead_id": f"l{which}", "captured_on": self._day()}
            case "account":
                told |= {"account_id": f"a{which}", "name": "A", "status": "approved"}
                told["approved_on"] = self._day()
            case "certification":
                told |= {"completion_id": f"x{which}", "user_id": f"u{dice.randint(1, 9)}"}
                told |= {"certification": "Cloud", "completed_on": self._day()}
            case _:
                told |= {"field": "seats", "effective_on": self._day()}
                told["value"] = str(dice.randint(1, 500))
        if kind == "deal" and dice.random() < 0.05:
            return event(kind, {"deal_id": told["deal_id"], "version": version}, what="deleted")
        return event(kind, told)

    def into(self, world: World, doors: Doors) -> None:
        """Tell an oracle everything that was told for certain."""
        now = doors.now()
        for one in self.told:
            world.hear(one["type"], one["data"], now)
