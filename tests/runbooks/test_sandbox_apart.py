"""What the sandbox made up of a listing and what is real: of one item number, and on one database, never the same."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User

from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.runs import State
from runbooks.executions import CannotRetry, refresh, retry_step, start_import
from runbooks.listings import keep_listing
from runbooks.models import ExchangeRate, Listing
from runbooks.working import work_on
from tests.factories import make_owner
from tests.runbooks.evaluated import make_runbook
from tests.runbooks.factories import make_execution, make_listing, make_listing_facts, make_rate, make_step
from tests.runbooks.fake_steps import FakeSteps

pytestmark = pytest.mark.django_db

LINK = "https://www.ebay.com/itm/256712345678"
BOTH_WAYS = pytest.mark.parametrize(("first", "then"), [("sandbox", "live"), ("live", "sandbox")])


@pytest.fixture
def owner() -> User:
    return make_owner()


def test_the_real_listing_of_a_number_is_another_than_the_sandboxs(owner: User):
    invented = keep_listing(owner.pk, "ebay:1", make_listing_facts(title="Invented"), database_now(), sandbox=True)
    real = keep_listing(owner.pk, "ebay:1", make_listing_facts(title="Real"), database_now(), sandbox=False)
    invented.refresh_from_db()
    assert real.pk != invented.pk
    assert (invented.title, real.title) == ("Invented", "Real")


@BOTH_WAYS
def test_who_asks_the_other_sources_does_not_get_the_evaluation_that_waits(owner: User, settings: Any, first: str, then: str):
    settings.SOURCES = first
    waits, _ = start_import(owner, LINK)
    settings.SOURCES = then
    begun, is_new = start_import(owner, LINK)
    assert (is_new, begun.sandbox, begun.pk != waits.pk) == (True, then == "sandbox", True)


@BOTH_WAYS
def test_what_the_other_sources_told_is_neither_refreshed_nor_completed(owner: User, settings: Any, first: str, then: str):
    settings.SOURCES = first
    runbook = make_runbook(owner)
    step = make_step(make_execution(owner), state=State.FAILED)
    settings.SOURCES = then
    with pytest.raises(CannotRetry, match="Import the listing anew"):
        refresh(runbook, owner)
    with pytest.raises(CannotRetry, match="Import the listing anew"):
        retry_step(step.execution, step.name)


@BOTH_WAYS
def test_a_step_that_waited_while_the_sources_were_changed_asks_nobody(settings: Any, steps: FakeSteps, first: str, then: str):
    asked = steps.put("fetch_listing")
    settings.SOURCES = first
    step = make_step(make_execution())
    settings.SOURCES = then
    with rung_here():
        work_on(step.pk)
    step.refresh_from_db()
    assert (step.state, step.reason, asked.works) == (State.FAILED, "other_sources", [])


def test_what_was_kept_before_counts_as_invented_where_the_sandbox_was_ever_asked(owner: User):
    invented = make_listing(owner, key="ebay:1", sandbox=False)
    real = make_listing(owner, key="ebay:2", sandbox=False)
    make_execution(owner, listing=real, listing_key="ebay:2", sandbox=False)
    make_rate("GBP")
    make_rate("EUR", source="entered by hand")
    mark = import_module("runbooks.migrations.0002_author_and_sandbox").mark_what_is_invented
    mark(apps, None)
    assert (Listing.objects.filter(sandbox=True).count(), ExchangeRate.objects.count()) == (0, 2), "nobody ever asked the sandbox"
    make_execution(owner, listing=invented, listing_key="ebay:1", sandbox=True)
    mark(apps, None)
    assert list(Listing.objects.filter(sandbox=True)) == [invented]
    assert list(ExchangeRate.objects.values_list("currency", flat=True)) == ["EUR"]
