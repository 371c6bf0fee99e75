"""kill −9 of every part in mid-stream: nothing is lost or counted twice, mails go once."""

import signal
import time

import pytest

from tests.chaos.play import Play, all_is_right
from tests.chaos.upstream import Upstream

pytestmark = [pytest.mark.chaos, pytest.mark.flow, pytest.mark.slow]


def survives(play: Play, *parts: str, seed: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Kill parts while events flow and a due passes; bring them back; everything is right."""
    with Upstream(play.doors, [*play.plans], play.first_day, seed) as upstream:
        time.sleep(1.0)
        for part in parts:
            play.stack.kill(part, number)
        time.sleep(0.7)
        play.jump_over_the_next_due()
        time.sleep(0.7)
        play.stack.restart()
        time.sleep(1.5)
    all_is_right(play, upstream)


@pytest.mark.parametrize("part", ["ingest", "plans", "progress", "notifier", "kafka", "postgres"])
def test_a_part_is_killed_in_mid_stream(play: Play, part: str) -> None:
    seed = 1 + ["ingest", "plans", "progress", "notifier", "kafka", "postgres"].index(part)
    survives(play, part, seed=seed)


def test_the_power_goes_out(play: Play) -> None:
    parts = ("postgres", "progress", "kafka", "ingest", "plans", "notifier")
    survives(play, *parts, seed=70)


def test_a_part_is_killed_while_it_does_most(play: Play) -> None:
    """A burst of events is in progress's hands, and mails in the notifier's, when they die."""
    with Upstream(play.doors, [*play.plans], play.first_day, 80) as upstream:
        time.sleep(0.5)
        play.jump_over_the_next_due()
        for _ in range(3):
            time.sleep(0.4)
            play.stack.kill("progress")
            play.stack.kill("notifier")
            play.stack.restart()
    all_is_right(play, upstream)
