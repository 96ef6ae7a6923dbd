"""Sources that fail in every way they can."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterable

from tests.chaos.stack import Stack
from tests.chaos.trial import Trial
from tests.chaos.uploads import Accepted
from tests.chaos.verdict import Line, none

PARTS = ("enrichment-1", "imports", "sweeper-1")
SETTINGS = {
    "SOURCE_DEADLINE_SECONDS": 1,
    "SOURCE_CONNECT_SECONDS": 0.5,
    "RETRY_BASE_SECONDS": 0.3,
    "RETRY_MOST_SECONDS": 2,
    "MAX_ATTEMPTS": 3,
    "RING_AGAIN_SECONDS": 3,
}
SOURCES = ("openlibrary", "googlebooks")
#: Seconds that a 429 asks for.
RETRY_AFTER = 2
#: Seconds after the first 429 in which calls come in that were under way.
UNDER_WAY = 0.75
#: Seconds a kind of failure lasts.
LASTS = 4.0


def failing_sources(trial: Trial) -> list[Line]:
    """Let each source fail in each way for a while, for rows with an identifier and without, and see every row come to an end.

    With the short form a seeded choice of the ways, with the long one all.
    """
    kinds = trial.ground.sandbox.settings()["fault_kinds"]
    pairs = [(source, kind) for kind in kinds for source in SOURCES]
    if not trial.long:
        pairs = [*random.Random(12).sample(pairs, 5), ("openlibrary", "429")]
    stuck: list[str] = []
    states: Counter[str] = Counter()
    broken_promises: list[str] = []
    for source, kind in pairs:
        accepted = _one(trial, source, kind, broken_promises)
        stuck += [f"{source} {kind}: {problem}" for problem in _problems(accepted, states)]
    trial.facts |= {"source and way": len(pairs), "rows by state": dict(states)}
    return [
        none("rows stuck or ended without a reason", stuck),
        none("calls within a Retry-After", broken_promises),
    ]


def _one(trial: Trial, source: str, kind: str, broken_promises: list[str]) -> list[Accepted]:
    sandbox = trial.ground.sandbox
    with trial.stack(*PARTS, **SETTINGS) as stack:
        sandbox.settings(keep_calls=True, faults=[fault(kind, source=source)])
        accepted = [trial.upload(4), trial.upload(4, identified=False)]
        time.sleep(LASTS)
        broken_promises += end_faults(trial, stack, PARTS, kind, [(source, "")])
        trial.wait_for_end(accepted, 60)
    return accepted


def fault(kind: str, **place: str) -> dict[str, object]:
    """Return the way in which the sandbox is to fail, at a source and from a path on."""
    return {"kind": kind, "retry_after": RETRY_AFTER, "size": 32 << 20, "seconds": 30 if kind == "hang" else 0.2} | place


def end_faults(trial: Trial, stack: Stack, parts: Iterable[str], kind: str, places: Iterable[tuple[str, str]]) -> list[str]:
    """Let all work again for workers that know of no fault; return the calls that a 429 had forbidden, by source and start of the path."""
    trial.ground.sandbox.settings(faults=[])
    calls = trial.ground.sandbox.log(calls=True)["each_call"] if kind == "429" else []
    broken_promises = [f"{source}{path}: {one}" for source, path in places for one in too_early(calls, source, path)]
    # A breaker stays open for longer than a test can wait; new workers and an empty Redis know of none.
    trial.ground.flush_valkey()
    for name in parts:
        stack.replace(name)
    return broken_promises


def too_early(calls: list[dict[str, object]], source: str, path: str) -> list[str]:
    """Return the calls that came before a 429's Retry-After was over; those that were under way when it came are forgiven."""
    too_early, told = [], None
    for call in calls:
        if call["source"] != source or not str(call["path"]).startswith(path):
            continue
        at = float(str(call["at"]))
        if told is not None and UNDER_WAY < at - told < RETRY_AFTER - 0.05:
            too_early.append(f"{at - told:.2f} s after")
        if call["status"] == 429 and (told is None or at - told > RETRY_AFTER - 0.05):
            told = at
    return too_early


def _problems(accepted: list[Accepted], states: Counter[str]) -> list[str]:
    from enrichment.models import ImportRow, LibraryImport

    problems = []
    for one in accepted:
        library_import = LibraryImport.objects.get(pk=one.id)
        if library_import.state != "succeeded":
            problems.append(f"import {library_import.state} {library_import.stage} {library_import.reason}")
        for state, reason in ImportRow.objects.filter(library_import=library_import).values_list("state", "reason"):
            states[state] += 1
            if state in ("pending", "running") or (state != "succeeded" and not reason):
                problems.append(f"row {state} {reason}")
    return problems
