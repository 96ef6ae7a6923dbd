"""What is forgotten of listings: by age, seller, listing and owner; and what stays."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.serializers import serialize

from bookops.clock import database_now
from bookops.forgetting import forget_old as forget_all
from bookops.runs import State
from runbooks.evaluating import rescore
from runbooks.models import Comparable, Copy, EvalRunbook, KeptPage, Listing, ListingImage, ListingSnapshot, RunbookVersion, StepRun
from runbooks.retention import forget_old, purge_listing, purge_owner, purge_seller
from sandbox.listings import by_case
from sandbox.running import RunningSandbox
from tests.factories import make_owner
from tests.runbooks.evaluated import make_comparable, make_copy, make_execution, make_listing, make_runbook
from tests.runbooks.factories import evaluate, runbook_of

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(days=31)


def keep_file(name: str) -> str:
    return default_storage.save(name, ContentFile(b"bytes"))


def fill(listing: Listing) -> list[str]:
    """Give a listing a photo, a snapshot, a step and a page, and return the names of its files."""
    keys = [keep_file(f"photos/{listing.pk}/{size}.jpg") for size in ("full", "reduced", "thumbnail")]
    upload = keep_file(f"uploads/{listing.pk}.jpg")
    ListingImage.objects.create(
        listing=listing, position=0, key=keys[0], reduced_key=keys[1], thumbnail_key=keys[2], source_url=f"upload:{upload}"
    )
    ListingSnapshot.objects.create(listing=listing, facts=listing.facts, digest="d", at=database_now())
    execution = make_execution(listing, state=State.SUCCEEDED)
    StepRun.objects.create(execution=execution, name="fetch_listing", state=State.SUCCEEDED, output=listing.facts)
    page = keep_file(f"pages/{listing.pk}.html")
    KeptPage.objects.create(execution=execution, source="ebay", reason="bad_answer", key=page)
    return [*keys, upload, page]


def old_listing(**changes: object) -> Listing:
    return make_listing(fetched_at=database_now() - LONG_AGO, **changes)


def test_purging_deletes_photos_words_and_pages_and_keeps_the_key():
    listing = make_listing()
    files = fill(listing)
    assert purge_listing(listing)
    assert not any(default_storage.exists(name) for name in files)
    assert (listing.facts, listing.title, listing.seller) == ({}, "", "")
    assert listing.key.startswith("ebay:")
    assert listing.purged_at is not None
    assert (listing.images.count(), listing.snapshots.count(), KeptPage.objects.count()) == (0, 0, 0)
    assert StepRun.objects.get().output == {}
    assert not purge_listing(listing)


def test_what_was_concluded_stays_without_the_listing():
    runbook = make_runbook()
    purge_listing(runbook.copy.listing)
    runbook.refresh_from_db()
    assert runbook.total_score > 0
    assert {version.document["listing"] for version in RunbookVersion.objects.all()} == {None}


def test_purging_stops_what_reads_it():
    listing = make_listing()
    execution = make_execution(listing, state=State.RUNNING)
    purge_listing(listing)
    execution.refresh_from_db()
    assert execution.state == State.CANCELLED


def test_photos_that_a_person_gave_and_nobody_took_in_are_deleted():
    waiting = keep_file("uploads/waiting.jpg")
    purge_listing(make_listing(facts={"title": "pasted", "image_urls": [f"upload:{waiting}"]}))
    assert not default_storage.exists(waiting)


def test_a_photo_whose_file_is_gone_does_not_keep_the_rest():
    listing = make_listing()
    default_storage.delete(fill(listing)[0])
    assert purge_listing(listing)


def test_age_takes_what_was_never_acquired(settings):
    settings.LISTING_DAYS = 30
    old, fresh, bought, removed, busy = old_listing(), make_listing(), old_listing(), old_listing(), old_listing()
    make_copy(old.owner, listing=old)
    make_copy(bought.owner, listing=bought, status=Copy.Status.ON_HAND, purchase_price=Decimal(5))
    make_copy(removed.owner, listing=removed, status=Copy.Status.REMOVED)
    make_execution(busy, state=State.PARKED)
    assert forget_old() == 2
    assert set(Listing.objects.filter(purged_at=None)) == {fresh, bought, busy}
    assert forget_old() == 0


def test_pages_of_nobodys_listing_are_forgotten_too():
    page = keep_file("pages/x.html")
    KeptPage.objects.create(source="abebooks", reason="bad_answer", key=page)
    forget_old()
    assert KeptPage.objects.count() == 1
    KeptPage.objects.update(at=database_now() - LONG_AGO)
    forget_old()
    assert (KeptPage.objects.count(), default_storage.exists(page)) == (0, False)


def test_the_hourly_round_forgets_them():
    old_listing()
    assert forget_all()["listings"] == 1


def test_a_sellers_listings_go_with_every_owner_and_so_does_the_name():
    mine, other = make_listing(seller="Tomes"), make_listing(seller="another")
    bought = make_copy(mine.owner, listing=mine, status=Copy.Status.ON_HAND, purchase_price=Decimal(5))
    fill(mine)
    found = {"offers": [{"title": "x", "seller": "tomes"}, {"title": "Tomes of old", "seller": "another"}]}
    step = StepRun.objects.create(execution=make_execution(other), name="ebay_fmv", state=State.SUCCEEDED, output=found)
    assert purge_seller("tomes") == 1
    mine.refresh_from_db()
    other.refresh_from_db()
    step.refresh_from_db()
    assert (mine.facts, other.seller) == ({}, "another")
    assert step.output == {"offers": [{"title": "x", "seller": ""}, {"title": "Tomes of old", "seller": "another"}]}
    assert Copy.objects.get(pk=bought.pk).purchase_price == 5


@pytest.mark.parametrize("name", ["tomes", "tömes & co"])
def test_no_table_names_a_seller_who_was_purged(name):
    runbook = make_runbook()
    listing = runbook.copy.listing
    Listing.objects.filter(pk=listing.pk).update(seller=name, facts=listing.facts | {"seller": name})
    listing.refresh_from_db()
    fill(listing)
    compared = make_runbook()
    make_comparable(compared, 100, source=name.upper())
    rescore(compared, cause="comparables")
    purge_seller(name)
    tables = (Listing, ListingSnapshot, StepRun, RunbookVersion, EvalRunbook, Comparable)
    rows = [row for table in tables for row in json.loads(serialize("json", table.objects.all()))]
    assert name not in json.dumps(rows, ensure_ascii=False).casefold()


@pytest.mark.parametrize("is_read", [True, False], ids=["read by the model", "read by the code alone"])
def test_no_table_holds_what_a_purged_seller_wrote(sandbox: RunningSandbox, settings: Any, is_read: bool):
    settings.PHOTOS_TO_MODEL = settings.TEXT_TO_MODEL = is_read
    runbook = runbook_of(evaluate(make_owner(), "contradicted"))
    scores = (runbook.total_score, runbook.combined_score, runbook.recommendation_tier)
    written = ("tight and clean", "no foxing", "no marks of ownership", "hinges perfect", "a trifle bumped")
    assert any(words in everything() for words in written)
    purge_seller(by_case("contradicted").seller)
    assert [words for words in written if words in everything()] == []
    runbook.refresh_from_db()
    rescore(runbook, cause="rescore")
    assert (runbook.total_score, runbook.combined_score, runbook.recommendation_tier) == scores, "conclusions stay"
    assert [words for words in written if words in everything()] == []


def test_what_photos_contradict_stays_without_what_the_seller_said():
    seen = {"text": "tight and clean — a loose hinge", "said": "tight and clean", "seen": "a loose hinge", "images": ["an-id"]}
    runbook = make_runbook(contradictions=[seen])
    purge_listing(runbook.copy.listing)
    runbook.refresh_from_db()
    left = [{"text": "a loose hinge", "said": "", "seen": "a loose hinge", "images": ["an-id"]}]
    assert runbook.contradictions == runbook.versions.get().document["contradictions"] == left


def everything() -> str:
    """Return all columns of all tables as one text in lower case."""
    return "".join(serialize("json", model._default_manager.all(), ensure_ascii=False) for model in apps.get_models()).casefold()


def test_an_owners_listings_leave_no_file_behind():
    owner = make_owner()
    files = fill(make_listing(owner)) + fill(make_listing(owner))
    others = fill(make_listing())
    assert purge_owner(owner) == 2
    assert not any(map(default_storage.exists, files))
    assert all(map(default_storage.exists, others))
    owner.delete()
    assert json.loads(serialize("json", Listing.objects.filter(owner_id=owner.pk))) == []
