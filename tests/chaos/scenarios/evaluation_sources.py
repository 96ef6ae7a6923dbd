"""The third parties of an evaluation failing in every way they can, each in each of its steps."""

from __future__ import annotations

import random
import time
import uuid
from collections import Counter
from collections.abc import Collection, Mapping

from sandbox.ebay_short_links import SITE
from sandbox.listings import by_case
from tests.chaos.evaluations import all_told, evaluate, judge
from tests.chaos.scenarios.sources import LASTS, end_faults, fault
from tests.chaos.trial import Trial
from tests.chaos.verdict import Line, none

PARTS = ("evaluations-1", "imports", "beat", "sweeper-1")
SETTINGS = {
    "RETRY_BASE_SECONDS": 0.3,
    "RETRY_MOST_SECONDS": 2,
    "RING_AGAIN_SECONDS": 3,
    "SOURCE_CONNECT_SECONDS": 0.5,
    "SOURCE_DEADLINE_SECONDS": 4,
    "LEASE_SECONDS": 5,
}
#: What can fail, as the sandbox names it: source and the start of the path.
UPSTREAMS: Mapping[str, tuple[str, str]] = {
    "token": ("ebay", "/identity"),
    "short link": ("ebay", "/short"),
    "listing": ("ebay", "/buy/browse/v1/item/"),
    "photo": ("ebayimg", ""),
    "reading": ("anthropic", ""),
    "search": ("ebay", "/buy/browse/v1/item_summary"),
    "offers by ISBN": ("abebooks", "/servlet/DWRestService"),
    "offers by title": ("abebooks", "/servlet/SearchResults"),
}
#: What fails at the same time: of these one that fails keeps no other from being asked.
TOGETHER = (("token",), ("short link",), ("listing",), ("photo", "reading", "search", "offers by ISBN", "offers by title"))
#: Found by its ISBN; by its title; by a short link.
URLS = (by_case("isbn-aspect").link, by_case("rebind").link, f"{SITE}/{by_case('buy').item}")
#: Rounds of the short form: one of each group, and one more.
SHORT = 5


def failing(trial: Trial) -> list[Line]:
    """Let each upstream fail in each way for a while, and see every execution come to an end or wait with a reason.

    With the short form a seeded choice of the ways, with the long one all.
    """
    kinds = trial.ground.sandbox.settings()["fault_kinds"]
    rounds = [(kind, group) for kind in kinds for group in TOGETHER]
    if not trial.long:
        chance = random.Random(trial.seed)
        rounds = [("429", TOGETHER[-1]), *((chance.choice(kinds), group) for group in TOGETHER)][:SHORT]
    begun: list[uuid.UUID] = []
    broken_promises: list[str] = []
    for number, (kind, group) in enumerate(rounds):
        begun += _one(trial, kind, group, number, broken_promises)
    trial.facts |= {
        "ways and upstreams": sum(len(group) for _, group in rounds),
        "rounds": ", ".join(f"{kind} of {' + '.join(group)}" for kind, group in rounds) if not trial.long else len(rounds),
        "executions": _ends(begun),
        "reasons of steps": _reasons(begun),
    }
    return [
        *judge(begun),
        none("steps tried more often than they may be", _tried_too_often(begun)),
        none("calls within a Retry-After", broken_promises),
    ]


def _one(trial: Trial, kind: str, group: Collection[str], number: int, broken_promises: list[str]) -> list[uuid.UUID]:
    sandbox = trial.ground.sandbox
    with trial.stack(*PARTS, **SETTINGS) as stack:
        places = [dict(zip(("source", "path"), UPSTREAMS[name], strict=True)) for name in group]
        sandbox.settings(keep_calls=True, faults=[fault(kind, **place) for place in places])
        begun = [evaluate(f"reader-{number}", url) for url in URLS]
        time.sleep(LASTS)
        broken_promises += end_faults(trial, stack, PARTS, kind, [UPSTREAMS[name] for name in group])
        trial.wait_until(all_told, 150)
    return begun


def _ends(begun: Collection[uuid.UUID]) -> dict[str, int]:
    from runbooks.models import Execution

    ended = Execution.objects.filter(pk__in=begun).values_list("state", "partial")
    return dict(Counter(f"{state}, partial" if partial else state for state, partial in ended))


def _reasons(begun: Collection[uuid.UUID]) -> dict[str, int]:
    from runbooks.models import StepRun

    steps = StepRun.objects.filter(execution_id__in=begun).exclude(reason="").exclude(state="succeeded")
    return dict(Counter(f"{name} {state} {reason}" for name, state, reason in steps.values_list("name", "state", "reason")))


def _tried_too_often(begun: Collection[uuid.UUID]) -> list[str]:
    from runbooks.models import StepRun
    from runbooks.plan import STEPS

    steps = StepRun.objects.filter(execution_id__in=begun)
    return [f"{run.execution_id} {run.name}: {run.attempts}" for run in steps if run.attempts > STEPS[run.name].tries]
