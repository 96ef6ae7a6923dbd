"""What becomes of what was found: one book, one copy, comparables that are found again, and nothing a person said is lost."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from bookops.books import Book, BookKey, key_names
from bookops.clock import database_now
from bookops.runs import State
from runbooks.advancing import Course
from runbooks.comparing import add_manual, adjust, exclude, set_relevance
from runbooks.entries import Entry
from runbooks.evaluating import rescore
from runbooks.finding import found
from runbooks.ledger import note
from runbooks.listings import keep_listing
from runbooks.models import Copy, EvalRunbook, ExchangeRate, Execution, PriceChange
from runbooks.pricing import change_price
from runbooks.reference_loading import load_reference_data
from runbooks.saving import save_runbook
from runbooks.sources.claude_reading import Claim, Contradiction, MissingPhoto, PhotoReading
from runbooks.sources.price_text import HIGHEST
from runbooks.sources.records import ListingFacts, Money, Offer, Offers
from runbooks.subject import Subject
from tests.factories import make_book, make_owner
from tests.runbooks.factories import make_execution, make_listing_facts, make_rate, make_step

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    load_reference_data()
    return make_owner("collector")


def offer(amount: int, number: int = 1, *, currency: str = "USD", **changes: Any) -> Offer:
    values: dict[str, Any] = {
        "source": "ebay",
        "basis": "asking",
        "title": "Dickens Our Mutual Friend 1865 2 volumes full morocco",
        "price": Money(Decimal(amount), currency),
        "item_id": f"v1|{number}|0",
        "url": f"https://www.ebay.com/itm/{256_700_000_000 + number}",
    }
    return Offer(**values | changes)


def saved(
    owner: User,
    *,
    facts: ListingFacts | None = None,
    reading: PhotoReading | None = None,
    ebay: Iterable[Offer] | None = (),
    abebooks: Iterable[Offer] | None = (),
) -> EvalRunbook:
    """Return the runbook of an execution whose steps have found this; None for a branch that has failed."""
    facts = facts or make_listing_facts()
    listing = keep_listing(owner.pk, f"ebay:{facts.legacy_id}", facts, database_now(), sandbox=True)
    Execution.objects.filter(owner=owner).update(state=State.SUCCEEDED)
    execution = make_execution(owner, listing=listing)
    reading = reading or PhotoReading(condition_grade=None)
    outputs: dict[str, dict[str, Any] | None] = {
        "fetch_listing": {"facts": facts.to_json()},
        "download_images": {"images": []},
        "claude_analysis": {"reading": reading.to_json()},
        "ebay_fmv": None if ebay is None else found(Subject("Our Mutual Friend"), [Offers(tuple(ebay), 0, "words")]),
        "abebooks_fmv": None if abebooks is None else found(Subject("Our Mutual Friend"), [Offers(tuple(abebooks), 0, "words")]),
    }
    for name, output in outputs.items():
        ended = {"state": State.FAILED, "reason": "refused"} if output is None else {"state": State.SUCCEEDED, "output": output}
        make_step(execution, name, ended_at=database_now(), **ended)
    with transaction.atomic():
        runbook = save_runbook(Course.of(execution))
    Execution.objects.filter(pk=execution.pk).update(runbook=runbook)
    return EvalRunbook.objects.get(pk=runbook.pk)


# The book and the copy


def test_a_listing_makes_a_copy_that_is_evaluated_under_a_new_book(owner: User):
    runbook = saved(owner)
    copy, book = runbook.copy, runbook.copy.book
    assert (copy.status, copy.owner, book.owner) == (Copy.Status.EVALUATING, owner, owner)
    assert (copy.volumes, copy.condition_grade) == (2, "VERY_GOOD")
    assert runbook.evidence["subject"]["key"] == str(copy.public_id), "or it would be a duplicate of itself once it is bought"
    assert (book.title, book.author, book.year, book.publisher) == ("Our Mutual Friend", "Charles Dickens", 1865, "Chapman & Hall")
    assert book.provenance["title"]["source"] == "listing"
    assert set(BookKey.objects.filter(book=book).values_list("key", flat=True)) == set(key_names(book.title, book.author))


def test_the_book_that_the_owner_has_already_is_found_and_told_only_what_it_lacks(owner: User):
    book = make_book(owner, title="Our Mutual Friend (Penguin Classics)", author="Dickens, Charles", publisher="Penguin")
    BookKey.objects.bulk_create(BookKey(owner=owner, key=key, book=book) for key in key_names(book.title, book.author))
    runbook = saved(owner)
    book.refresh_from_db()
    assert runbook.copy.book == book
    assert (book.title, book.publisher, book.year) == ("Our Mutual Friend (Penguin Classics)", "Penguin", 1865)


def test_the_book_of_somebody_else_is_not_found(owner: User):
    other = make_book(title="Our Mutual Friend", author="Charles Dickens")
    BookKey.objects.bulk_create(BookKey(owner=other.owner, key=key, book=other) for key in key_names(other.title, other.author))
    assert saved(owner).copy.book.owner == owner


def test_two_listings_of_one_book_are_two_copies_of_it(owner: User):
    first = saved(owner)
    second = saved(owner, facts=make_listing_facts(legacy_id="256700000002", url="https://www.ebay.com/itm/256700000002"))
    assert first != second and first.copy.book == second.copy.book
    assert Book.objects.count() == 1


def test_what_is_learned_later_corrects_a_book_that_only_listings_told_of(owner: User):
    saved(owner, facts=make_listing_facts(aspects={}))
    identified = PhotoReading(item_identification={"title": Claim("Our Mutual Friend", ("a",)), "author": Claim("Charles Dickens", ("a",))})
    book = saved(owner, facts=make_listing_facts(aspects={}), reading=identified).copy.book
    assert (book.title, book.author) == ("Our Mutual Friend", "Charles Dickens")
    assert Book.objects.count() == 1


def test_what_a_person_has_settled_of_a_book_stays(owner: User):
    book = saved(owner).copy.book
    Book.objects.filter(pk=book.pk).update(title="Our Mutual Friend, first issue", locked=["title"])
    assert saved(owner).copy.book.title == "Our Mutual Friend, first issue"


def test_a_copy_that_was_bought_since_is_refreshed_and_no_second_one_made(owner: User):
    first = saved(owner)
    Copy.objects.update(status=Copy.Status.IN_TRANSIT, purchase_price=Decimal(500), volumes=2)
    assert saved(owner) == first
    assert Copy.objects.get().status == Copy.Status.IN_TRANSIT


def test_a_copy_that_was_removed_is_another_story(owner: User):
    first = saved(owner)
    Copy.objects.update(status=Copy.Status.REMOVED)
    assert saved(owner) != first


def test_only_owned_copies_count_as_held(owner: User):
    for number, status in enumerate(Copy.Status.values, start=1):
        book = make_book(owner, title=f"Work {number}", author="Charles Dickens")
        price = Decimal(10) if status in Copy.OWNED else None
        Copy.objects.create(owner=owner, book=book, status=status, purchase_price=price)
    assert saved(owner).evidence["owned_by_author"] == len(Copy.OWNED)


def test_a_refresh_locks_the_runbook_before_its_copy_as_everybody_does(owner: User):
    saved(owner)
    with CaptureQueriesContext(connection) as asked:
        saved(owner)
    written = [query["sql"] for query in asked]
    read = next(place for place, sql in enumerate(written) if sql.startswith("SELECT") and f'FROM "{EvalRunbook._meta.db_table}"' in sql)
    changed = next(place for place, sql in enumerate(written) if sql.startswith(f'UPDATE "{Copy._meta.db_table}"'))
    assert read < changed
    if connection.vendor == "postgresql":
        assert " FOR UPDATE" in written[read]
        # A row that refers to the owner, such as one of the ledger, waits for no evaluation.
        assert [sql for sql in written if '"auth_user"' in sql and sql.endswith("FOR NO KEY UPDATE")]


# What is asked


def test_a_refresh_keeps_what_was_negotiated_with_code_and_history(owner: User):
    runbook = saved(owner)
    change_price(runbook, Decimal(400), by=owner, discount_code="TEN", notes="by mail")
    again = saved(owner, facts=make_listing_facts(price=Money(Decimal(600), "USD")))
    assert (again.current_asking_price, again.negotiated, again.discount_code) == (Decimal(400), True, "TEN")
    assert again.original_asking_price == Decimal(545)
    assert again.last_scored_price == Decimal(400)
    assert PriceChange.objects.filter(runbook=again).count() == 1


def test_another_price_of_the_sellers_is_taken_and_goes_into_the_history(owner: User):
    comparables = [offer(1000, 1), offer(1100, 2), offer(1200, 3)]
    before = saved(owner, ebay=comparables)
    after = saved(owner, facts=make_listing_facts(price=Money(Decimal(1200), "USD")), ebay=comparables)
    change = PriceChange.objects.get(runbook=after)
    assert (change.previous_price, change.new_price) == (Decimal(545), Decimal(1200))
    assert (change.score_before, change.score_after) == (before.total_score, after.total_score)
    assert change.score_before > change.score_after
    assert after.price_position == "POOR"


def test_another_days_rate_is_no_other_price(owner: User):
    pounds = make_listing_facts(price=Money(Decimal(400), "GBP"))
    rate = make_rate("GBP", "0.80")
    saved(owner, facts=pounds)
    ExchangeRate.objects.filter(pk=rate.pk).update(rate=Decimal("0.50"))
    again = saved(owner, facts=pounds)
    assert (again.current_asking_price, again.original_asking_price) == (Decimal(800), Decimal(500))
    assert not PriceChange.objects.exists()
    saved(owner, facts=make_listing_facts(price=Money(Decimal(410), "GBP")))
    assert (PriceChange.objects.get().previous_price, PriceChange.objects.get().new_price) == (Decimal(800), Decimal(820))


def test_a_price_that_no_column_holds_once_it_is_converted_is_none(owner: User):
    make_rate("KWD", "0.30")
    runbook = saved(owner, facts=make_listing_facts(price=Money(HIGHEST, "KWD")))
    assert (runbook.current_asking_price, runbook.original_asking_price) == (None, None)
    assert runbook.asked["why_none"] == "more than 99,999,999.99 US dollars are asked"
    assert runbook.asked["amount"] == str(HIGHEST)


def test_a_decision_and_a_second_opinion_survive_a_refresh(owner: User):
    saved(owner)
    EvalRunbook.objects.update(decision="BUY", decision_reason="I want it", napoleon_recommendation="PASS", provenance={"napoleon": 1})
    again = saved(owner)
    assert (again.decision, again.decision_reason, again.napoleon_recommendation) == ("BUY", "I want it", "PASS")
    assert again.provenance["napoleon"] == 1


# What was seen


def test_each_claim_names_the_photos_it_rests_on(owner: User):
    reading = PhotoReading(
        condition_negatives=(Claim("front hinge cracked", ("an-id",)),),
        contradictions=(Contradiction("fine", "heavy foxing", ("an-id", "other-id")),),
        missing_photos=(MissingPhoto("the spine", "Could you send a photo of the spine?"),),
        item_identification={"binder": Claim("Riviere", in_text=True)},
        year=1865,
        narrative="A set.",
    )
    runbook = saved(owner, reading=reading)
    assert runbook.condition_negatives == [{"text": "front hinge cracked", "images": ["an-id"], "in_text": False}]
    assert runbook.contradictions == [
        {"text": "fine — heavy foxing", "said": "fine", "seen": "heavy foxing", "images": ["an-id", "other-id"]}
    ]
    assert runbook.missing_photos == [{"what": "the spine", "question": "Could you send a photo of the spine?"}]
    assert runbook.item_identification["binder"]["in_text"] is True
    assert runbook.item_identification["year"]["text"] == "1865"


# Comparables


def test_comparables_are_found_again_and_what_is_offered_no_more_stays_as_history(owner: User):
    saved(owner, ebay=[offer(1000, 1), offer(1100, 2)])
    runbook = saved(owner, ebay=[offer(1050, 2), offer(1300, 3)])
    rows = {row.source_key: (row.amount, row.is_current) for row in runbook.comparables.all()}
    assert rows == {"v1|1|0": (Decimal(1000), False), "v1|2|0": (Decimal(1050), True), "v1|3|0": (Decimal(1300), True)}
    assert (runbook.fmv_low, runbook.fmv_high) == (Decimal(1050), Decimal(1300))


def test_a_persons_word_on_a_comparable_stays(owner: User):
    runbook = saved(owner, ebay=[offer(1000, 1), offer(9000, 2)])
    row = runbook.comparables.get(source_key="v1|2|0")
    set_relevance(row, "low", by=owner, why="a later issue")
    adjust(row, by=owner, why="bound better", binding=Decimal(55))
    exclude(row, by=owner, why="another book")
    runbook = saved(owner, ebay=[offer(1000, 1), offer(9500, 2)])
    row.refresh_from_db()
    assert (row.amount, row.excluded, row.excluded_why) == (Decimal(9500), True, "collector: another book")
    assert (row.relevance, row.relevance_why, row.computed_relevance) == ("low", "collector: a later issue", "high")
    assert row.adjustments["binding"] == 55
    assert runbook.fmv_high == Decimal(1000)


def test_what_is_learned_of_the_copy_has_every_comparable_judged_again(owner: User):
    cloth = offer(700, 2, title="Dickens Our Mutual Friend 1865 2 volumes publisher's cloth")
    bound = {"title": "Dickens Our Mutual Friend 2 volumes morocco"}
    unbound = make_listing_facts(title="Dickens OUR MUTUAL FRIEND 1865 2 Volumes", description="")
    runbook = saved(owner, facts=unbound, ebay=[cloth], abebooks=[offer(800, 7, source="abebooks", **bound)])
    typed = add_manual(runbook, Entry(bound["title"], Money(Decimal(900), "USD")), by=owner)
    adjusted = adjust(runbook.comparables.get(origin="ebay"), by=owner, why="bound better", binding=Decimal(55))
    note(owner, kind="paid", title=bound["title"], volumes=2, price=Money(Decimal(500), "USD"), at=date(2024, 5, 31))
    rescore(runbook, cause="rescore")
    judged = {one.origin: (one.relevance, one.relevance_why) for one in runbook.comparables.all()}
    assert set(judged.values()) == {("medium", "the same work, but how this copy is bound is not known")}
    assert set(judged) == {"ebay", "abebooks", "manual", "ledger"}
    reading = PhotoReading(item_identification={"binding_type": Claim("full morocco", ("a",))})
    runbook = saved(owner, facts=unbound, reading=reading, ebay=[cloth], abebooks=None)
    relevance = {one.origin: one.relevance for one in runbook.comparables.all()}
    assert relevance == {"ebay": "medium", "abebooks": "high", "manual": "high", "ledger": "high"}
    adjusted.refresh_from_db()
    assert (adjusted.relevance_why, adjusted.computed_relevance) == ("the same work, but in cloth, not in full leather", "")
    exclude(typed, by=owner, why="a friend's price")
    rescore(runbook, cause="rescore")
    typed.refresh_from_db()
    assert (typed.excluded, typed.excluded_why) == (True, "collector: a friend's price")


def test_a_branch_that_failed_leaves_what_it_found_before(owner: User):
    saved(owner, ebay=[offer(1000, 1)], abebooks=[offer(800, 7, source="abebooks")])
    runbook = saved(owner, ebay=None, abebooks=[])
    assert runbook.missing == ["ebay_fmv"] and runbook.partial
    assert list(runbook.comparables.filter(is_current=True).values_list("origin", flat=True)) == ["ebay"]
    assert runbook.provenance["steps"]["ebay_fmv"] == {"status": "FAILED", "run": 1, "reason": "refused", "why": ""}


def test_of_each_source_the_five_that_say_most_are_kept(owner: User):
    junk = [offer(10, number, title="Our Mutual Friend facsimile") for number in range(10, 13)]
    runbook = saved(owner, ebay=[*junk, *(offer(1000 + number, number) for number in range(1, 8))])
    assert runbook.comparables.count() == 5
    assert not runbook.comparables.filter(excluded=True).exists()


def test_a_sale_and_an_offer_of_one_thing_are_two_comparables(owner: User):
    runbook = saved(owner, ebay=[offer(1000, 1), offer(900, 1, basis="sold", at=date(2026, 11, 1))])
    assert {(row.basis, row.source_key) for row in runbook.comparables.all()} == {("asking", "v1|1|0"), ("sold", "sold:v1|1|0")}


def test_a_foreign_price_is_converted_with_its_rate_or_left_out_of_the_value(owner: User):
    make_rate("GBP", "0.80")
    runbook = saved(owner, ebay=[offer(800, 1, currency="GBP"), offer(900, 2, currency="CHF")])
    pounds, francs = runbook.comparables.order_by("source_key")
    assert (pounds.usd, pounds.rate, pounds.rate_source) == (Decimal(1000), Decimal("0.80"), "frankfurter")
    assert (francs.usd, francs.rate) == (None, None)
    (left_out,) = runbook.fmv_by_basis["left_out"]
    assert left_out == {"key": str(francs.public_id), "why": "no rate from CHF to US dollars is known"}


# Versions


def test_each_saving_is_kept_as_a_version(owner: User):
    saved(owner, ebay=[offer(1000, 1)])
    runbook = saved(owner, ebay=[offer(2000, 1)])
    assert runbook.version == 2
    documents = {version.number: version.document for version in runbook.versions.all()}
    assert [documents[number]["fmv_mid"] for number in (1, 2)] == ["1000.00", "2000.00"]
    assert documents[2]["comparables"][0]["amount"] == "2000.00"
    assert {version.cause for version in runbook.versions.all()} == {"execution"}
