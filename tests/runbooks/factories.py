"""What tests of evaluations start from, each made by one plain function with sound values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User

from bookops.clock import database_now
from bookops.dispatch import Here, rung_here
from bookops.doors import asks_sandbox
from bookops.runs import State
from bookops.sweep import sweep_once
from runbooks.executions import start_import
from runbooks.models import Copy, EvalRunbook, ExchangeRate, Execution, Listing, StepRun
from runbooks.sources.records import ListingFacts, Money
from sandbox.listings import by_case
from tests.factories import make_book, make_owner, work


def make_listing_facts(**changes: Any) -> ListingFacts:
    """Return what eBay says of a set that is worth a look."""
    values: dict[str, Any] = {
        "item_id": "v1|256712345678|0",
        "legacy_id": "256712345678",
        "url": "https://www.ebay.com/itm/256712345678",
        "title": "Dickens OUR MUTUAL FRIEND 1865 First Edition 2 Volumes Full Morocco RIVIERE",
        "description": "Two volumes, full morocco.",
        "price": Money(Decimal("545.00"), "USD"),
        "buying_options": ("FIXED_PRICE",),
        "condition": "Very Good",
        "aspects": {
            "Author": "Charles Dickens",
            "Book Title": "Our Mutual Friend",
            "Publisher": "Chapman & Hall",
            "Publication Year": "1865",
        },
        "seller": "invented_books",
        "marketplace": "EBAY_US",
    }
    return ListingFacts(**values | changes)


def make_listing(owner: User | None = None, *, facts: ListingFacts | None = None, **changes: Any) -> Listing:
    """Return a stored listing."""
    facts = facts or make_listing_facts()
    values = {"key": f"ebay:{facts.legacy_id}", "url": facts.url, "title": facts.title, "seller": facts.seller, "facts": facts.to_json()}
    values |= {"owner": owner or make_owner(), "fetched_at": database_now(), "sandbox": asks_sandbox()}
    return Listing.objects.create(**values | changes)


def make_copy(owner: User | None = None, **changes: Any) -> Copy:
    """Return a stored copy that is evaluated, of a book and a listing of its own."""
    owner = owner or make_owner()
    values = {"owner": owner, "book": make_book(owner, title="Our Mutual Friend", author="Charles Dickens")}
    return Copy.objects.create(**values | ({} if "listing" in changes else {"listing": make_listing(owner)}) | changes)


def make_execution(owner: User | None = None, **changes: Any) -> Execution:
    """Return a stored execution that is running, without steps."""
    values = {"url": "https://www.ebay.com/itm/256712345678", "listing_key": "ebay:256712345678", "state": State.RUNNING}
    values |= {"owner": owner or make_owner(), "started_at": database_now(), "sandbox": asks_sandbox()}
    return Execution.objects.create(**values | changes)


def make_step(execution: Execution | None = None, name: str = "fetch_listing", **changes: Any) -> StepRun:
    """Return a stored run of a step, pending and due."""
    return StepRun.objects.create(**{"execution": execution or make_execution(), "name": name, "max_attempts": 3} | changes)


def make_rate(currency: str = "GBP", rate: str = "0.80", **changes: Any) -> ExchangeRate:
    """Return a stored rate of today, in units of the currency for a dollar."""
    values = {"day": database_now().date(), "currency": currency, "rate": Decimal(rate), "source": "frankfurter"}
    return ExchangeRate.objects.create(**values | changes)


def link(case: str) -> str:
    """Return the address of a listing of the sandbox's script."""
    return by_case(case).link


def evaluate(owner: User, case: str = "strong-buy", **options: Any) -> Execution:
    """Return an execution of a listing of the script, worked through as far as it goes."""
    with rung_here() as here:
        execution, _ = start_import(owner, link(case), **options)
        work_off(here)
    execution.refresh_from_db()
    return execution


def work_off(here: Here) -> None:
    """Do all that was rung, sweep, and go on until nothing moves."""
    work(here)
    assert "failed_brooms" not in sweep_once()


def runbook_of(execution: Execution) -> EvalRunbook:
    """Return the runbook that an execution has saved."""
    execution.refresh_from_db()
    assert execution.runbook is not None, f"{execution.state}: {execution.reason} {execution.detail}"
    return execution.runbook


def messages_of(execution: Execution) -> list[dict[str, Any]]:
    """Return what the websocket tells of an execution, in order."""
    from bookops.events import RunEvent

    return [event.payload for event in RunEvent.objects.filter(run_id=execution.pk).order_by("seq")]
