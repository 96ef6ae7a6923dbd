"""Evaluate a runbook from its rows: value, scores and recommendations, from kept evidence, comparables and the price; without a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

from django.db import transaction
from django.db.models import F

from bookops.clock import database_now
from runbooks.comparables import judge_manual
from runbooks.conditions import Grade
from runbooks.fmv import Adjustments, Origin, Rate, Valuation, appraise
from runbooks.fmv import Comparable as Priced
from runbooks.ledger import bring_ledger
from runbooks.models import Comparable, Copy, EvalRunbook
from runbooks.plan import ABEBOOKS_FMV, EBAY_FMV
from runbooks.rates import convert_anew
from runbooks.reference import Era, Goal, Named, Reference, Requirement, Wishes
from runbooks.reference_rows import Author, AuthorTier, Binder, EraRow, GoalRow, GradeAlias, Preference, Publisher, RequirementRow
from runbooks.relevance import Level
from runbooks.scoring.evidence import Evidence
from runbooks.scoring.prices import Price
from runbooks.scoring.scores import Score, score
from runbooks.sources.price_text import HIGHEST
from runbooks.sources.records import Basis, Money
from runbooks.subject import HeldCopy, Holdings
from runbooks.versions import document_of, keep_version

#: The steps that look for prices, and where.
SEARCHES = {EBAY_FMV: "eBay", ABEBOOKS_FMV: "AbeBooks"}
#: What a person may adjust of a comparable's price.
ADJUSTABLE = ("edition", "binding", "condition")


def reference_of(owner_id: Any) -> Reference:
    """Return the shared reference data with an owner's wishes. Nine short queries."""
    return Reference(
        publishers=named(Publisher),
        binders=named(Binder),
        authors=named(Author),
        eras=tuple(Era(row.name, row.first, row.last) for row in EraRow.objects.all()),
        grades={row.spelling: Grade(row.grade) for row in GradeAlias.objects.all()},
        wishes=_wishes_of(owner_id),
    )


def named(model: type[Publisher] | type[Binder] | type[Author]) -> tuple[Named, ...]:
    """Return the names of one kind that the shared reference data has. One query."""
    return tuple(Named(row.name, row.tier, tuple(row.aliases)) for row in model.objects.all())


def _wishes_of(owner_id: Any) -> Wishes:
    preferred: dict[str, list[str]] = {kind: [] for kind in Preference.Kind.values}
    for one in Preference.objects.filter(owner_id=owner_id):
        preferred[one.kind].append(one.name)
    return Wishes(
        author_tiers=dict(AuthorTier.objects.filter(owner_id=owner_id).values_list("author", "tier")),
        requirements=tuple(Requirement(row.author, row.publisher) for row in RequirementRow.objects.filter(owner_id=owner_id)),
        preferred_authors=tuple(preferred["author"]),
        preferred_publishers=tuple(preferred["publisher"]),
        preferred_binders=tuple(preferred["binder"]),
        goals=tuple(
            Goal(row.label, row.author, row.publisher, row.binder, row.first_year, row.last_year)
            for row in GoalRow.objects.filter(owner_id=owner_id)
        ),
    )


def holdings_of(owner_id: Any) -> Holdings:
    """Return what an owner owns: copies on their way or on hand, and no others."""
    copies = Copy.objects.filter(owner_id=owner_id, status__in=Copy.OWNED).select_related("book")
    return Holdings.of(HeldCopy(copy.book.title, copy.book.author, copy.volumes, copy.status, str(copy.public_id)) for copy in copies)


