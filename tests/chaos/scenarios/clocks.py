"""Wrong clocks: only the database's decides."""

from __future__ import annotations

import random
import time

from tests.chaos.stack import faketime_library
from tests.chaos.trial import Trial
from tests.chaos.verdict import Line, at_most, extra_calls, judge

#: FAKETIME by part.
CLOCKS = {"enrichment-1": "+1h", "enrichment-2": "-1h", "imports": "+0 x50", "sweeper-1": "-2d"}


def wrong_clocks(trial: Trial) -> list[Line]:
    """Import while each part has another clock, and kill one now and then so that leases matter."""
    if faketime_library() is None:
        return [Line("clocks", "not tried: faketime is not installed", "apt-get install faketime", True)]
    chance = random.Random(11)
    rows = 200 if trial.long else 40
    with trial.stack(*CLOCKS, clocks=CLOCKS) as stack:
        trial.ground.sandbox.settings(latency=0.05, keep_calls=True)
        accepted = [trial.upload(rows) for _ in range(3)]
        for _ in range(6 if trial.long else 2):
            time.sleep(chance.uniform(1.0, 2.0))
            victim = chance.choice(["enrichment-1", "enrichment-2"])
            stack.kill(victim)
            stack.start(victim)
        seconds = trial.wait_for_end(accepted, 60)
        trial.facts["parts that ended by themselves"] = len(stack.revive())
    needed, extra = extra_calls(trial.ground.sandbox.log(calls=True))
    trial.facts["calls"] = f"{needed:.0f} needed, {extra:.0f} beyond them"
    return [*judge(accepted), at_most("seconds to drain", seconds, 30, " s")]
