"""What hostile addresses, a hijacked model and many who spend at once come to: nothing outside of what is allowed."""

from __future__ import annotations

import itertools
import json
import socket
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from bookops.invariants import broken_invariants
from bookops.language_models import LanguageModel, load_models
from bookops.outbound.answers import Answer
from bookops.outbound.errors import SourceError
from bookops.outbound.guard import GuardedDoor, is_public
from bookops.outbound.wire import Address, Bounds, PlainSocket
from bookops.spend import Account, OverBudget
from runbooks.api.exports import printed
from runbooks.holding import hold_for
from runbooks.images.fetching import fetch
from runbooks.links import _HOSTS, BadLink, ItemLink, ShortLink, follow, read_link
from runbooks.models import StepRun
from runbooks.sources.price_text import HIGHEST
from runbooks.steps import Work
from runbooks.versions import document_of
from sandbox.hijacked_model import MODES
from sandbox.running import RunningSandbox
from tests.bookops.outbound.hostile_urls import hostile_urls
from tests.concurrency import at_once
from tests.factories import make_owner
from tests.runbooks.factories import evaluate, make_execution, make_step, runbook_of

PUBLIC = "93.184.215.14"
PHOTOS = "i.ebayimg.com"
HOSTILE = [*hostile_urls(), *(url.replace("/hook", "/itm/256712345678") for url in hostile_urls())]
REDIRECTS = (300, 301, 302, 303, 307, 308)


class Wires:
    """Note each address that would be connected to; nobody answers."""

    def __init__(self) -> None:
        self.connected: list[str] = []

    def __call__(self, addresses: list[Address], deadline: float, patience: float) -> PlainSocket:
        self.connected.extend(address[1][0] for address in addresses)
        raise ConnectionRefusedError


class NeverDecodes:
    """Fail whoever has a photo to decode."""

    def prepare(self, data: bytes, *, patience: float = 0.0) -> Any:
        raise AssertionError("a hostile address was answered")


def door(wires: Wires, *resolved: str, **changes: Any) -> GuardedDoor:
    """Return a door whose names resolve to these addresses in turn."""
    turns = itertools.cycle(resolved)

    def resolve(host: str, port: int, deadline: float) -> list[Address]:
        ip = next(turns)
        return [(socket.AF_INET6 if ":" in ip else socket.AF_INET, (ip, port))]

    bounds = Bounds(0.5, 0.3, 0.6, 100_000)
    return GuardedDoor(user_agent="bookops/1", resolve=resolve, connect=wires, bounds=bounds, **changes)


# Addresses


def test_no_hostile_address_is_read_as_a_listing():
    assert len(set(HOSTILE)) >= 1_000
    for url in HOSTILE:
        with pytest.raises(BadLink):
            read_link(url)


@pytest.mark.parametrize("hop", [1, 2, 3])
def test_no_redirect_of_a_short_link_leads_to_a_hostile_address(hop: int):
    for number, url in enumerate(HOSTILE):
        asked: list[str] = []

        def get(address: str, seconds: float, *, there: str = url, status: int = REDIRECTS[number % len(REDIRECTS)]) -> Answer:
            asked.append(address)  # noqa: B023 - it is called in this round only
            return Answer(status, {"location": there if len(asked) == hop else f"https://ebay.us/m/next{len(asked)}"}, b"", 0.0)  # noqa: B023

        with pytest.raises((BadLink, SourceError)):
            follow(ShortLink("https://ebay.us/m/first"), get)
        assert all(address.startswith("https://ebay.us/") for address in asked), url


def test_a_short_links_name_that_resolves_to_the_inside_by_turns_never_leads_there():
    wires = Wires()
    short = door(wires, PUBLIC, "127.0.0.1", "169.254.169.254", "::1", "10.0.0.1")
    for _ in range(200):
        with pytest.raises(SourceError):
            follow(ShortLink("https://ebay.us/m/first"), short.get_once)
    assert set(wires.connected) == {PUBLIC}
    assert len(wires.connected) == 40


