"""Save what an execution has found: the book and its copy, what is said of them, what is asked, comparables; then evaluate it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from bookops.books import Book, BookKey, key_names
from bookops.clock import database_now
from bookops.runs import State
from runbooks.advancing import Course
from runbooks.comparables import keep_comparables
from runbooks.evaluating import holdings_of, reference_of, rescore
from runbooks.finding import offers_in
from runbooks.fmv import in_dollars
from runbooks.identifying import subject_of
from runbooks.models import Comparable, Copy, EvalRunbook, Listing, PriceChange, StepRun
from runbooks.plan import ABEBOOKS_FMV, ASSEMBLE, BRANCHES, CLAUDE_ANALYSIS, EBAY_FMV, FETCH_LISTING, STEPS
from runbooks.rates import rate_for
from runbooks.scoring.evidence import Evidence, look_up
from runbooks.sources.claude_reading import Claim, PhotoReading
from runbooks.sources.price_text import HIGHEST
from runbooks.sources.records import ListingFacts
from runbooks.subject import Subject

#: Who told a fact of a book, as `Book.provenance` names them.
LISTING = "listing"
#: Where the comparables of each search come from.
ORIGINS = {EBAY_FMV: Comparable.Origin.EBAY, ABEBOOKS_FMV: Comparable.Origin.ABEBOOKS}


def save_runbook(course: Course) -> EvalRunbook:
    """Save what was found and return the runbook with a new version; in the caller's transaction.

    A refresh keeps the history, what a person decided, negotiated or said of a comparable. A branch that found nothing this time leaves
    what it found for this runbook before.
    """
    execution, outputs = course.execution, course.outputs(STEPS[ASSEMBLE])
    # One at a time for each owner, or two listings of one book would make two books. Rows that only refer to the owner need not wait.
    get_user_model().objects.select_for_update(no_key=True).get(pk=execution.owner_id)
    listing = Listing.objects.get(owner_id=execution.owner_id, executions=execution)
    facts = ListingFacts.from_json(outputs[FETCH_LISTING]["facts"])
    # The runbook before its copy, as everybody locks them; so the copy that is read is the one that stays.
    EvalRunbook.objects.select_for_update(of=("self",)).filter(copy__in=_copies_of(listing)).order_by("pk").first()
    copy = _copies_of(listing).last() or Copy(owner_id=listing.owner_id, listing=listing)
    read = outputs[CLAUDE_ANALYSIS] or _earlier_output(CLAUDE_ANALYSIS, copy)
    reading = PhotoReading.from_json(read["reading"]) if read else None
    reference = reference_of(execution.owner_id)
    subject = subject_of(facts, reading, binders=reference.binders, key=str(copy.public_id))
    evidence = look_up(subject, reference, holdings_of(execution.owner_id))
    _save_copy(copy, evidence)
    runbook = EvalRunbook.objects.select_for_update().filter(copy=copy).first() or EvalRunbook(copy=copy, owner_id=execution.owner_id)
    before, asked_before = _standing(runbook), _asked(runbook)
    _take_price(runbook, facts)
    if reading is not None:
        _take_reading(runbook, reading)
    runbook.evidence = evidence.to_json()
    runbook.condition_grade = evidence.grade.value if evidence.grade else ""
    runbook.missing = course.missing()
    runbook.partial = bool(runbook.missing)
    runbook.provenance = {**runbook.provenance, "steps": _steps(course)}
    runbook.generated_at = database_now()
    runbook.save()
    for name, origin in ORIGINS.items():
        # What was found before is judged anew, too: more may be known of the copy by now.
        output = outputs[name] or _earlier_output(name, copy)
        if "offers" in output:
            keep_comparables(runbook, subject, list(offers_in(output)), origin, execution)
    rescore(runbook, cause="execution", execution=execution)
    if _asked(runbook) != asked_before:
        _note_price(runbook, before)
    return runbook


def _earlier_output(name: str, copy: Copy) -> Mapping[str, Any]:
    """Return the last output of a step in an earlier execution of the same copy; nothing where there is none, or it was purged."""
    if not copy.pk:
        return {}
    earlier = StepRun.objects.filter(execution__runbook__copy=copy, name=name, state=State.SUCCEEDED, skipped=False)
    return earlier.order_by("-ended_at").values_list("output", flat=True).first() or {}


# The book and the copy


def _copies_of(listing: Listing) -> QuerySet[Copy]:
    """Return what a listing was evaluated as, the latest last, also what was bought since; what was removed is another story."""
    return Copy.objects.filter(listing=listing).exclude(status=Copy.Status.REMOVED).select_related("book").order_by("pk")


def _save_copy(copy: Copy, evidence: Evidence) -> None:
    """Write what is known of a copy and of its book; one that was bought is its owner's to describe."""
    subject = evidence.subject
    if not copy.book_id:
        copy.book = _find_book(copy.owner_id, subject) or Book(owner_id=copy.owner_id)
    _teach(copy.book, subject)
    if copy.status == Copy.Status.EVALUATING:
        copy.volumes, copy.binder = subject.volumes, subject.binder[:200]
        copy.condition_grade = evidence.grade.value if evidence.grade else ""
        copy.book_id = copy.book.pk
        copy.save()


