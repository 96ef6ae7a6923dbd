"""Faults planted into the shipped code, to prove that the harness sees them: each a change of a few words in one module.

A mutant is applied to the source text as the module is imported, in the processes of the harness only. If the shipped text changes
so that a mutant no longer fits, planting it fails, instead of proving nothing.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

#: Names the mutant for a nursery; only the chaos harness sets and reads it.
VARIABLE = "CHAOS_MUTANT"


@dataclass(frozen=True)
class Mutant:
    """Hold what is taken out of the shipped code, and the line of the verdict that must turn red for it."""

    #: module -> [(shipped text, planted text)]; each shipped text occurs exactly once.
    changes: dict[str, list[tuple[str, str]]]
    #: The directed scenario that shows it.
    scenario: str
    #: The line that turns red.
    shows_as: str


MUTANTS = {
    "no-claim-guard": Mutant(
        {"bookops.runs": [("won = wanted.filter(state=State.PENDING, next_at__lte=now).update(", "won = wanted.update(")]},
        scenario="deliveries",
        shows_as="rows applied twice",
    ),
    "no-fence": Mutant(
        {"bookops.runs": [("return self.filter(fence, state=State.RUNNING)", "return self.filter(pk__in=[run.pk for run in holds])")]},
        scenario="sleepers",
        shows_as="rows applied twice",
    ),
    "no-sweeper": Mutant(
        {"bookops.sweep": [("    for broom in _brooms:\n        try:", "    for broom in ():\n        try:")]},
        scenario="lost bells",
        shows_as="imports not finished",
    ),
    "publish-inside": Mutant(
        {"bookops.dispatch": [("transaction.on_commit(lambda: _publish(publish, messages), robust=True)", "_publish(publish, messages)")]},
        scenario="slow commit",
        shows_as="imports not finished",
    ),
    "null-blind": Mutant(
        {
            "bookops.runs": [
                (
                    'self.annotate(lease_end=Coalesce("lease_until", NEVER_LEASED)).filter(state=State.RUNNING, lease_end__lt=now)',
                    "self.filter(state=State.RUNNING, lease_until__lt=now)",
                )
            ]
        },
        scenario="endless leases",
        shows_as="imports not finished",
    ),
    "finish-without-compare": Mutant(
        {
            "enrichment.finishing": [
                (
                    "~Exists(open_chunks), pk=import_id, state=State.RUNNING, stage=Stage.ENRICHING\n",
                    "~Exists(open_chunks), pk=import_id\n",
                ),
                (
                    "pk=held.pk, state=State.RUNNING, stage=Stage.ASSEMBLING, lease_owner=held.lease_owner).update(",
                    "pk=held.pk).update(",
                ),
                # The database refuses a second finish by a constraint; this one is hidden from it.
                ('finishes=F("finishes") + 1', "finishes=1"),
            ]
        },
        scenario="many finishers",
        shows_as="imports finished twice",
    ),
}


class DoesNotFit(Exception):
    """The shipped code no longer holds the words that a mutant changes."""


def plant(name: str) -> None:
    """Change the modules of a mutant as they are imported from now on; "" plants none."""
    if not name:
        return
    mutant = MUTANTS[name]
    if imported := sorted(set(mutant.changes) & set(sys.modules)):
        raise DoesNotFit(f"{', '.join(imported)} is imported already: the mutant {name} would not be planted")
    sys.meta_path.insert(0, _Planter(mutant.changes))


def changed(source: str, changes: Sequence[tuple[str, str]]) -> str:
    """Return source text with each change made. Raises DoesNotFit unless each shipped text occurs exactly once."""
    for shipped, planted in changes:
        if source.count(shipped) != 1:
            raise DoesNotFit(f"{shipped!r} occurs {source.count(shipped)} times")
        source = source.replace(shipped, planted)
    return source


class _Planter(importlib.abc.MetaPathFinder):
    """Find the modules of a mutant as Python does and load them changed."""

    def __init__(self, changes: dict[str, list[tuple[str, str]]]) -> None:
        self._changes = changes

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> importlib.machinery.ModuleSpec | None:
        if name not in self._changes:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or spec.origin is None:
            return None
        spec.loader = _ChangedLoader(name, spec.origin, self._changes[name])
        return spec


class _ChangedLoader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, changes: list[tuple[str, str]]) -> None:
        super().__init__(name, path)
        self._changes = changes

    def get_code(self, name: str) -> object:  # type: ignore[override]
        # Past the byte code cache, which must never hold a mutant.
        return compile(changed(self.get_source(name) or "", self._changes), self.path, "exec")