def test_no_hostile_address_of_a_photo_is_connected_to():
    wires = Wires()
    photos = door(wires, "127.0.0.1", "169.254.169.254", hosts=[PHOTOS])
    for place in range(0, len(HOSTILE), 20):
        found = fetch(HOSTILE[place : place + 20], door=photos, decoder=NeverDecodes(), seconds=5.0)
        assert not found.kept
    with pytest.raises(SourceError):
        photos.get(f"https://{PHOTOS}/rebound.jpg")
    assert [address for address in wires.connected if not is_public(address)] == []


@pytest.mark.parametrize("host", sorted(_HOSTS))
def test_every_legal_form_of_a_listings_address_is_accepted(host: str):
    forms = ("/itm/256712345678", "/itm/A-Title-1865/256712345678?hash=item3b&var=0", "/itm/256712345678/#top")
    for scheme, form in itertools.product(("https://", "http://", "", "HTTPS://"), forms):
        link = read_link(f"{scheme}{host}{form}")
        assert isinstance(link, ItemLink) and link.legacy_id == "256712345678"


# A hijacked model


@pytest.mark.parametrize("mode", sorted(MODES))
@pytest.mark.once
def test_a_hijacked_model_is_contained(sandbox: RunningSandbox, mode: str):
    honest = runbook_of(evaluate(make_owner()))
    sandbox.settings(sources={"anthropic": {"hijack": mode}}, keep_calls=True)
    owner = make_owner()
    runbook = runbook_of(evaluate(owner))
    assert runbook.current_asking_price == honest.current_asking_price
    assert runbook.suggested_offer is None or 0 <= runbook.suggested_offer <= HIGHEST
    assert (0 <= runbook.combined_score <= 100, 0 <= runbook.total_score <= 120) == (True, True)
    assert (runbook.copy.purchase_price, runbook.copy.status, runbook.decision) == (None, "EVALUATING", "")
    assert 0 < runbook.copy.volumes <= 1_000
    assert broken_invariants() == {}
    document = json.dumps(document_of(runbook))
    assert len(document) < 300_000
    assert "\\u0000" not in document and "\\u202e" not in document
    accounts = Account.objects.filter(scope__startswith=f"owner:{owner.pk}:")
    assert [account.held for account in accounts] == [0]
    asked = json.dumps(sandbox.log(calls=True))
    assert "attacker.example" not in asked and "latest/meta-data" not in asked
    _is_escaped(runbook)


def _is_escaped(runbook: Any) -> None:
    staff = Client()
    staff.force_login(User.objects.create_superuser("root"))
    pages = [staff.get(reverse("admin:runbooks_evalrunbook_change", args=[runbook.pk])).content.decode()]
    pages.append(render_to_string("runbooks/print.html", printed(document_of(runbook))))
    for said in pages:
        assert "Our Mutual Friend" in said
        assert '<script>fetch("https://attacker.example' not in said
        assert "<img src=x" not in said
        assert 'href="javascript:' not in said and 'href="https://attacker.example' not in said


# Money


@pytest.mark.django_db(transaction=True)
def test_500_holds_at_once_never_pass_the_days_cap():
    # SQLite writes one after the other and lets the rest wait longer than it waits for a lock.
    times, workers = (500, 50) if connection.vendor == "postgresql" else (40, 8)
    amount, cap = 30_000, settings.SPEND_PER_DAY
    most = int(Decimal(str(cap)) * 1_000_000) // amount
    load_models()
    model, owner = LanguageModel.objects.get(name="claude-sonnet-5-5"), make_owner()
    first = max(most - times // 2, 0)
    works = []
    for number in range(times):
        step = make_step(make_execution(owner, listing_key=f"ebay:{number}"), "claude_analysis")
        (run,) = StepRun.objects.all().claim([step.pk])
        works.append(Work(run, run.execution, {}, stop_at=0.0))
    # So near to the cap that half of them are too many.
    hold_for(works.pop(), model, first * amount)
    shares = [works[place::workers] for place in range(workers)]

    def one() -> int:
        held = 0
        for work in shares.pop():
            try:
                hold_for(work, model, amount)
            except OverBudget:
                continue
            held += 1
        return held

    assert sum(at_once(len(shares), one)) == most - first
    assert Account.objects.get().held == most * amount
