"""Providers of language models failing in every way they can, at each thing they are asked for."""

from __future__ import annotations

import random
import time
import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from tests.chaos import jobs
from tests.chaos.jobs import WAYS, ask, judge
from tests.chaos.scenarios import evaluation_sources
from tests.chaos.scenarios.jobs import asking, see_through
from tests.chaos.scenarios.sources import LASTS, end_faults, fault
from tests.chaos.taken import Taken
from tests.chaos.trial import Trial
from tests.chaos.verdict import Line, none

PARTS = ("batches-1", "beat", "sweeper-1")
SETTINGS = evaluation_sources.SETTINGS | {"TICK_SECONDS": 3}
#: What can fail, as the sandbox names it (source and the start of the path), and whether only once all is sent.
UPSTREAMS: Mapping[str, tuple[str, str, bool]] = {
    "sending responses": ("openai", "/v1/responses", False),
    "sending files": ("openai", "/v1/files", False),
    "sending to Anthropic": ("anthropic", "/v1/messages/batches", False),
    "creating batches": ("openai", "/v1/batches", False),
    "asking for responses": ("openai", "/v1/responses/", True),
    "asking for batches": ("openai", "/v1/batches/", True),
    "asking Anthropic": ("anthropic", "/v1/messages/batches/", True),
    "reading results": ("openai", "/v1/files/", True),
}
TOGETHER = (
    ("sending responses", "sending files", "sending to Anthropic"),
    ("creating batches",),
    ("asking for responses", "asking for batches", "asking Anthropic"),
    ("reading results",),
)
BOOKS = 4


def failing(trial: Trial) -> list[Line]:
    """Let each upstream fail in each way for a while, and see every job come to an end, by a person where only a person can decide.

    With the short form a seeded choice of the ways, with the long one all.
    """
    kinds = trial.ground.sandbox.settings()["fault_kinds"]
    rounds = [(kind, group) for kind in kinds for group in TOGETHER]
    if not trial.long:
        chance = random.Random(trial.seed)
        rounds = [chance.choice([one for one in rounds if one[1] == group]) for group in TOGETHER]
    begun: list[uuid.UUID] = []
    broken: list[str] = []
    lines: list[Line] = []
    perhaps: Counter[str] = Counter()
    for kind, group in rounds:
        ids, taken = _one(trial, kind, group, broken)
        begun += ids
        lines += [line for line in judge(ids, taken) if not line.holds]
        perhaps.update(trial.facts.pop("decided by a person"))
    trial.facts.pop("perhaps sent", None)
    trial.facts |= {
        "ways and upstreams": sum(len(group) for _, group in rounds),
        "rounds": ", ".join(f"{kind} of {' + '.join(group)}" for kind, group in rounds) if not trial.long else len(rounds),
        "items": _ends(begun),
        "decided by a person": dict(perhaps),
    }
    return [
        none("promises broken in a round", [f"{line.name}: {line.detail}" for line in lines]),
        none("jobs failed by one item", _failed(begun)),
        none("items without an answer and without a reason", [one for one in jobs.unanswered(begun) if one.endswith(":  ")]),
        none("calls within a Retry-After", broken),
        *judge(begun, Taken())[:4],
    ]


def _one(trial: Trial, kind: str, group: Sequence[str], broken: list[str]) -> tuple[list[uuid.UUID], Taken]:
    sandbox = trial.ground.sandbox
    with asking(trial, *PARTS, **SETTINGS) as stack:
        faults = [fault(kind, source=UPSTREAMS[name][0], path=UPSTREAMS[name][1]) for name in group]
        is_late = UPSTREAMS[group[0]][2]
        if not is_late:
            sandbox.settings(faults=faults)
        begun = [ask("ada", way, BOOKS + place) for place, way in enumerate(WAYS.values())]
        if is_late:
            trial.wait_until(lambda: _all_sent(begun), 30)
            sandbox.settings(faults=faults)
        time.sleep(LASTS)
        broken += end_faults(trial, stack, PARTS, kind, [UPSTREAMS[name][:2] for name in group])
        _, taken = see_through(trial, stack)
    return begun, taken


def _all_sent(begun: Collection[uuid.UUID]) -> bool:
    from llmjobs.models import LLMJobItem

    items = LLMJobItem.objects.filter(job_id__in=begun)
    return items.exists() and not items.filter(submitted_at=None).exists()


def _ends(begun: Collection[uuid.UUID]) -> dict[str, int]:
    from llmjobs.models import LLMJobItem

    ended = LLMJobItem.objects.filter(job_id__in=begun).values_list("state", "reason")
    return dict(Counter(f"{state} {reason}".strip() for state, reason in ended))


def _failed(begun: Collection[uuid.UUID]) -> list[str]:
    """Return the jobs that failed though some of their items were answered."""
    from llmjobs.models import LLMJob

    failed = LLMJob.objects.filter(pk__in=begun, state="failed")
    return [f"{one.pk}: {one.detail}" for one in failed if one.totals["succeeded"]]
