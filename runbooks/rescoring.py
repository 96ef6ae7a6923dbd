"""Score history again on kept evidence, without a call, and tell which recommendations flip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db import transaction

from runbooks.evaluating import holdings_of, reference_of, rescore
from runbooks.models import Copy, EvalRunbook
from runbooks.scoring.evidence import Evidence, look_up

#: Runbooks read at once.
CHUNK = 200


@dataclass(frozen=True, slots=True)
class Word:
    """Hold both recommendations and the scores that they rest on."""

    recommendation: str
    tier: str
    total_score: int
    combined_score: int

    @classmethod
    def of(cls, runbook: EvalRunbook) -> Word:
        """Return what a runbook says."""
        return cls(runbook.recommendation, runbook.recommendation_tier, runbook.total_score, runbook.combined_score)


@dataclass(frozen=True, slots=True)
class Rescore:
    """Hold what scoring one runbook again came to."""

    #: Of its row: where to go on after an interruption.
    pk: int
    public_id: str
    title: str
    before: Word
    after: Word
    #: Whether anything of it changed, the value included.
    is_changed: bool

    @property
    def flips(self) -> bool:
        """Whether either recommendation is another one now."""
        return (self.before.recommendation, self.before.tier) != (self.after.recommendation, self.after.tier)


def rescore_all(
    owner: Any = None, *, by: Any = None, after: int = 0, dry_run: bool = False, look_up_again: bool = False
) -> Iterator[Rescore]:
    """Score every runbook again, of one owner or of all, and yield each as it is done; `after` is the pk to go on after.

    Each is a transaction of its own, so that whoever stops reading loses nothing that was yielded. `dry_run` takes each back. With
    `look_up_again` the reference data and holdings of today are looked up for what is still being evaluated; what was bought keeps
    what was known then.
    """
    rows = EvalRunbook.objects.filter(pk__gt=after).exclude(evidence={}).select_related("copy__book").order_by("pk")
    if owner is not None:
        rows = rows.filter(owner=owner)
    while chunk := list(rows.filter(pk__gt=after)[:CHUNK]):
        for owner_id, group in groupby(chunk, key=lambda runbook: runbook.owner_id):
            known = (reference_of(owner_id), holdings_of(owner_id)) if look_up_again else None
            for runbook in group:
                evidence = None
                if known and runbook.copy.status == Copy.Status.EVALUATING:
                    evidence = look_up(Evidence.from_json(runbook.evidence).subject, *known)
                yield _rescore(runbook, evidence, by=by, dry_run=dry_run)
        after = chunk[-1].pk


def _rescore(runbook: EvalRunbook, evidence: Evidence | None, *, by: Any, dry_run: bool) -> Rescore:
    title, public_id, version, before = str(runbook), str(runbook.public_id), runbook.version, Word.of(runbook)
    with transaction.atomic():
        rescore(runbook, cause="reference" if evidence else "rescore", by=by, evidence=evidence)
        if dry_run:
            transaction.set_rollback(True)
    return Rescore(runbook.pk, public_id, title, before, Word.of(runbook), runbook.version != version)
