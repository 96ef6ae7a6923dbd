"""The API's schema names each shape once, and says of every operation what it does and how it fails."""

from __future__ import annotations

from typing import Any

from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator


def test_the_schema_is_made_without_a_doubt() -> None:
    GENERATOR_STATS.reset()
    SchemaGenerator().get_schema(request=None, public=True)
    assert [text for cache in (GENERATOR_STATS._warn_cache, GENERATOR_STATS._error_cache) for text in cache] == []


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
