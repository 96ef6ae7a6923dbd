"""Wrong clocks: only the database's decides."""

from __future__ import annotations

import random
import time

from tests.chaos.trial import Trial
from tests.chaos.verdict import Line, at_most, extra_calls, judge

CLOCKS = {
    "enrichment-1": {"ahead": 3600},
    "enrichment-2": {"ahead": -3600},
    "imports": {"speed": 50},
    "sweeper-1": {"ahead": -2 * 24 * 3600},
}


def wrong_clocks(trial: Trial) -> list[Line]:
    """Import while each part has another clock, and kill one now and then so that leases matter."""
    chance = random.Random(11)
    rows = 200 if trial.long else 40
    with trial.stack(*CLOCKS, tampering={name: {"clock": clock} for name, clock in CLOCKS.items()}) as stack:
        trial.ground.sandbox.settings(latency=0.05, keep_calls=True)
        accepted = [trial.upload(rows) for _ in range(3)]
        for _ in range(6 if trial.long else 2):
            time.sleep(chance.uniform(1.0, 2.0))
            stack.replace(chance.choice(["enrichment-1", "enrichment-2"]))
        seconds = trial.wait_for_end(accepted, 60)
        trial.facts["parts that ended by themselves"] = len(stack.revive())
    needed, extra = extra_calls(trial.ground.sandbox.log(calls=True))
    trial.facts["calls"] = f"{needed:.0f} needed, {extra:.0f} beyond them"
    return [*judge(accepted), at_most("seconds to drain", seconds, 30, " s")]
