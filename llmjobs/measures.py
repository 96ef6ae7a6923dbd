"""How well models answer: what people did with their answers, and what an accepted one cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

from bookops.runs import ENDED, State
from llmjobs.models import LLMJobItem, Proposal


@dataclass(frozen=True, slots=True)
class Measure:
    """Hold what became of one model's items."""

    provider: str
    model: str
    items: int
    #: With an answer that could be read.
    answered: int
    #: Written, by whomever; those that found nothing to change are right as well, but say little.
    applied: int
    nothing: int
    waiting: int
    #: By a person: as it was, with another value, not at all.
    accepted: int
    corrected: int
    rejected: int
    undone: int
    #: Microdollars.
    cost: int

    @property
    def accuracy(self) -> float | None:
        """Return which share of what people judged was right as it was; None where nobody judged."""
        judged = self.accepted + self.corrected + self.rejected
        return self.accepted / judged if judged else None

    @property
    def cost_per_accepted(self) -> float | None:
        """Return the microdollars of all its answers for each that was written; None where none was."""
        return self.cost / self.applied if self.applied else None


def measures_of(items: QuerySet[LLMJobItem]) -> list[Measure]:
    """Return a measure for each model among items, for instance of one job or of an owner. One query."""
    one = Proposal.State
    by_person = Q(proposal__decided_by__isnull=False)
    counts: dict[str, Any] = {
        "items": Count("pk", filter=Q(state__in=ENDED)),
        "answered": Count("pk", filter=Q(state=State.SUCCEEDED)),
        "applied": Count("pk", filter=Q(proposal__state=one.APPLIED)),
        "nothing": Count("pk", filter=Q(proposal__state=one.NOTHING)),
        "waiting": Count("pk", filter=Q(proposal__state=one.WAITING)),
        "accepted": Count("pk", filter=by_person & Q(proposal__state=one.APPLIED, proposal__corrected={})),
        "corrected": Count("pk", filter=by_person & Q(proposal__state=one.APPLIED) & ~Q(proposal__corrected={})),
        "rejected": Count("pk", filter=Q(proposal__state=one.REJECTED)),
        "undone": Count("pk", filter=Q(proposal__state=one.UNDONE)),
        "cost": Sum("cost", default=0),
    }
    rows: Any = items.order_by().values("provider", "model").annotate(**counts).order_by("provider", "model")
    return [Measure(**row) for row in rows]
