"""The desk's pages about evaluations: who may see and press what, what each button does, and what a page costs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.contrib.messages import get_messages
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.language_models import LanguageModel, load_models
from bookops.runs import State
from bookops.spend import Budget
from bookops.staff_groups import ADMIN, EDITOR, VIEWER, make_groups
from runbooks.advancing import Course
from runbooks.identifying import subject_of
from runbooks.models import (
    AccountDeletion,
    Author,
    AuthorTier,
    Binder,
    BulkImport,
    BulkLink,
    Comparable,
    Copy,
    EraRow,
    EvalRunbook,
    ExchangeRate,
    Execution,
    GoalRow,
    GradeAlias,
    KeptPage,
    LedgerEntry,
    Listing,
    ListingImage,
    Preference,
    PriceChange,
    Publisher,
    RequirementRow,
    RunbookVersion,
    StepAttempt,
    StepRun,
)
from runbooks.plan import STEPS
from tests.api.clients import body_of
from tests.desk import client_of, listing_of, make_staff, page, press, told
from tests.factories import make_owner
from tests.runbooks.evaluated import make_comparable, make_execution, make_rate, make_valued
from tests.runbooks.factories import make_step

pytestmark = pytest.mark.django_db

#: Every model that has a list here.
LISTED = [
    *(Execution, EvalRunbook, Copy, Listing, Comparable, PriceChange, RunbookVersion, BulkImport, AccountDeletion),
    *(LedgerEntry, ExchangeRate, Publisher, Binder, Author, EraRow, GradeAlias, AuthorTier, Preference, RequirementRow, GoalRow),
]
JPEG = b"\xff\xd8\xff\xe0 not decoded here"


@pytest.fixture(autouse=True)
def no_broker() -> Iterator[Any]:
    """Keep what is rung: these tests press, and do not work."""
    with rung_here() as here:
        yield here


@pytest.fixture
def boss() -> Client:
    return client_of(make_owner("boss", is_staff=True, is_superuser=True))


def make_runbook(**changes: Any) -> EvalRunbook:
    """Return a runbook worth 300 dollars, with photos, findings and a comparable of each basis."""
    runbook = make_valued(280, 300, 320, 900, **changes)
    make_comparable(runbook, 450, basis="asking", relevance="medium", url="https://www.ebay.com/itm/1", excluded=True, excluded_why="a lot")
    make_comparable(runbook, 120, basis="auction", relevance="low", currency="GBP")
    image = make_photo(runbook.copy.listing)
    EvalRunbook.objects.filter(pk=runbook.pk).update(
        critical_issues=[{"text": "Board detached", "images": [str(image.public_id)], "in_text": False}],
        condition_negatives=[{"text": "Foxing", "images": [], "in_text": True}],
        contradictions=[{"text": "x", "said": "Tight", "seen": "Cracked hinge", "images": [str(image.public_id)]}],
        missing_photos=[{"what": "The spine", "question": "Could you show the spine?"}],
        item_identification={"binding_type": {"text": "half calf", "images": [str(image.public_id)]}},
        analysis_narrative="A sound set.",
        provenance={"steps": {"abebooks_fmv": {"status": "SKIPPED", "why": "It is switched off."}}},
    )
    runbook.refresh_from_db()
    return runbook


def make_photo(listing: Listing, position: int = 0, **changes: Any) -> ListingImage:
    """Return a stored photo with its files."""
    keys = {name: default_storage.save(f"photos/{position}-{name}.jpg", ContentFile(JPEG)) for name in ("key", "thumbnail_key")}
    values = {"position": position, "source_url": f"https://i.ebayimg.com/{position}.jpg", "width": 1600, "height": 1200}
    return ListingImage.objects.create(listing=listing, **values | keys | changes)


def make_run(runbook: EvalRunbook | None = None, **changes: Any) -> Execution:
    """Return an execution whose AbeBooks step has failed, beside two that have succeeded."""
    runbook = runbook or make_runbook()
    now = database_now()
    execution = make_execution(runbook.copy.listing, runbook=runbook, state=State.SUCCEEDED, saved_at=now, started_at=now, **changes)
    for name, state in (("fetch_listing", State.SUCCEEDED), ("ebay_fmv", State.SUCCEEDED), ("abebooks_fmv", State.FAILED)):
        run = StepRun.objects.create(
            execution=execution, name=name, state=state, attempts=1, output={"offers": []}, started_at=now, ended_at=now
        )
        StepAttempt.objects.create(step=run, number=1, outcome=state, started_at=now, ended_at=now + timedelta(seconds=2))
    course = Course.of(execution)
    for run in course.current.values():
        StepRun.objects.filter(pk=run.pk).update(input_hash=course.input_hash(STEPS[run.name], {}))
    return execution


def make_bulk(owner: User | None = None, **changes: Any) -> BulkImport:
    """Return a bulk import with a link that waits and one that failed."""
    bulk = BulkImport.objects.create(**{"owner": owner or make_owner(), "total": 2, "state": State.RUNNING} | changes)
    BulkLink.objects.create(bulk=bulk, line=1, url="https://www.ebay.com/itm/256712345678")
    BulkLink.objects.create(bulk=bulk, line=2, url="https://www.ebay.com/itm/256712345679", outcome=State.FAILED)
    return bulk


def pages() -> list[str]:
    """Return the address of every page, each with something on it."""
    make_rate("GBP", "0.80")
    runbook = make_runbook()
    execution, bulk = make_run(runbook), make_bulk(runbook.owner)
    KeptPage.objects.create(execution=execution, source="abebooks", reason="unknown_markup", key="pages/x")
    execution.record("step", step="fetch_listing", status="running")
    deletion = AccountDeletion.objects.create(notification_id="n1")
    shown = [execution, runbook, runbook.copy, runbook.copy.listing, runbook.comparables.first(), runbook.versions.first(), bulk, deletion]
    forms = ("runbooks_execution_add", "runbooks_execution_paste", "runbooks_bulkimport_add")
    return [*(reverse(f"admin:{name}") for name in forms), *map(page, shown), *map(listing_of, LISTED)]


@pytest.mark.themed
def test_every_page_opens(boss):
    for address in [*pages(), reverse("admin:index")]:
        response = boss.get(address)
        assert response.status_code == 200, address
        assert response.rendered_content


def test_a_stranger_is_asked_to_log_in():
    for address in pages():
        assert Client().get(address).status_code == 302


def test_staff_without_permissions_see_nothing():
    client = client_of(make_owner(is_staff=True))
    for address in pages():
        assert client.get(address).status_code == 403, address


# Each button, by what it is pressed on, and the groups that may.

EDITORS, ADMINS = {EDITOR, ADMIN}, {ADMIN}
BUTTONS = {
    ("execution", "cancel"): EDITORS,
    ("execution", "retry_failed"): EDITORS,
    ("execution", "retry_step"): EDITORS,
    ("runbook", "refresh"): EDITORS,
    ("runbook", "rescore"): EDITORS,
    ("runbook", "price"): EDITORS,
    ("runbook", "decision"): EDITORS,
    ("runbook", "exclude"): EDITORS,
    ("runbook", "include"): EDITORS,
    ("runbook", "relevance"): EDITORS,
    ("runbook", "adjust"): EDITORS,
    ("runbook", "delete_comparable"): EDITORS,
    ("runbook", "add_comparable"): EDITORS,
    ("runbook", "add_file"): EDITORS,
    ("runbook", "add_lines"): EDITORS,
    ("runbook", "quarantine"): EDITORS,
    ("runbook", "restore"): EDITORS,
    ("runbook", "acquire"): EDITORS,
    ("runbook", "receive"): EDITORS,
    ("runbook", "remove"): EDITORS,
    ("runbook", "delete"): ADMINS,
    ("copy", "acquire"): EDITORS,
    ("copy", "receive"): EDITORS,
    ("copy", "remove"): EDITORS,
    ("listing", "purge"): ADMINS,
    ("listing", "purge_seller"): ADMINS,
    ("bulk", "cancel"): EDITORS,
    ("bulk", "retry_failed"): EDITORS,
}


@pytest.mark.parametrize("group", [VIEWER, EDITOR, ADMIN])
@pytest.mark.once
def test_each_button_is_for_its_groups(group):
    client = client_of(make_staff(group))
    for (kind, name), groups in BUTTONS.items():
        runbook = make_runbook()
        subject = {
            "execution": lambda runbook=runbook: make_run(runbook),
            "runbook": lambda runbook=runbook: runbook,
            "copy": lambda runbook=runbook: runbook.copy,
            "listing": lambda runbook=runbook: runbook.copy.listing,
            "bulk": make_bulk,
        }[kind]()
        expected = 302 if group in groups else 403
        assert press(client, subject, name).status_code == expected, (kind, name)


def test_the_matrix_names_every_button():
    from django.contrib import admin

    models = {"execution": Execution, "runbook": EvalRunbook, "copy": Copy, "listing": Listing, "bulk": BulkImport}
    there = {(kind, button.name) for kind, model in models.items() for button in admin.site._registry[model].buttons}
    assert there == set(BUTTONS)


@pytest.mark.parametrize(("group", "offered"), [(VIEWER, False), (EDITOR, True), (ADMIN, True)])
@pytest.mark.themed
def test_pages_offer_what_a_person_may(group, offered):
    client = client_of(make_staff(group))
    runbook = make_runbook()
    execution = make_run(runbook)
    for obj in (runbook, execution, runbook.copy):
        assert (b"/press/" in client.get(page(obj)).content) is offered, obj
    status = 200 if offered else 403
    for name in ("runbooks_execution_add", "runbooks_execution_paste", "runbooks_bulkimport_add"):
        assert client.get(reverse(f"admin:{name}")).status_code == status
    assert (b"Evaluate a listing" in client.get(reverse("admin:index")).content) is offered


@pytest.mark.parametrize("group", [VIEWER, EDITOR, ADMIN])
def test_tables_are_written_by_their_groups(group):
    client = client_of(make_staff(group))
    owners = {LedgerEntry, AuthorTier, Preference, RequirementRow, GoalRow}
    for model in (*owners, Publisher, Binder, Author, EraRow, GradeAlias, ExchangeRate, LanguageModel, Budget):
        may = group == ADMIN or (group == EDITOR and model in owners)
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")
        assert client.get(address).status_code == (200 if may else 403), model
    assert client.get(reverse("admin:auth_user_changelist")).status_code == 403


def test_making_the_groups_again_keeps_what_staff_added():
    make_groups()
    viewer = Group.objects.get(name=VIEWER)
    extra = Permission.objects.get(codename="run_execution")
    viewer.permissions.add(extra)
    assert set(make_groups().values()) == {0}
    assert extra in viewer.permissions.all()


# Beginning


@pytest.mark.themed
def test_a_link_begins_an_evaluation():
    user = make_staff(EDITOR)
    link = {"url": "https://www.ebay.de/itm/256712345678?_trk=1", "ebay_query": "moonstone", "without": ["abebooks_fmv"]}
    response = client_of(user).post(reverse("admin:runbooks_execution_add"), link)
    execution = Execution.objects.get()
    assert response.headers["Location"] == page(execution)
    assert (execution.owner, execution.listing_key) == (user, "ebay:256712345678")
    assert execution.options == {"queries": {"ebay_fmv": "moonstone"}, "without": ["abebooks_fmv"]}


def test_the_same_link_again_leads_to_the_one_that_runs(boss):
    for _ in range(2):
        response = boss.post(reverse("admin:runbooks_execution_add"), {"url": "256712345678"})
    assert "already" in told(response)
    assert Execution.objects.count() == 1
    other = boss.post(reverse("admin:runbooks_execution_add"), {"url": "256712345678", "ebay_query": "other"})
    assert "other options" in str(other.context["form"].errors)


def test_a_refused_link_says_what_is_accepted(boss):
    response = boss.post(reverse("admin:runbooks_execution_add"), {"url": "https://www.ebay.com/b/Books/267"})
    assert "ebay.com/itm/" in str(response.context["form"].errors["url"])
    assert not Execution.objects.exists()


def test_a_listing_is_typed_by_hand():
    user = make_staff(EDITOR)
    photos = [SimpleUploadedFile(f"{at}.jpg", JPEG, "image/jpeg") for at in range(2)]
    typed = {
        "title": "The Moonstone",
        "author": "Wilkie Collins",
        "price": "120",
        "currency": "gbp",
        "text": "Three volumes.",
        "photos": photos,
    }
    client_of(user).post(reverse("admin:runbooks_execution_paste"), typed)
    facts = Listing.objects.get(owner=user).record
    assert (facts.title, str(facts.price), facts.description, facts.is_pasted) == ("The Moonstone", "120 GBP", "Three volumes.", True)
    assert subject_of(facts).author == "Wilkie Collins"
    assert len(facts.image_urls) == 2
    assert Execution.objects.get().cause == "paste"


def test_a_file_that_is_no_photo_is_refused_by_name(boss):
    photos = [SimpleUploadedFile("front.jpg", JPEG), SimpleUploadedFile("spine.jpg", b"<svg/>", "image/jpeg")]
    response = boss.post(reverse("admin:runbooks_execution_paste"), {"title": "x", "currency": "USD", "photos": photos})
    assert "spine.jpg is no JPEG, PNG, WebP or GIF file" in str(response.context["form"].errors["photos"])
    assert not Execution.objects.exists()


def test_too_many_photos_are_refused(boss):
    photos = [SimpleUploadedFile(f"{at}.jpg", JPEG, "image/jpeg") for at in range(25)]
    response = boss.post(reverse("admin:runbooks_execution_paste"), {"title": "x", "currency": "USD", "photos": photos})
    assert "at most 24" in str(response.context["form"].errors["photos"])
    assert not Execution.objects.exists()


def test_only_a_superuser_evaluates_for_someone_else(boss):
    reader = make_owner("reader")
    boss.post(reverse("admin:runbooks_execution_add"), {"url": "256712345678", "owner": "reader"})
    assert Execution.objects.get().owner == reader
    editor = make_staff(EDITOR)
    client_of(editor).post(reverse("admin:runbooks_execution_add"), {"url": "256712345679", "owner": "reader"})
    assert Execution.objects.get(listing_key="ebay:256712345679").owner == editor


# An execution


@pytest.mark.themed
def test_a_step_runs_again_with_another_query(boss):
    execution = make_run()
    assert "as number 2" in told(press(boss, execution, "retry_step", "ebay_fmv", query="other words"))
    run = StepRun.objects.get(execution=execution, name="ebay_fmv", is_current=True)
    assert (run.number, run.variant) == (2, {"query": "other words"})
    shown = boss.get(page(execution)).content.decode()
    assert 'data-earlier="ebay_fmv"' in shown


def test_a_step_that_there_is_not_is_refused(boss):
    assert "There is no step" in told(press(boss, make_run(), "retry_step", "explode"))


def test_failed_steps_run_again(boss):
    execution = make_run()
    assert told(press(boss, execution, "retry_failed")) == "1 step runs again."


def test_cancelling_an_execution_says_whether_it_did(boss):
    execution = make_execution(make_runbook().copy.listing, state=State.RUNNING)
    assert told(press(boss, execution, "cancel")) == "The execution was cancelled."
    assert "ended already" in told(press(boss, execution, "cancel"))


def test_a_live_page_looks_again_while_a_step_moves(boss):
    execution = make_run()
    live = reverse("admin:runbooks_execution_live", args=[execution.pk])
    assert boss.get(live).json()["look_again_in"] == 0
    parked = execution.steps.get(name="abebooks_fmv")
    StepRun.objects.filter(pk=parked.pk).update(state=State.PARKED, waiting_for="budget", next_at=database_now() + timedelta(hours=3))
    answer = boss.get(live).json()
    assert answer["look_again_in"] > 1
    assert "waits for the budget" in " ".join(answer["parts"]["now"].split())
    StepRun.objects.filter(pk=parked.pk).update(state=State.PENDING, waiting_for="")
    assert boss.get(live).json()["look_again_in"] == 1
    assert set(answer["parts"]) == {"now", "steps", "events"}


def test_a_live_page_looks_again_when_a_result_is_late_and_nothing_has_been_opened_for_it_yet(boss):
    execution = make_run()
    StepRun.objects.filter(execution=execution, name="fetch_listing").update(output={"facts": {"title": "other"}})
    assert boss.get(reverse("admin:runbooks_execution_live", args=[execution.pk])).json()["look_again_in"] == 1


@pytest.mark.themed
def test_a_failed_reading_offers_to_paste_the_listing(boss):
    execution = make_execution(make_runbook().copy.listing, state=State.FAILED, reason="not_found", detail="It is gone.")
    shown = boss.get(page(execution)).content.decode()
    assert reverse("admin:runbooks_execution_paste") in shown


def test_a_page_that_could_not_be_read_is_saved_and_never_shown(boss):
    execution = make_run()
    key = default_storage.save("pages/x", ContentFile(b"<script>alert(1)</script>"))
    kept = KeptPage.objects.create(execution=execution, source="abebooks", reason="unknown_markup", key=key)
    answer = boss.get(reverse("admin:runbooks_execution_kept_page", args=[execution.pk, kept.pk]))
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    other = make_run()
    assert boss.get(reverse("admin:runbooks_execution_kept_page", args=[other.pk, kept.pk])).status_code == 404


def test_the_cost_stands_beside_what_was_meant(boss):
    execution = make_run()
    StepRun.objects.filter(execution=execution, name="ebay_fmv").update(cost=10_000)
    shown = boss.get(page(execution)).content.decode()
    assert "$0.0100" in shown
    assert "25 %" in shown


# A runbook


@pytest.mark.themed
def test_a_runbook_shows_all_that_a_dealer_asks(boss):
    runbook = make_runbook()
    make_run(runbook)
    shown = boss.get(page(runbook)).content.decode()
    for words in (
        *(
            "Asking",
            "Est. FMV",
            "Recommend",
            "Delta",
            "$275",
            "A sound set.",
            "Board detached",
            "Cracked hinge",
            "Could you show the spine?",
        ),
        *("AbeBooks comparables: not looked up", "Item Identification", "Condition", "Strategic Scoring", "FMV Pricing", "Critical Issues"),
        *("a lot", "no rate is known", "History of price and score"),
    ):
        assert words in shown, words


@pytest.mark.themed
def test_the_list_is_saved_as_it_is_filtered(boss):
    one, other = make_runbook(), make_runbook()
    Copy.objects.filter(pk=other.copy_id).update(status=Copy.Status.ON_HAND, purchase_price=1)
    shown = boss.get(listing_of(EvalRunbook), {"copy__status__exact": "ON_HAND"}).content.decode()
    address = f"{reverse('admin:runbooks_evalrunbook_csv')}?copy__status__exact=ON_HAND"
    assert f'href="{address}"' in shown
    rows = list(csv.DictReader(io.StringIO(body_of(boss.get(address)).decode())))
    assert [(row["id"], row["owner"]) for row in rows] == [(str(other.public_id), other.owner.username)]
    everything = body_of(boss.get(reverse("admin:runbooks_evalrunbook_csv"))).decode()
    assert str(one.public_id) in everything
    assert boss.get(reverse("admin:runbooks_evalrunbook_csv"), {"nonsense": "1"}).status_code == 302


def test_nobody_saves_a_list_that_they_may_not_see():
    make_runbook()
    nobody = client_of(make_owner("clerk", is_staff=True))
    assert nobody.get(reverse("admin:runbooks_evalrunbook_csv")).status_code == 403


def test_an_auction_that_runs_says_when_it_ends(boss):
    runbook = make_runbook()
    make_comparable(runbook, 90, basis="auction", at=date(2999, 1, 2))
    make_comparable(runbook, 91, basis="auction", at=date(2024, 1, 2))
    shown = boss.get(page(runbook)).content.decode()
    assert "ends 2999-01-02" in shown
    assert "ends 2024-01-02" not in shown


def test_a_photo_that_could_not_be_had_says_why(boss):
    runbook = make_runbook()
    ListingImage.objects.create(listing=runbook.copy.listing, position=6, source_url="u", fate="refused", reason="not_an_image")
    assert "1 could not be had: photo 7, <bdi>not an image</bdi>." in boss.get(page(runbook)).content.decode()


def test_what_came_of_the_photos_is_told_in_words(boss):
    execution = make_execution(make_runbook().copy.listing)
    make_step(execution, "download_images", output={"images": ["a"], "listed": 2}, state=State.SUCCEEDED)
    ListingImage.objects.create(listing=execution.listing, position=1, source_url="u", fate="skipped", reason="banner")
    words = boss.get(page(execution)).content.decode()
    assert "1 of 2 photos that the listing names is kept. Photo 2 was left out: <bdi>banner</bdi>." in words


def test_what_if_shows_both_and_writes_nothing(boss):
    runbook = make_runbook()
    before = (EvalRunbook.objects.values().get(pk=runbook.pk), runbook.versions.count())
    shown = boss.get(page(runbook), {"what_if": "100"})
    assert {name: (was, then) for name, was, then, _ in shown.context["what_if"]}["Asking price"] == ("$275", "$100")
    assert (EvalRunbook.objects.values().get(pk=runbook.pk), runbook.versions.count()) == before
    for nonsense in ("abc", "NaN", "-5", "1e99", "Infinity", "", "12.345"):
        assert boss.get(page(runbook), {"what_if": nonsense}).context["what_if_refused"], nonsense


def test_a_price_is_saved_with_its_code_and_note(boss):
    runbook = make_runbook()
    response = press(boss, runbook, "price", price="150", discount_code="TEN", notes="agreed", part="price")
    assert response.headers["Location"].endswith("/change/#price")
    runbook.refresh_from_db()
    change = runbook.price_changes.get()
    assert (runbook.current_asking_price, runbook.discount_code, change.notes) == (Decimal(150), "TEN", "agreed")
    assert change.changed_by.username == "boss"
    assert "$275 → $150" in told(response)
    assert "Asking price" in told(press(boss, runbook, "price", price="much"))


def test_a_press_that_did_nothing_is_no_part_of_the_history(boss):
    runbook = make_runbook()
    press(boss, runbook, "price", price="much")
    press(boss, runbook, "price", price="275", discount_code=runbook.discount_code)
    assert not LogEntry.objects.exists()
    press(boss, runbook, "price", price="150")
    assert "$275 → $150" in LogEntry.objects.get().get_change_message()


def test_a_price_is_not_forgotten_with_a_discount_code(boss):
    runbook = make_runbook()
    assert "Give the price." in told(press(boss, runbook, "price", price="", discount_code="TEN"))
    runbook.refresh_from_db()
    assert (runbook.current_asking_price, runbook.discount_code) == (Decimal(275), "")


def test_the_same_price_again_is_no_change(boss):
    runbook = make_runbook()
    press(boss, runbook, "price", price="150", discount_code="TEN")
    assert told(press(boss, runbook, "price", price="150.00", discount_code="TEN")) == "The price is $150 already."
    press(boss, runbook, "price", price="150", discount_code="TEN", notes="confirmed by letter")
    assert [change.notes for change in runbook.price_changes.all()] == ["confirmed by letter", ""]


def test_a_price_is_not_overwritten_from_a_page_that_shows_an_earlier_one(boss):
    runbook = make_runbook()
    assert 'name="was" value="275.00"' in boss.get(page(runbook)).content.decode()
    press(boss, runbook, "price", price="150", was="275.00")
    assert "The price is $150 by now" in told(press(boss, runbook, "price", price="90", was="275.00"))
    runbook.refresh_from_db()
    assert runbook.current_asking_price == Decimal(150)
    press(boss, runbook, "price", price="90", was="150.00")
    runbook.refresh_from_db()
    assert runbook.current_asking_price == Decimal(90)


def test_a_comparable_that_does_not_count_is_told_with_why(boss):
    runbook = make_runbook()
    for title, why in (
        ("Some Other Book", "left out"),
        ("Collins, Basil, 3 vols", "does not count beside relevant ones: low, another work by"),
    ):
        response = press(boss, runbook, "add_comparable", title=title, price="45", basis="sold")
        assert why in told(response)
        assert [message.level_tag for message in get_messages(response.wsgi_request)][-1] == "warning"
    assert "of high relevance" in told(press(boss, runbook, "add_comparable", title="Another", price="45", basis="sold", relevance="high"))


def test_a_button_leads_back_to_parts_of_the_page_only(boss):
    response = press(boss, make_runbook(), "price", price="150", part='"><script>')
    assert response.headers["Location"].endswith("/change/")


@pytest.mark.themed
def test_what_is_refused_stands_in_its_form_once_more_with_why(boss):
    runbook = make_runbook()
    response = press(boss, runbook, "add_comparable", title="The Moonstone", price="abc", basis="sold", part="comparables")
    assert response.headers["Location"].endswith("/change/#refused")
    shown = boss.get(page(runbook))
    assert shown.context["refused"].why == told(response)
    words = shown.content.decode()
    assert 'open id="refused"' in words
    assert 'value="The Moonstone"' in words
    assert 'value="abc"' in words
    # Once: the next view of the page begins anew.
    assert 'id="refused"' not in boss.get(page(runbook)).content.decode()


def test_a_refused_change_of_a_comparable_is_shown_with_that_comparable(boss):
    runbook = make_runbook()
    key = str(runbook.comparables.get(amount=900).public_id)
    press(boss, runbook, "adjust", key, why="cloth", binding="much", part="comparables")
    shown = boss.get(page(runbook)).context["comparables"]
    assert [str(one["row"].public_id) for one in shown if one["is_refused"]] == [key]
    assert next(one["typed"]["binding"] for one in shown if one["is_refused"]) == "much"


def test_what_came_of_a_press_is_told_in_its_part_of_the_page_too(boss):
    runbook = make_runbook()
    press(boss, runbook, "price", price="150", part="price")
    assert boss.get(page(runbook)).content.decode().count("$275 → $150") >= 2
    press(boss, runbook, "rescore")
    assert boss.get(page(runbook)).content.decode().count("Scored again") == 1


def test_comparables_are_changed_in_place_with_who_and_why(boss):
    runbook = make_runbook()
    one = runbook.comparables.get(amount=900)
    key = str(one.public_id)
    assert "Why" in told(press(boss, runbook, "exclude", key))
    assert "Value now" in told(press(boss, runbook, "exclude", key, why="another edition"))
    press(boss, runbook, "relevance", key, why="half the binding", relevance="low")
    press(boss, runbook, "adjust", key, why="cloth", binding="55", edition="", condition="")
    one.refresh_from_db()
    assert (one.excluded, one.excluded_why, one.relevance) == (True, "boss: another edition", "low")
    assert one.adjustments["binding"] == 55
    press(boss, runbook, "include", key, why="the same after all")
    one.refresh_from_db()
    assert not one.excluded
    assert "no longer here" in told(press(boss, runbook, "exclude", "nonsense", why="x"))
    assert "no longer here" in told(press(boss, runbook, "exclude", str(make_runbook().comparables.first().public_id), why="x"))


@pytest.mark.themed
def test_comparables_are_added_by_hand_by_file_and_pasted(boss):
    runbook = make_runbook()
    one = {
        "title": "The Moonstone, 3 vols",
        "author": "W. Collins",
        "price": "£45",
        "basis": "sold",
        "at": "2024-05-31",
        "relevance": "high",
        "why": "seen",
    }
    press(boss, runbook, "add_comparable", **one)
    file = SimpleUploadedFile("c.csv", b"title,price,colour\nThe Moonstone 1868,$410,red\nNo price,,\n", "text/csv")
    answer = told(press(boss, runbook, "add_file", file=file, basis="sold"))
    assert all(words in answer for words in ("1 added.", "colour", "Line 3"))
    press(boss, runbook, "add_lines", text="Moonstone, 3 volumes, sold 2024-03-02 $350", basis="asking")
    added = {(row.currency, row.amount, row.basis) for row in runbook.comparables.filter(origin="manual")}
    assert added == {("GBP", Decimal(45), "sold"), ("USD", Decimal(410), "sold"), ("USD", Decimal(350), "sold")}
    assert runbook.comparables.get(amount=45).author == "W. Collins"
    assert b"W. Collins" in boss.get(page(runbook)).content
    mine = runbook.comparables.get(amount=350)
    assert "Deleted" in told(press(boss, runbook, "delete_comparable", str(mine.public_id)))
    fetched = runbook.comparables.get(amount=280)
    assert "exclude it instead" in told(press(boss, runbook, "delete_comparable", str(fetched.public_id)))
    assert "no address of the web" in told(press(boss, runbook, "add_comparable", **one | {"url": "javascript:alert(1)"}))


def test_a_decision_stands_beside_the_computed_one(boss):
    runbook = make_runbook()
    computed = runbook.recommendation_tier
    assert "Say why" in told(press(boss, runbook, "decision", decision="PASS"))
    press(boss, runbook, "decision", decision="PASS", reason="no shelf left", part="decision")
    runbook.refresh_from_db()
    assert (runbook.decision, runbook.recommendation_tier, runbook.decided_by.username) == ("PASS", computed, "boss")
    assert "no shelf left" in boss.get(page(runbook)).content.decode()


def test_a_runbook_is_deleted_with_its_copy_unless_that_is_owned(boss):
    runbook, owned = make_runbook(), make_runbook()
    Copy.objects.filter(pk=owned.copy_id).update(status=Copy.Status.ON_HAND, purchase_price=1)
    offered = {one: boss.get(page(one)).content for one in (runbook, owned)}
    assert [b"press/delete/" in offered[one] for one in (runbook, owned)] == [True, False]
    assert [b"press/remove/" in offered[one] for one in (runbook, owned)] == [False, True]
    press(boss, owned, "delete")
    press(boss, runbook, "delete")
    assert list(EvalRunbook.objects.all()) == [owned]
    runbook.copy.refresh_from_db()
    assert runbook.copy.status == Copy.Status.REMOVED


def test_a_copy_is_acquired_received_and_removed(boss):
    runbook = make_runbook()
    copy = runbook.copy
    assert "Price paid" in told(press(boss, runbook, "acquire", price=""))
    assert "not between 1950 and today" in told(press(boss, runbook, "acquire", price="150", at="2999-01-01"))
    press(boss, runbook, "acquire", price="150", at="2024-11-20", place="eBay")
    copy.refresh_from_db()
    assert (copy.status, copy.purchase_price) == (Copy.Status.IN_TRANSIT, Decimal(150))
    assert LedgerEntry.objects.get(copy=copy).amount == Decimal(150)
    assert b"It has arrived" in boss.get(page(runbook)).content
    press(boss, copy, "receive")
    copy.refresh_from_db()
    assert copy.status == Copy.Status.ON_HAND
    assert "in transit" in told(press(boss, copy, "receive"))
    assert press(boss, runbook, "remove").headers["Location"] == listing_of(EvalRunbook)
    copy.refresh_from_db()
    assert copy.status == Copy.Status.REMOVED


def test_a_photo_is_put_aside_and_taken_back(boss):
    runbook = make_runbook()
    image = ListingImage.objects.get(listing=runbook.copy.listing)
    press(boss, runbook, "quarantine", str(image.public_id), why="a coin", part="photos")
    image.refresh_from_db()
    assert (image.fate, image.reason, image.said_by) == ("quarantined", "a coin", "boss")
    assert "1 put aside" in boss.get(page(runbook)).content.decode()
    press(boss, runbook, "restore", str(image.public_id))
    image.refresh_from_db()
    assert image.fate == "kept"
    assert "no longer here" in told(press(boss, make_runbook(), "quarantine", str(image.public_id), why="x"))


def test_photos_are_shown_as_pictures_to_who_may_see_them(boss):
    image = make_photo(make_runbook().copy.listing, 5)
    address = reverse("admin:runbooks_listing_photo", args=[image.public_id, "large"])
    answer = boss.get(address)
    assert (answer.content, answer.headers["Content-Type"], answer.headers["X-Content-Type-Options"]) == (JPEG, "image/jpeg", "nosniff")
    assert client_of(make_owner(is_staff=True)).get(address).status_code == 403
    assert Client().get(address).status_code == 302
    for size in ("reduced", "huge"):
        assert boss.get(reverse("admin:runbooks_listing_photo", args=[image.public_id, size])).status_code == 404


def test_a_version_says_what_it_changed(boss):
    runbook = make_runbook()
    press(boss, runbook, "price", price="150")
    version = runbook.versions.first()
    shown = boss.get(page(version)).content.decode()
    assert "current_asking_price" in shown
    assert version.by.username == "boss"
    assert boss.get(listing_of(RunbookVersion), {"runbook__id__exact": runbook.pk}).context["cl"].result_count == runbook.versions.count()


def test_a_listing_is_purged(boss):
    listing = make_runbook().copy.listing
    assert "deleted" in told(press(boss, listing, "purge"))
    listing.refresh_from_db()
    assert (listing.facts, listing.images.count()) == ({}, 0)


def test_a_second_opinion_is_asked_for_by_who_may_spend_the_owners_money(boss):
    user = make_staff(EDITOR)
    mine, other = make_runbook(owner=user), make_runbook()
    assert b"Ask for a second opinion" in client_of(user).get(page(mine)).content
    assert b"Ask for a second opinion" not in client_of(user).get(page(other)).content
    assert b"Ask for a second opinion" in boss.get(page(other)).content
    asked = boss.post(reverse("admin:llmjobs_llmjob_add"), {"purpose": "second_opinion", "ids": str(other.pk), "owner": str(other.owner)})
    assert asked.status_code == 200
    assert "second_opinion" in asked.rendered_content


# Bulk


def test_a_list_of_links_is_forecast_and_then_begun(boss):
    links = "https://www.ebay.com/itm/256712345678\n256712345679\nnonsense\n"
    Budget.objects.create(owner=User.objects.get(username="boss"), dollars_per_day=Decimal("0.02"))
    shown = boss.post(reverse("admin:runbooks_bulkimport_add"), {"text": links, "forecast": "1"})
    assert (shown.context["forecast"].listings, shown.context["forecast"].days) == (2, 3)
    assert not BulkImport.objects.exists()
    boss.post(
        reverse("admin:runbooks_bulkimport_add"), {"file": SimpleUploadedFile("links.txt", links.encode()), "tolerated_failures": "10"}
    )
    bulk = BulkImport.objects.get()
    assert (bulk.total, bulk.filename, bulk.tolerated_failures, len(bulk.refused)) == (2, "links.txt", 0.1, 1)
    assert "nonsense" in boss.get(page(bulk)).content.decode()


@pytest.mark.parametrize("given", [{"text": ""}, {"text": "nothing here"}])
def test_a_list_without_links_is_refused(boss, given):
    response = boss.post(reverse("admin:runbooks_bulkimport_add"), given)
    assert response.context["form"].errors
    assert not BulkImport.objects.exists()


def test_a_bulk_import_is_retried_and_cancelled(boss):
    bulk = make_bulk()
    assert told(press(boss, bulk, "retry_failed")) == "1 link takes its turn again."
    assert "cancelled" in told(press(boss, bulk, "cancel"))
    bulk.refresh_from_db()
    assert bulk.state == State.CANCELLED
    live = boss.get(reverse("admin:runbooks_bulkimport_live", args=[bulk.pk])).json()
    assert (live["state"], live["look_again_in"]) == ("cancelled", 0)


# Tables


def test_a_rate_that_staff_write_says_so(boss):
    boss.post(reverse("admin:runbooks_exchangerate_add"), {"day": "2026-11-20", "currency": "gbp", "rate": "0.81"})
    rate = ExchangeRate.objects.get()
    assert (rate.currency, rate.source) == ("GBP", "entered by hand")


@pytest.mark.themed
def test_reference_data_is_written_in_forms(boss):
    boss.post(reverse("admin:runbooks_binder_add"), {"name": "Kelliegram", "tier": "2", "aliases": "Kelly & Sons\r\n\r\nKelly & Sons"})
    assert Binder.objects.get(name="Kelliegram").aliases == ["Kelly & Sons"]
    boss.post(reverse("admin:runbooks_gradealias_add"), {"spelling": "Quite  OLD", "grade": "POOR"})
    assert GradeAlias.objects.filter(grade="POOR", spelling="quite old").exists()


@pytest.mark.themed
def test_a_model_is_given_a_new_price_beside_the_old(boss):
    load_models()
    model = LanguageModel.objects.filter(provider="anthropic").first()
    address = reverse("admin:bookops_languagemodel_change", args=[model.pk])
    form = boss.get(address).context["adminform"].form
    formsets = boss.get(address).context["inline_admin_formsets"]
    values = {name: form.initial.get(name) or "" for name in form.fields}
    for one in formsets:
        values |= {f"{one.formset.prefix}-{name}": value for name, value in one.formset.management_form.initial.items()}
        for row in one.formset.initial_forms:
            values |= {f"{row.prefix}-{name}": "" if row.initial.get(name) is None else row.initial[name] for name in row.fields}
            values[f"{row.prefix}-id"], values[f"{row.prefix}-model"] = row.instance.pk, model.pk
    prices = formsets[0].formset
    new = {"from_day": "2027-01-01", "input": "1", "output": "2", "cached_input": "0.1", "cache_write": "1.25", "batch_factor": "0.5"}
    new |= {"flex_factor": "0.5", "priority_factor": "2", "long_input_factor": "1", "long_output_factor": "1", "model": model.pk}
    at = len(prices.initial_forms)
    values |= {f"{prices.prefix}-{at}-{name}": value for name, value in new.items()} | {f"{prices.prefix}-TOTAL_FORMS": at + 1}
    before = model.prices.count()
    response = boss.post(address, values)
    assert response.status_code == 302, response.context["errors"]
    assert model.prices.count() == before + 1
    model.refresh_from_db()
    assert isinstance(model.efforts, list)


# Home


@pytest.mark.themed
def test_the_home_page_says_when_evaluations_are_slow(boss):
    execution = make_run(partial=True)
    Execution.objects.filter(pk=execution.pk).update(created_at=database_now() - timedelta(seconds=89), saved_at=database_now())
    shown = boss.get(reverse("admin:index")).content.decode()
    assert 'id="slow-executions"' not in shown
    assert "<strong>1</strong> partial" in shown
    Execution.objects.filter(pk=execution.pk).update(created_at=database_now() - timedelta(seconds=95))
    assert 'id="slow-executions"' in boss.get(reverse("admin:index")).content.decode()


# Costs, and foreign text


@pytest.mark.parametrize("model", [Execution, EvalRunbook, Copy, Listing, Comparable, PriceChange, RunbookVersion, BulkImport])
def test_a_list_costs_the_same_with_many_rows(boss, model, django_assert_max_num_queries):
    def fill(number: int) -> None:
        for _ in range(number):
            runbook = make_runbook()
            make_run(runbook)
            make_bulk(runbook.owner)
            PriceChange.objects.create(runbook=runbook, score_before=1, score_after=2)

    fill(1)
    with django_assert_max_num_queries(25) as few:
        boss.get(listing_of(model))
    fill(5)
    with django_assert_max_num_queries(len(few)):
        changelist = boss.get(listing_of(model)).context["cl"]
    assert len(changelist.result_list) >= 6


@pytest.mark.themed
def test_lists_are_filtered(boss):
    runbook = make_runbook()
    EvalRunbook.objects.filter(pk=runbook.pk).update(recommendation_tier="PASS", price_position="POOR", partial=True)
    other = make_runbook()
    EvalRunbook.objects.filter(pk=other.pk).update(recommendation_tier="BUY", price_position="GOOD")

    def found(model: Any, **filters: Any) -> set[Any]:
        return set(boss.get(listing_of(model), filters).context["cl"].result_list)

    assert found(EvalRunbook, recommendation_tier="PASS") == {runbook}
    assert found(EvalRunbook, price_position="GOOD") == {other}
    assert found(EvalRunbook, partial__exact=1) == {runbook}
    parked, running = make_run(runbook), make_run(other)
    StepRun.objects.filter(execution=parked, name="ebay_fmv").update(state=State.PARKED, waiting_for="budget")
    assert found(Execution, waiting="parked") == found(Execution, waiting="budget") == {parked}
    assert found(Execution, state__exact="succeeded") == {parked, running}


@pytest.mark.themed
@pytest.mark.once
def test_no_text_from_outside_becomes_markup(boss):
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    runbook = make_runbook()
    listing = runbook.copy.listing
    claim = {"text": evil, "images": [evil], "said": evil, "seen": evil, "what": evil, "question": evil, "in_text": True}
    EvalRunbook.objects.filter(pk=runbook.pk).update(
        critical_issues=[claim], contradictions=[claim], missing_photos=[claim], condition_positives=[claim], binding_analysis=evil,
        item_identification={evil: claim}, analysis_narrative=evil, fmv_notes=evil, discount_code=evil, decision="PASS",
        decision_reason=evil, napoleon_reasoning=evil, napoleon_recommendation="BUY", recommendation_reasoning=evil,
        provenance={"steps": {evil: {"status": "FAILED", "reason": evil, "why": evil, "warnings": [evil]}}}, asked={"why_none": evil},
        score_breakdown={evil: {"label": evil, "points": 1, "most": 2, "notes": evil}},
    )  # fmt: skip
    runbook.copy.book.__class__.objects.filter(pk=runbook.copy.book_id).update(title=evil, author=evil, publisher=evil)
    Comparable.objects.filter(runbook=runbook).update(
        title=evil, source=evil, condition=evil, binding=evil, relevance_why=evil, excluded_why=evil, adjustments={"why": evil}
    )
    ListingImage.objects.filter(listing=listing).update(fate="quarantined", reason=evil, said_by=evil)
    Listing.objects.filter(pk=listing.pk).update(title=evil, seller=evil)
    listing.snapshots.create(facts={"title": evil, evil: evil, "description": evil}, digest="x", at=database_now())
    PriceChange.objects.create(runbook=runbook, score_before=1, score_after=2, discount_code=evil, notes=evil)
    execution = make_run(runbook, reason=evil[:40], detail=evil, options={evil: evil})
    StepRun.objects.filter(execution=execution).update(
        reason=evil[:40], detail=evil, output={evil: evil}, progress=evil, variant={"query": evil}
    )
    execution.record("step", step=evil, progress=evil)
    bulk = make_bulk(filename=evil, refused=[{"line": 1, "text": evil, "why": evil, "column": ""}])
    addresses = [*map(page, (runbook, execution, listing, runbook.copy, bulk, runbook.comparables.first(), runbook.versions.first()))]
    for address in (*addresses, *map(listing_of, LISTED), reverse("admin:index")):
        shown = boss.get(address).content.decode()
        assert "<script>alert" not in shown, address
        assert "<img src=x" not in shown, address


def test_an_empty_list_asks_nobody_to_create_what_nobody_can(boss):
    words = boss.get(listing_of(PriceChange)).content.decode()
    assert "There is nothing here yet." in words
    assert "Create a new item" not in words
    assert "Nothing matches" in boss.get(f"{listing_of(EvalRunbook)}?q=nosuchbook").content.decode()