def _find_book(owner_id: Any, subject: Subject) -> Book | None:
    """Return the book that the owner has under the surest of the subject's names."""
    names = _names(subject)
    found = {key.key: key.book for key in BookKey.objects.filter(owner_id=owner_id, key__in=names).select_related("book").order_by("-pk")}
    return next((found[name] for name in names if name in found), None)


def _teach(book: Book, subject: Subject) -> None:
    """Tell a book what the listing says: all of it to one that is known from listings only, to others what they do not know yet."""
    facts = {"title": subject.title[:1000], "author": subject.author[:500], "publisher": subject.publisher[:500], "year": subject.year}
    facts["isbn13"] = subject.isbn
    is_ours = book.pk is None or book.provenance.get("title", {}).get("source") == LISTING
    changed = book.learn(
        facts if is_ours else {name: value for name, value in facts.items() if not getattr(book, name)}, LISTING, database_now()
    )
    if book.pk is None:
        book.binding = subject.binding[:200]
        book.save()
    elif changed:
        book.version += 1
        book.save(update_fields=[*changed, "provenance", "version"])
    BookKey.objects.bulk_create((BookKey(owner_id=book.owner_id, key=name, book=book) for name in _names(subject)), ignore_conflicts=True)


def _names(subject: Subject) -> list[str]:
    return key_names(subject.title, subject.author, isbn13=subject.isbn)


# What is asked


def _take_price(runbook: EvalRunbook, facts: ListingFacts) -> None:
    """Take what the listing asks; what a person has negotiated stays."""
    rate = rate_for(facts.price.currency) if facts.price else None
    usd = in_dollars(facts.price, rate) if facts.price else None
    runbook.asked = facts.price.to_json() if facts.price else {}
    if rate:
        runbook.asked |= {"rate": str(rate.per_dollar), "rate_day": rate.day.isoformat(), "rate_source": rate.source}
    if usd is None or usd > HIGHEST:
        usd, runbook.asked["why_none"] = None, _why_none(facts, usd)
    if runbook.original_asking_price is None:
        runbook.original_asking_price = usd
    if not runbook.negotiated:
        runbook.current_asking_price = usd


def _why_none(facts: ListingFacts, usd: Decimal | None) -> str:
    if usd is not None:
        return f"more than {HIGHEST:,} US dollars are asked"
    if facts.price:
        return f"no rate from {facts.price.currency} to US dollars is known"
    return "an auction has no asking price" if facts.is_auction_only else "the listing names no price"


def _asked(runbook: EvalRunbook) -> tuple[str | None, str | None]:
    """Return what the listing asks in its own currency, in which a day's rate is no other price."""
    return runbook.asked.get("amount"), runbook.asked.get("currency")


def _standing(runbook: EvalRunbook) -> dict[str, Any] | None:
    """Return what a price change remembers of before; None for a runbook that was never evaluated."""
    if not runbook.version:
        return None
    return {
        "previous_price": runbook.current_asking_price,
        "score_before": runbook.total_score,
        "recommendation_before": runbook.recommendation,
        "tier_before": runbook.recommendation_tier,
    }


def _note_price(runbook: EvalRunbook, before: Mapping[str, Any] | None) -> None:
    """Add to the history that the seller asks another price than at the last reading."""
    if before is None or before["previous_price"] == runbook.current_asking_price:
        return
    PriceChange.objects.create(
        runbook=runbook,
        new_price=runbook.current_asking_price,
        discount_code=runbook.discount_code,
        notes="The listing asks another price.",
        score_after=runbook.total_score,
        recommendation_after=runbook.recommendation,
        tier_after=runbook.recommendation_tier,
        **before,
    )


# What was seen


def _take_reading(runbook: EvalRunbook, reading: PhotoReading) -> None:
    for name in ("condition_positives", "condition_negatives", "critical_issues"):
        setattr(runbook, name, [_claim(claim) for claim in getattr(reading, name)])
    runbook.contradictions = [
        {"text": f"{one.said} — {one.seen}", "said": one.said, "seen": one.seen, "images": list(one.image_ids)}
        for one in reading.contradictions
    ]
    runbook.missing_photos = [{"what": one.what, "question": one.question} for one in reading.missing_photos]
    numbers = {name: Claim(str(number)) for name in ("year", "volumes") if (number := getattr(reading, name)) is not None}
    runbook.item_identification = {name: _claim(claim) for name, claim in {**reading.item_identification, **numbers}.items()}
    runbook.binding_analysis = reading.binding_analysis
    runbook.analysis_narrative = reading.narrative


def _claim(claim: Claim) -> dict[str, Any]:
    return {"text": claim.text, "images": list(claim.image_ids), "in_text": claim.in_text}


# How it came about


def _steps(course: Course) -> dict[str, dict[str, Any]]:
    """Return how each branch stands, so that what is switched off, failed or was ignored is said on the runbook itself."""
    return {name: _told(course.current[name]) for name in BRANCHES if name in course.current}


def _told(run: StepRun) -> dict[str, Any]:
    kept: Sequence[str] = ("queries", "totals", "warnings")
    told: dict[str, Any] = {"status": run.status, "run": run.number, **{name: run.output[name] for name in kept if name in run.output}}
    if run.skipped:
        told["why"] = "It is switched off."
    elif run.reason:
        told |= {"reason": run.reason, "why": run.detail}
    return told