def rescore(runbook: EvalRunbook, *, cause: str, by: Any = None, execution: Any = None, evidence: Evidence | None = None) -> Score:
    """Compute value and scores anew from the rows, and keep a version if anything changed since the last one was kept.

    In the caller's transaction if there is one: what the caller changed before is part of the version. `evidence` takes the place of
    the kept one. The runbook's row is locked meanwhile, so that two changes at one moment are both in what comes out.
    """
    with transaction.atomic():
        held = EvalRunbook.objects.select_for_update().select_related("copy").get(pk=runbook.pk)
        evidence = evidence or Evidence.from_json(held.evidence)
        judge_manual(held, evidence.subject)
        bring_ledger(held)
        convert_anew(held)
        value = valuation_of(held)
        scored = score(evidence, price_of(held, value))
        silent = [name for step, name in SEARCHES.items() if step in held.missing]
        columns = value_columns(value, silent) | scored.columns()
        EvalRunbook.objects.filter(pk=held.pk).update(evidence=evidence.to_json(), **columns)
        # What a search could not tell this time is no reason to forget what the copy was worth.
        if value.chosen or not silent:
            Copy.objects.filter(pk=held.copy_id).update(
                value_low=columns["fmv_low"], value_mid=columns["fmv_mid"], value_high=columns["fmv_high"]
            )
        keep_if_changed(runbook, cause, by=by, execution=execution)
    return scored


def keep_if_changed(runbook: EvalRunbook, cause: str, *, by: Any = None, execution: Any = None) -> bool:
    """Keep a version of a runbook unless it reads as the last one does; in the transaction of the change. The instance is refreshed."""
    runbook.refresh_from_db()
    last = runbook.versions.first()
    if last is not None and _lasting(last.document) == _lasting(document_of(runbook)):
        return False
    EvalRunbook.objects.filter(pk=runbook.pk).update(version=F("version") + 1, updated_at=database_now())
    runbook.refresh_from_db(fields=["version", "updated_at"])
    keep_version(runbook, cause, by=by, execution=execution)
    return True


def _lasting(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in ("version", "updated_at")}


def valuation_of(runbook: EvalRunbook) -> Valuation:
    """Return what the comparables of a runbook come to. One query."""
    return appraise(priced(one) for one in Comparable.objects.filter(runbook=runbook, is_current=True).order_by("pk"))


def priced(row: Comparable) -> Priced:
    """Return a comparable as the value is computed from it."""
    rate = None
    if row.rate is not None and row.rate_day is not None:
        rate = Rate(row.currency, row.rate, row.rate_day, row.rate_source)
    one = Priced(
        key=str(row.public_id),
        basis=cast("Basis", row.basis),
        origin=cast("Origin", row.origin),
        title=row.title,
        price=Money(row.amount, row.currency),
        rate=rate,
        at=row.at,
        condition=row.condition,
        binding=row.binding,
        relevance=cast("Level", row.relevance),
        relevance_why=row.relevance_why,
        excluded=row.excluded,
        excluded_why=row.excluded_why,
        adjustments=Adjustments(**{name: Decimal(str(row.adjustments[name])) for name in ADJUSTABLE if name in row.adjustments}),
    )
    if (one.counted or 0) > HIGHEST:
        # It would not fit into a column, and no book is worth as much.
        return replace(one, excluded=True, excluded_why=f"more than {HIGHEST:,} US dollars")
    return one


def price_of(runbook: EvalRunbook, value: Valuation) -> Price:
    """Return what is asked now beside what it is worth."""
    asking = runbook.current_asking_price
    return Price(
        asking=Money(asking, "USD") if asking is not None else None,
        mid=value.chosen.mid if value.chosen else None,
        why_none_asked=runbook.asked.get("why_none", "") if asking is None else "",
    )


def value_columns(value: Valuation, silent: Sequence[str]) -> dict[str, Any]:
    """Return a valuation under the names that a stored runbook has for it; `silent` are the sources that told nothing yet."""
    chosen = value.chosen
    return {
        "fmv_basis": chosen.basis if chosen else "",
        "fmv_low": chosen.low if chosen else None,
        "fmv_high": chosen.high if chosen else None,
        "fmv_mid": chosen.mid if chosen else None,
        "fmv_median": chosen.median if chosen else None,
        "fmv_count": chosen.n if chosen else 0,
        "fmv_confidence": (chosen.confidence or "low") if chosen else "low",
        "fmv_notes": ". ".join([value.why, *(f"Without {name}, whose search has failed or waits and can be retried" for name in silent)]),
        "fmv_by_basis": value.to_json(),
    }
