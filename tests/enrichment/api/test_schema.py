"""The API does what its schema says, whatever is sent to it."""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck
from hypothesis import settings as bounds
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from bookops.notices import Notice
from bookops.webhooks import Webhook
from tests.enrichment.api.factories import CANDIDATE, make_book, make_finished_import, make_row, make_user, token_of

#: So many cases an operation; by hand, SCHEMA_CASES=2000 makes it S10's tens of thousands.
CASES = int(os.environ.get("SCHEMA_CASES", "5"))


document = SchemaGenerator().get_schema(request=None, public=True)
schema = schemathesis.openapi.from_dict(document)
schema.app = get_wsgi_application()


@pytest.fixture
def things(transactional_db: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """An owner's token, and ids that exist."""
    monkeypatch.setattr("enrichment.api.uploads.LONGEST_WAIT_SECONDS", 0.01)
    settings.THROTTLE_RATES = dict.fromkeys(settings.THROTTLE_RATES, "1000000/min")
    owner = make_user()
    library_import = make_finished_import(owner)
    book = make_book(owner)
    make_row(library_import, book=book, candidates=[CANDIDATE])
    notice = Notice.objects.create(owner=owner, run_id=library_import.pk, outcome="succeeded", subject="Done")
    webhook = Webhook.objects.create(owner=owner, url="https://hooks.example.org/")
    return {
        "token": token_of(owner),
        "public_id": str(book.public_id),
        "number": 1,
        "/api/notices": str(notice.pk),
        "/api/webhooks": str(webhook.pk),
        "/api": str(library_import.pk),
    }


@schema.parametrize()
@bounds(max_examples=CASES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_request_breaks_the_schema_or_the_server(case: schemathesis.Case, things: dict[str, Any]) -> None:
    # Left out: that each misfit is refused (a page_size that is no number means the default) and each fit accepted (it may be no export).
    left_out = [negative_data_rejection, positive_data_acceptance]
    valid = case.meta is None or case.meta.generation.mode.is_positive
    if valid and case.path_parameters:
        # A made-up id is never there: half of what can be tested lies behind one that is.
        prefix = next(start for start in ("/api/notices", "/api/webhooks", "/api") if case.operation.path.startswith(start))
        there = {"pk": things[prefix], "public_id": things["public_id"], "number": things["number"]}
        case.path_parameters.update({name: value for name, value in there.items() if name in case.path_parameters})
    case.call_and_validate(headers={"Authorization": f"Token {things['token']}"}, excluded_checks=left_out)


def test_every_operation_has_a_summary_and_says_how_it_fails(db: Any) -> None:
    document = Client().get("/api/schema").json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            name = f"{method} {path}"
            assert operation.get("summary"), name
            assert operation["responses"]["429"] == {"$ref": "#/components/responses/Problem429"}, name
            if path != "/api/login":
                assert {"token": []} in operation["security"], name


def test_the_schema_has_examples_of_the_seeds_answers(db: Any) -> None:
    paths = Client().get("/api/schema").json()["paths"]
    answers = paths["/api/upload"]["post"]["responses"]
    for status in ("200", "202"):
        assert answers[status]["content"]["application/json"]["examples"]
    assert "multipart/form-data" in paths["/api/upload"]["post"]["requestBody"]["content"]
