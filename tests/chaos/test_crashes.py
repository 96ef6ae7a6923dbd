"""A thousand crashes of workers that send: at each point of it, as often as it takes; nothing is sent or paid twice."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import partial
from itertools import cycle, islice, takewhile
from pathlib import Path

import pytest

from llmjobs import submitting
from tests.llmjobs.crashing import Point
from tests.llmjobs.factories import ANTHROPIC_BATCH, OPENAI_BATCH
from tests.llmjobs.test_crashes import CALLS, all_writes, batches_survive, forget_jobs, responses_survive

pytestmark = [pytest.mark.chaos, pytest.mark.django_db(transaction=True), pytest.mark.timeout(3600)]

#: In all, over the ways to send.
CRASHES = int(os.environ.get("CRASHES", "1000"))
#: Whether a worker of this way came to a point and crashed there, all having held afterwards.
Survives = Callable[[Point, Path], bool]
WAYS: dict[str, Survives] = {
    "responses": responses_survive,
    "batches of OpenAI": partial(batches_survive, ask=OPENAI_BATCH),
    "batches of Anthropic": partial(batches_survive, ask=ANTHROPIC_BATCH),
}
#: Of each way.
EACH = math.ceil(CRASHES / len(WAYS))


@pytest.mark.parametrize("way", WAYS)
def test_it_sends_nothing_twice_whenever_it_crashes(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    monkeypatch.setattr(submitting, "AT_ONCE", 2)
    trials = Trials(WAYS[way], tmp_path)
    points = [*takewhile(trials.crashes, all_writes()), *filter(trials.crashes, CALLS)]

    for point in islice(cycle(points), 2 * EACH):
        if trials.crashed >= EACH:
            break
        # Two answers are stored by one write or by two, as they come: the last points are not always reached.
        trials.crashes(point)

    record_property("points", len(points))
    record_property("crashes", trials.crashed)
    assert len(points) > 20
    assert trials.crashed >= EACH


class Trials:
    """Crash a new worker each time, with a provider of its own."""

    def __init__(self, survives: Survives, folder: Path) -> None:
        self._survives = survives
        self._folder = folder
        self._tried = 0
        self.crashed = 0

    def crashes(self, point: Point) -> bool:
        """Say whether a worker came to this point and crashed there."""
        forget_jobs()
        self._tried += 1
        folder = self._folder / str(self._tried)
        folder.mkdir()
        crashed = self._survives(point, folder)
        self.crashed += crashed
        return crashed
