"""Who may reach the addresses of evaluations."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

from bookops.clock import database_now
from bookops.runs import State
from runbooks.models import AuthorTier, BulkLink, EvalRunbook, Execution, GoalRow, LedgerEntry, ListingImage, Preference, RequirementRow
from tests.api.access import OWN, OWNED, PUBLIC, Part, Route, Things
from tests.api.clients import json_body
from tests.runbooks.evaluated import make_copy, make_listing, make_valued
from tests.runbooks.factories import make_execution, make_step

LINK = "https://www.ebay.com/itm/256712345679"
WHY = "Another edition."
RUNBOOK = "api/runbooks/<uuid:runbook_id>"
COPY = "api/copies/<uuid:copy_id>"
BULK = "api/bulk-imports/<uuid:pk>"


def a_file(text: bytes) -> dict[str, Any]:
    """Return the arguments that send a file."""
    return {"data": {"file": SimpleUploadedFile("list.csv", text)}}


def wishes(name: str, change: dict[str, Any], /, **values: Any) -> dict[str, list[Route]]:
    """Return the routes of a kind of wish."""
    return {
        f"api/{name}": [Route(OWN), Route(OWN, "POST", lambda: json_body(**values), status=201)],
        f"api/{name}/<int:pk>": [Route(OWNED, "PATCH", lambda: json_body(**change)), Route(OWNED, "DELETE", status=204)],
    }


ROUTES: dict[str, list[Route]] = {
    "api/books/import-ebay": [Route(OWN, "POST", lambda: json_body(url=LINK), status=202)],
    "api/books/import": [Route(OWN)],
    "api/books/import/<uuid:pk>": [Route(OWNED)],
    "api/books/import/<uuid:pk>/status": [Route(OWNED)],
    "api/books/import/<uuid:pk>/events": [Route(OWNED)],
    "api/books/import/<uuid:pk>/stream": [Route(OWNED)],
    "api/books/import/<uuid:pk>/cancel": [Route(OWNED, "POST", json_body)],
    "api/books/import/<uuid:pk>/retry": [Route(OWNED, "POST", json_body)],
    "api/books/import/<uuid:pk>/steps/<str:step>/retry": [Route(OWNED, "POST", json_body)],
    "api/runbooks": [Route(OWN)],
    "api/runbooks.csv": [Route(OWN)],
    RUNBOOK: [Route(OWNED), Route(OWNED, "DELETE", status=204)],
    f"{RUNBOOK}/print": [Route(OWNED)],
    f"{RUNBOOK}/versions": [Route(OWNED)],
    f"{RUNBOOK}/versions/<int:number>": [Route(OWNED)],
    f"{RUNBOOK}/refresh": [Route(OWNED, "POST", json_body, status=202)],
    f"{RUNBOOK}/decision": [Route(OWNED, "PATCH", lambda: json_body(decision="PASS", reason="Too dear."))],
    f"{RUNBOOK}/price": [Route(OWNED, "PATCH", lambda: json_body(new_price="140.00"))],
    f"{RUNBOOK}/history": [Route(OWNED)],
    f"{RUNBOOK}/what-if": [Route(OWNED, body=lambda: {"data": {"price": "140"}})],
    f"{RUNBOOK}/photos": [Route(OWNED)],
    f"{RUNBOOK}/comparables": [Route(OWNED), Route(OWNED, "POST", lambda: json_body(title="The Moonstone", price="300"), status=201)],
    f"{RUNBOOK}/comparables/csv": [Route(OWNED, "POST", lambda: a_file(b"title,price\nThe Moonstone,300\n"))],
    f"{RUNBOOK}/comparables/paste": [Route(OWNED, "POST", lambda: json_body(text="The Moonstone $300"))],
    f"{RUNBOOK}/comparables/<uuid:comparable_id>": [
        Route(OWNED),
        Route(OWNED, "PATCH", lambda: json_body(excluded=True, why=WHY)),
        Route(OWNED, "DELETE", status=409),
    ],
    "api/photos/<uuid:photo_id>": [Route(OWNED)],
    "api/photos/<uuid:photo_id>/quarantine": [Route(OWNED, "POST", lambda: json_body(why="A banner."))],
    "api/photos/<uuid:photo_id>/restore": [Route(OWNED, "POST", json_body, status=409)],
    "api/copies": [Route(OWN)],
    COPY: [Route(OWNED)],
    f"{COPY}/acquire": [Route(OWNED, "POST", lambda: json_body(purchase_price="200", purchase_date="2024-11-22"))],
    f"{COPY}/receive": [Route(OWNED, "POST", json_body, status=400)],
    f"{COPY}/remove": [Route(OWNED, "POST", json_body)],
    "api/ledger": [
        Route(OWN),
        Route(OWN, "POST", lambda: json_body(kind="paid", title="Momo", amount="5.00", at="2026-11-22"), status=201),
    ],
    "api/ledger.csv": [Route(OWN), Route(OWN, "POST", lambda: a_file(b"kind,title,price,date\npaid,Momo,5,2026-11-22\n"))],
    "api/ledger/<uuid:entry_id>": [
        Route(OWNED),
        Route(OWNED, "PATCH", lambda: json_body(amount="6.00")),
        Route(OWNED, "DELETE", status=204),
    ],
    **wishes("author-tiers", {"tier": 3}, author="George Eliot", tier=1),
    **wishes("preferences", {"name": "Bayntun"}, kind="binder", name="Riviere"),
    **wishes("requirements", {"publisher": "Bentley"}, author="Anthony Trollope", publisher="Chapman & Hall"),
    **wishes("goals", {"label": "Another"}, label="Trollope", author="Anthony Trollope"),
    "api/bulk-imports": [Route(OWN), Route(OWN, "POST", lambda: json_body(links=[LINK]), status=202)],
    "api/bulk-imports/forecast": [Route(OWN, "POST", lambda: json_body(links=[LINK]))],
    BULK: [Route(OWNED)],
    f"{BULK}/cancel": [Route(OWNED, "POST", json_body)],
    f"{BULK}/retry": [Route(OWNED, "POST", json_body)],
    # Off, until EBAY_DELETION_TOKEN is set: see test_account_deletion.py.
    "api/ebay/account-deletion": [
        Route(PUBLIC, body=lambda: {"data": {"challenge_code": "a"}}, status=404),
        Route(PUBLIC, "POST", json_body, status=404),
    ],
}


def make_photo(listing: Any, **changes: Any) -> ListingImage:
    """Return a stored photo with a picture in each size."""
    keys = {
        name: default_storage.save(f"photos/{uuid.uuid4()}.jpg", ContentFile(name.encode()))
        for name in ("key", "reduced_key", "thumbnail_key")
    }
    return ListingImage.objects.create(**{"listing": listing, "position": 1, "width": 800, "height": 600} | keys | changes)


def furnish(owner: Any) -> Things:
    """Give an owner one of everything that evaluations have; what has ended, for the stream of what runs has no end."""
    execution = make_execution(owner, state=State.FAILED, ended_at=database_now(), finishes=1)
    step = make_step(execution, state=State.FAILED, reason="timeout")
    runbook = make_valued(180, 220, owner=owner, copy=make_copy(owner, listing=make_listing(owner)))
    photo = make_photo(runbook.copy.listing)
    entry = LedgerEntry.objects.create(owner=owner, kind="paid", title="Emma", amount=5, at="2026-01-01")
    bulk = owner.bulkimports.create(total=1)
    BulkLink.objects.create(bulk=bulk, line=1, url=LINK, outcome=State.FAILED)
    wished = {
        "author-tiers": AuthorTier.objects.create(owner=owner, author="Maria Edgeworth", tier=2),
        "preferences": Preference.objects.create(owner=owner, kind="author", name="Charlotte Brontë"),
        "requirements": RequirementRow.objects.create(owner=owner, author="Wilkie Collins", publisher="Tinsley"),
        "goals": GoalRow.objects.create(owner=owner, label="Triple-deckers of the sixties", first_year=1860),
    }
    before = EvalRunbook.objects.get(pk=runbook.pk)

    def check_untouched() -> None:
        assert Execution.objects.get(pk=execution.pk).state == State.FAILED
        assert execution.steps.get() == step
        after = EvalRunbook.objects.select_related("copy").get(pk=runbook.pk)
        assert (after.version, after.current_asking_price, after.copy.status) == (before.version, before.current_asking_price, "EVALUATING")
        assert ListingImage.objects.get(pk=photo.pk).fate == "kept"
        assert LedgerEntry.objects.get(pk=entry.pk).amount == 5
        assert owner.bulkimports.get().state == State.PENDING
        assert [str(type(wish).objects.get(pk=wish.pk)) for wish in wished.values()] == [str(wish) for wish in wished.values()]
        assert owner.executions.count() == 1

    ids = {"runbook_id": runbook.public_id, "number": 1, "comparable_id": runbook.comparables.order_by("pk")[0].public_id}
    values = {
        "api/books/import": {"pk": execution.pk, "step": step.name},
        "api/runbooks": ids,
        "api/photos": {"photo_id": photo.public_id},
        "api/copies": {"copy_id": runbook.copy.public_id},
        "api/ledger": {"entry_id": entry.public_id},
        "api/bulk-imports": {"pk": bulk.pk},
        **{f"api/{name}": {"pk": wish.pk} for name, wish in wished.items()},
    }
    secrets = [execution.pk, runbook.public_id, runbook.copy.public_id, photo.public_id, entry.public_id, bulk.pk, *wished.values()]
    return Things(values, [str(secret) for secret in secrets], check_untouched)


#: The websocket is tested in test_live.py.
PART = Part(ROUTES, furnish, {"ws/import/<uuid:pk>"})
