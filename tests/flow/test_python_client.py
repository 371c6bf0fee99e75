"""The Python client against a stack that runs."""

import pytest
from milepost_client import Client, RefusedError, recorded

from tests.flow.doors import Doors, eventually, fresh
from tests.flow.test_spine import APPROVED, deal, planned

pytestmark = pytest.mark.flow


def test_a_deal_that_the_client_sends_becomes_a_figure(doors: Doors) -> None:
    partner, _, plan = planned(doors, APPROVED)
    client = Client(doors.stack["ingest"], token=lambda: doors.token("source"), source="/crm")
    good = deal(doors, partner)
    report = client.send([recorded("deal", good), recorded("deal", {**good, "version": "x"})])
    assert report.accepted == 1
    assert report.rejected[0].errors[0]["pointer"] == "/data/version"
    eventually(
        lambda: doors.progress(plan["plan_id"]),
        lambda found: found["goal_groups"][0]["goals"][0]["value"] == "1",
    )
    with pytest.raises(RefusedError, match="401"):
        Client(doors.stack["ingest"], token=fresh("no"), source="/crm").send(
            [recorded("deal", good)]
        )
