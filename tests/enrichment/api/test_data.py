"""GET and DELETE /api/data/{uuid}."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.files.storage import default_storage
from django.test import AsyncClient, Client

from bookops.books import Book
from bookops.runs import State
from enrichment.models import ImportRow, LibraryImport
from tests.api.clients import body_of, make_user, token_of
from tests.enrichment.api.factories import make_book, make_finished_import, make_import, make_row, store_dashboard


def test_it_gives_out_the_dashboard_with_an_etag(api: Client, owner: Any) -> None:
    answer = api.get(f"/api/data/{make_finished_import(owner).pk}")
    assert answer.status_code == 200
    assert answer["ETag"] == 'W/"0123456789abcdef"'
    assert "Content-Encoding" not in answer
    assert answer["Vary"].lower().count("accept-encoding") == 1
    assert json.loads(body_of(answer))["metadata"] == {"partial": False}


@pytest.mark.parametrize(("accepts", "zipped"), [("gzip", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False), ("identity", False)])
def test_it_sends_gzip_as_it_lies_to_who_takes_it(api: Client, owner: Any, accepts: str, zipped: bool) -> None:
    answer = api.get(f"/api/data/{make_finished_import(owner).pk}", headers={"Accept-Encoding": accepts})
    body = body_of(answer)
    assert answer.get("Content-Encoding") == ("gzip" if zipped else None)
    assert json.loads(gzip.decompress(body) if zipped else body)["books"] == []


@pytest.mark.parametrize("known", ['W/"0123456789abcdef"', '"0123456789abcdef"', '"other", W/"0123456789abcdef"', "*"])
def test_it_says_not_modified_to_who_has_it(api: Client, owner: Any, known: str) -> None:
    answer = api.get(f"/api/data/{make_finished_import(owner).pk}", headers={"If-None-Match": known})
    assert (answer.status_code, answer.content) == (304, b"")


def test_before_there_is_anything_it_says_when_to_come_back(api: Client, owner: Any) -> None:
    answer = api.get(f"/api/data/{make_import(owner).pk}")
    assert answer.status_code == 202
    assert int(answer["Retry-After"]) > 0
    assert answer.json()["status"] == "processing"


def test_in_the_middle_it_gives_out_what_there_is(api: Client, owner: Any) -> None:
    library_import = make_import(owner)
    store_dashboard(library_import, {"books": [], "metadata": {"partial": True}}, partial=True)
    answer = api.get(f"/api/data/{library_import.pk}", headers={"If-None-Match": "*"})
    assert answer.status_code == 202
    assert int(answer["Retry-After"]) > 0
    assert json.loads(body_of(answer))["metadata"] == {"partial": True}


def test_a_failed_import_answers_in_the_seeds_words(api: Client, owner: Any) -> None:
    library_import = make_import(owner, state=State.FAILED, reason="too_many_failures", stage="done")
    answer = api.get(f"/api/data/{library_import.pk}")
    assert answer.status_code == 500
    assert answer.json()["detail"] == "Processing failed: too_many_failures"


def test_a_cancelled_import_gives_out_what_had_been_done(api: Client, owner: Any) -> None:
    library_import = make_finished_import(owner, state=State.CANCELLED)
    answer = api.get(f"/api/data/{library_import.pk}")
    assert answer.status_code == 200
    assert json.loads(body_of(answer))["books"] == []


def test_an_import_cancelled_just_now_says_when_to_come_back(api: Client, owner: Any) -> None:
    answer = api.get(f"/api/data/{make_import(owner, state=State.CANCELLED, stage='done').pk}")
    assert answer.status_code == 202
    assert int(answer["Retry-After"]) > 0


@pytest.mark.django_db(transaction=True)
async def test_it_is_streamed_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enrichment.api.data.PIECE_BYTES", 10)
    owner = await sync_to_async(make_user)()
    library_import = await sync_to_async(make_finished_import)(owner)
    token = await sync_to_async(token_of)(owner)
    answer = await AsyncClient().get(f"/api/data/{library_import.pk}", headers={"Authorization": f"Token {token}"})
    assert answer.is_async
    pieces = [piece async for piece in answer.streaming_content]
    assert max(map(len, pieces)) <= 10
    assert json.loads(b"".join(pieces))["books"] == []


def test_deleting_leaves_nothing_of_the_import(api: Client, owner: Any) -> None:
    library_import = make_finished_import(owner)
    book, other = make_book(owner), make_book(owner, title="Another")
    make_row(library_import, book=book)
    make_row(make_import(owner), book=other)
    answer = api.delete(f"/api/data/{library_import.pk}")
    assert answer.status_code == 200
    assert f"data/{library_import.pk}.json" in answer.json()["deleted_files"]
    assert not default_storage.exists(f"data/{library_import.pk}.json")
    assert not LibraryImport.objects.filter(pk=library_import.pk).exists()
    assert not ImportRow.objects.filter(library_import_id=library_import.pk).exists()
    assert list(Book.objects.all()) == [other]
    assert api.delete(f"/api/data/{library_import.pk}").status_code == 404
