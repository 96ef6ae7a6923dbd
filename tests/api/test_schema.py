"""The API does what its schema says, whatever is sent to it."""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck
from hypothesis import settings as bounds
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from bookops.api.waiting import WaitingView
from tests.api.access import World, furnished
from tests.api.clients import make_user, token_of

#: So many cases an operation; by hand, SCHEMA_CASES=2000 makes it S10's tens of thousands.
CASES = int(os.environ.get("SCHEMA_CASES", "1"))


document = SchemaGenerator().get_schema(request=None, public=True)
schema = schemathesis.openapi.from_dict(document)
schema.app = get_wsgi_application()


@pytest.fixture
def world(transactional_db: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    """An owner with one of everything."""
    monkeypatch.setattr(WaitingView, "longest_wait", 0.01)
    settings.THROTTLE_RATES = dict.fromkeys(settings.THROTTLE_RATES, "1000000/min")
    return furnished(make_user())


@pytest.fixture
def token(world: World) -> str:
    """The owner's."""
    return token_of(world.owner)


@pytest.mark.chaos
@schema.parametrize()
@bounds(max_examples=CASES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_request_breaks_the_schema_or_the_server(case: schemathesis.Case, world: World, token: str) -> None:
    # Left out: that each misfit is refused (a page_size that is no number means the default) and each fit accepted (it may be no export).
    left_out = [negative_data_rejection, positive_data_acceptance]
    valid = case.meta is None or case.meta.generation.mode.is_positive
    if valid and case.path_parameters:
        # A made-up id is never there: half of what can be tested lies behind one that is.
        there = world.values(case.operation.path)
        there |= {"id": there["pk"]} if "pk" in there else {}  # the schema's name for it
        case.path_parameters.update({name: str(value) for name, value in there.items() if name in case.path_parameters})
    case.call_and_validate(headers={"Authorization": f"Token {token}"}, excluded_checks=left_out)


def test_no_two_shapes_share_a_name() -> None:
    GENERATOR_STATS.reset()
    SchemaGenerator().get_schema(request=None, public=True)
    said = [text for cache in (GENERATOR_STATS._warn_cache, GENERATOR_STATS._error_cache) for text in cache]
    assert not [text for text in said if "identical names" in text]


def test_every_operation_has_a_summary_and_says_how_it_fails(db: Any) -> None:
    document = Client().get("/api/schema").json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            name = f"{method} {path}"
            assert operation.get("summary"), name
            assert operation["responses"]["429"] == {"$ref": "#/components/responses/Problem429"}, name
            if path not in ("/api/login", "/api/ebay/account-deletion"):
                assert {"token": []} in operation["security"], name


def test_the_schema_has_examples_of_the_seeds_answers(db: Any) -> None:
    paths = Client().get("/api/schema").json()["paths"]
    for path in ("/api/upload", "/api/books/import-ebay"):
        for status in ("200", "202"):
            assert paths[path]["post"]["responses"][status]["content"]["application/json"]["examples"]
    assert paths["/api/books/import/{id}/status"]["get"]["responses"]["200"]["content"]["application/json"]["examples"]
    assert "multipart/form-data" in paths["/api/upload"]["post"]["requestBody"]["content"]
