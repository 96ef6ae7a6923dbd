"""What a person can do with an execution: begin, begin again, retry a step with a variant, cancel."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage

from bookops.dispatch import rung_here
from bookops.outbound.errors import NotFound, Refused
from bookops.runs import State
from runbooks.doors import UPLOADED
from runbooks.executions import (
    AnotherOneRuns,
    CannotRetry,
    cancel_execution,
    key_of,
    progress,
    refresh,
    retry_failed,
    retry_step,
    start_import,
    start_pasted,
)
from runbooks.links import BadLink, read_link
from runbooks.models import EvalRunbook, Execution, Listing, RequirementRow, StepRun
from runbooks.plan import SHOWN, STEPS
from runbooks.sources.records import ListingFacts, Money
from runbooks.steps import Done
from tests.concurrency import at_once
from tests.factories import make_owner
from tests.runbooks.factories import make_copy, messages_of, work_off
from tests.runbooks.fake_steps import FakeSteps

LINK = "https://www.ebay.com/itm/256712345678"


@pytest.fixture
def owner(db: None) -> User:
    return make_owner()


def run_through(owner: User, **options: Any) -> Execution:
    with rung_here() as here:
        execution, _ = start_import(owner, LINK, **options)
        work_off(here)
    execution.refresh_from_db()
    return execution


def retried(execution: Execution, name: str, **options: Any) -> StepRun:
    with rung_here() as here:
        run = retry_step(execution, name, **options)
        work_off(here)
    execution.refresh_from_db()
    run.refresh_from_db()
    return run


# To begin


def test_a_link_begins_an_execution_and_asks_nobody(owner: User):
    execution, is_new = start_import(owner, f"{LINK}?hash=item3bc&mkcid=16")
    assert is_new
    assert (execution.url, execution.listing_key, execution.status) == (LINK, "ebay:256712345678", "RUNNING")
    assert progress(execution) == dict.fromkeys(SHOWN, "PENDING")
    assert messages_of(execution) == [{"url": LINK, "cause": "import"}]


def test_an_owner_has_wishes_to_start_from_with_the_first_import_and_no_later_one(owner: User):
    start_import(owner, LINK)
    assert RequirementRow.objects.filter(owner=owner).exists()
    RequirementRow.objects.all().delete()
    start_import(owner, "256712345679")
    assert not RequirementRow.objects.exists()


def test_the_links_of_one_listing_are_one_listing():
    same = {key_of(read_link(text)) for text in (LINK, "256712345678", "https://www.ebay.co.uk/itm/Momo-Ende/256712345678?var=0")}
    assert same == {"ebay:256712345678"}
    assert key_of(read_link(f"{LINK}?var=574123456789")) == "ebay:256712345678|574123456789"
    assert key_of(read_link("https://ebay.us/m/AbCdEf")).startswith("link:")


def test_a_link_that_names_no_listing_is_refused_with_what_is_accepted(owner: User):
    with pytest.raises(BadLink, match="Paste the address"):
        start_import(owner, "https://www.ebay.com.evil.example/itm/256712345678")
    assert not Execution.objects.exists()


def test_who_asks_for_the_same_gets_the_first(owner: User):
    first, _ = start_import(owner, LINK)
    assert start_import(owner, "256712345678") == (first, False)


def test_who_asks_for_the_same_with_other_options_is_told_of_the_first(owner: User):
    first, _ = start_import(owner, LINK)
    with pytest.raises(AnotherOneRuns) as told:
        start_import(owner, LINK, options={"model": "claude-opus-5-5"})
    assert told.value.execution == first


def test_a_parked_one_is_still_the_first(owner: User):
    first, _ = start_import(owner, LINK)
    Execution.objects.update(state=State.RUNNING)
    StepRun.objects.create(execution=first, name="fetch_listing", state=State.PARKED)
    assert start_import(owner, LINK) == (first, False)


def test_two_owners_evaluate_a_listing_each_for_themselves(owner: User):
    first, _ = start_import(owner, LINK)
    second, is_new = start_import(make_owner(), LINK)
    assert is_new and first != second


@pytest.mark.django_db(transaction=True)
def test_of_many_who_ask_at_once_one_begins():
    owner = make_owner()
    begun = at_once(8, lambda: start_import(owner, LINK))
    assert sum(is_new for _, is_new in begun) == 1
    assert len({execution.pk for execution, _ in begun}) == 1
    assert Execution.objects.count() == 1


def test_an_id_that_was_used_before_begins_nothing(steps: FakeSteps):
    owner, pk = make_owner(), uuid.uuid4()
    first = run_through(owner, execution_id=pk)
    assert first.status == "SUCCEEDED"
    with rung_here():
        assert start_import(owner, LINK, execution_id=pk) == (first, False)


def test_after_its_end_the_same_link_is_evaluated_anew(steps: FakeSteps):
    owner = make_owner()
    first = run_through(owner)
    with rung_here():
        second, is_new = start_import(owner, LINK)
    assert is_new and second != first


# By hand


def test_what_is_pasted_is_a_listing_with_the_photos_that_came_with_it(owner: User):
    pasted = ListingFacts(
        "", "", "", "Momo, first edition", price=Money(Decimal(20), "EUR"), image_urls=("upload:photos/of-somebody-else",)
    )
    execution, is_new = start_pasted(owner, pasted, photos=[b"one", b"two"])
    listing = Listing.objects.get(executions=execution)
    facts = listing.record
    assert is_new and (execution.url, execution.cause, listing.key) == ("", "paste", f"pasted:{execution.pk}")
    assert facts.is_pasted and facts.price == pasted.price
    assert [default_storage.open(url.removeprefix(UPLOADED)).read() for url in facts.image_urls] == [b"one", b"two"]


def test_pasting_with_an_id_that_was_used_before_begins_nothing(owner: User):
    pk, pasted = uuid.uuid4(), ListingFacts("", "", "", "Momo")
    first, _ = start_pasted(owner, pasted, execution_id=pk)
    assert start_pasted(owner, pasted, execution_id=pk) == (first, False)
    assert Listing.objects.count() == 1


def test_a_refresh_is_another_execution_of_the_same_listing(owner: User):
    runbook = EvalRunbook.objects.create(owner=owner, copy=make_copy(owner))
    execution, is_new = refresh(runbook, owner)
    assert is_new and (execution.cause, execution.listing, execution.listing_key) == ("refresh", runbook.copy.listing, "ebay:256712345678")


# To retry


def test_a_variant_is_recorded_and_both_results_are_kept(steps: FakeSteps):
    steps.put("ebay_fmv", lambda work: Done({"asked": work.query}))
    execution = run_through(make_owner())
    second = retried(execution, "ebay_fmv", variant={"query": "dickens morocco"})
    first = execution.steps.get(name="ebay_fmv", number=1)
    assert (first.output, first.variant, first.is_current) == ({"asked": ""}, {}, False)
    assert (second.output, second.variant, second.is_current) == ({"asked": "dickens morocco"}, {"query": "dickens morocco"}, True)
    assert execution.steps.get(name="assemble", is_current=True).number == 2
    assert {"step": "ebay_fmv", "status": "pending", "variant": {"query": "dickens morocco"}} in messages_of(execution)


def test_the_query_of_an_option_is_asked_where_no_variant_says_otherwise(steps: FakeSteps):
    asked = steps.put("ebay_fmv", Done())
    execution = run_through(make_owner(), options={"queries": {"ebay_fmv": "of the option"}})
    retried(execution, "ebay_fmv", variant={"query": "of the variant"})
    assert [work.query for work in asked.works] == ["of the option", "of the variant"]


def test_a_failed_step_is_retried_alone_and_the_runbook_completed(steps: FakeSteps):
    steps.put("abebooks_fmv", Refused("challenged", reason="challenged"), Done({"offers": []}))
    execution = run_through(make_owner())
    assert execution.missing == ["abebooks_fmv"]
    retried(execution, "abebooks_fmv")
    assert (execution.partial, execution.missing, execution.finishes, execution.reopenings) == (False, [], 1, 0)
    current = dict(execution.steps.filter(is_current=True).values_list("name", "number"))
    assert current == dict.fromkeys(STEPS, 1) | {"abebooks_fmv": 2, "assemble": 2}


def test_an_execution_that_failed_is_open_again_and_ends_a_second_time(steps: FakeSteps):
    steps.put("fetch_listing", NotFound("ended"), Done({"facts": {}}))
    execution = run_through(make_owner())
    assert (execution.status, execution.finishes) == ("FAILED", 1)
    retried(execution, "fetch_listing")
    assert (execution.status, execution.finishes, execution.reopenings, execution.reason) == ("SUCCEEDED", 2, 1, "")


def test_all_that_failed_can_be_retried_at_once(steps: FakeSteps):
    steps.put("claude_analysis", Refused("declined"), Done())
    steps.put("abebooks_fmv", Refused("challenged"), Done())
    execution = run_through(make_owner())
    with rung_here() as here:
        assert retry_failed(execution) == 2
        work_off(here)
    execution.refresh_from_db()
    assert execution.missing == []


def test_a_parked_step_can_be_retried_without_waiting(steps: FakeSteps):
    execution = run_through(make_owner())
    StepRun.objects.filter(name="ebay_fmv").update(state=State.PARKED, ended_at=None)
    run = retried(execution, "ebay_fmv")
    assert (run.number, run.state) == (2, State.SUCCEEDED)
    assert execution.steps.get(name="ebay_fmv", number=1).state == State.CANCELLED


@pytest.mark.parametrize("name", ["nonsense", "notify_twice"])
def test_a_step_that_is_none_cannot_be_retried(owner: User, name: str):
    with pytest.raises(CannotRetry, match="There is no step"):
        retry_step(start_import(owner, LINK)[0], name)


def test_what_has_not_run_yet_or_runs_cannot_be_retried(steps: FakeSteps):
    with rung_here() as here:
        execution, _ = start_import(make_owner(), LINK)
        with pytest.raises(CannotRetry, match="has not run yet"):
            retry_step(execution, "assemble")
        StepRun.objects.create(execution=execution, name="fetch_listing", state=State.RUNNING)
        with pytest.raises(CannotRetry, match="is running"):
            retry_step(execution, "fetch_listing")
        del here


def test_what_the_operator_has_off_cannot_be_retried(steps: FakeSteps, settings: Any):
    settings.STEPS_OFF = ["abebooks_fmv"]
    execution = run_through(make_owner())
    with pytest.raises(CannotRetry, match="switched off by the operator"):
        retry_step(execution, "abebooks_fmv")


def test_what_the_asker_had_off_runs_when_it_is_retried(steps: FakeSteps):
    execution = run_through(make_owner(), options={"without": ["abebooks_fmv"]})
    run = retried(execution, "abebooks_fmv")
    assert (run.skipped, run.output) == (False, {"found": "abebooks_fmv"})


def test_what_reads_a_purged_listing_cannot_be_retried_until_that_is_fetched_again(steps: FakeSteps):
    execution = run_through(make_owner())
    execution.steps.update(output={})
    with pytest.raises(CannotRetry, match="was purged"):
        retry_step(execution, "ebay_fmv")
    assert retried(execution, "fetch_listing").output == {"found": "fetch_listing"}
    assert execution.status == "SUCCEEDED"


def test_an_older_execution_stays_closed_while_a_later_one_runs(steps: FakeSteps):
    steps.put("fetch_listing", NotFound("ended"), Done())
    owner = make_owner()
    execution = run_through(owner)
    with rung_here():
        start_import(owner, LINK)
        with pytest.raises(CannotRetry, match="later execution"):
            retry_step(execution, "fetch_listing")


# To cancel


def test_cancelling_stops_what_was_to_come_and_keeps_what_was_found(steps: FakeSteps):
    asked = steps.put("ebay_fmv", Done())

    def cancelled(work: Any) -> Done:
        cancel_execution(work.execution)
        return Done({"images": []})

    steps.put("download_images", cancelled)
    execution = run_through(make_owner())
    assert (execution.state, execution.status, asked.works) == (State.CANCELLED, "FAILED", [])
    assert execution.steps.get(name="fetch_listing").state == State.SUCCEEDED
    assert progress(execution) == {
        "fetch_listing": "COMPLETED", "download_images": "CANCELLED", "claude_analysis": "CANCELLED",
        "ebay_fmv": "CANCELLED", "abebooks_fmv": "CANCELLED", "assemble": "CANCELLED",
    }  # fmt: skip


def test_what_has_ended_cannot_be_cancelled(steps: FakeSteps):
    execution = run_through(make_owner())
    assert cancel_execution(execution) is False
    execution.refresh_from_db()
    assert execution.status == "SUCCEEDED"


def test_what_was_cancelled_cannot_be_retried(steps: FakeSteps):
    steps.put("ebay_fmv", lambda work: Done({"cancelled": cancel_execution(work.execution)}))
    execution = run_through(make_owner())
    with pytest.raises(CannotRetry, match="was cancelled"):
        retry_step(execution, "fetch_listing")
