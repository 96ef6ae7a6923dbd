"""POST /api/upload and GET /api/status/{uuid}."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from bookops.runs import State
from enrichment.models import LibraryImport
from tests.api.clients import make_user, token_of
from tests.enrichment.api.factories import EXPORT, make_finished_import, make_import, make_row


def export(text: bytes = EXPORT, name: str = "library.csv") -> SimpleUploadedFile:
    """Return a file to upload."""
    return SimpleUploadedFile(name, text, content_type="text/csv")


@pytest.mark.parametrize("field", ["csv", "file"])
def test_it_takes_an_export_in_and_says_where_to_ask(api: Client, owner: Any, field: str) -> None:
    answer = api.post("/api/upload", {field: export()})
    assert answer.status_code == 202
    body = answer.json()
    library_import = LibraryImport.objects.get(pk=body["uuid"])
    assert library_import.owner == owner
    assert body["job_id"] == body["uuid"]
    assert body["status"] == "processing"
    assert body["status_url"] == f"/api/status/{body['uuid']}"
    assert body["data_url"] == f"/api/data/{body['uuid']}"
    assert answer["Location"] == body["status_url"]
    assert default_storage.open(f"uploads/{body['uuid']}/raw.csv").read() == EXPORT


def test_the_same_file_is_taken_again_and_named_after_the_import_it_came_in_with_first(api: Client) -> None:
    other = make_user()
    Client(headers={"Authorization": f"Token {token_of(other)}"}).post("/api/upload", {"csv": export()})
    first = api.post("/api/upload", {"csv": export()}).json()
    assert first["same_file_as"] is None
    again = api.post("/api/upload", {"csv": export(name="copy.csv")}).json()
    assert again["same_file_as"] == first["uuid"]
    assert f"the same file as import {first['uuid']} of " in again["message"]
    assert api.get(f"/api/imports/{again['uuid']}").json()["same_file_as"] == first["uuid"]
    assert api.post("/api/upload", {"csv": export(EXPORT + b"\n")}).json()["same_file_as"] is None


def test_it_passes_the_options_on(api: Client) -> None:
    answer = api.post("/api/upload", {"csv": export(), "policy": "thorough", "tolerated_failures": "0.25"})
    library_import = LibraryImport.objects.get(pk=answer.json()["uuid"])
    assert (library_import.policy, library_import.tolerated_failures) == ("thorough", 0.25)


@pytest.mark.parametrize(
    ("options", "field"), [({"policy": "greedy"}, "policy"), ({"tolerated_failures": "2"}, "tolerated_failures"), ({"csv": ""}, "csv")]
)
def test_it_names_the_field_that_is_wrong(api: Client, options: dict[str, str], field: str) -> None:
    answer = api.post("/api/upload", ({} if "csv" in options else {"csv": export()}) | options)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("file", "status"),
    [
        (export(name="library.pdf"), 400),
        (export(b"name,colour\nrose,red\n"), 422),
        (export(b"\x00\x01\x02\x03" * 100), 400),
        (export(b""), 400),
        (export(b"Book Id,Title,Author,Author l-f,ISBN,ISBN13,My Rating,Exclusive Shelf\n"), 422),
    ],
)
def test_it_refuses_what_is_no_export_and_says_what_to_do(api: Client, file: SimpleUploadedFile, status: int) -> None:
    answer = api.post("/api/upload", {"csv": file})
    body = answer.json()
    assert (answer.status_code, body["status"]) == (status, status)
    assert answer["Content-Type"] == "application/problem+json"
    assert body["file"] == file.name
    assert body["code"] and body["detail"] and body["remedy"]
    assert not LibraryImport.objects.exists()


def test_it_refuses_a_large_file(api: Client, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 100
    answer = api.post("/api/upload", {"csv": export()})
    assert answer.status_code == 413
    assert answer.json()["detail"].startswith("File too large. Maximum size:")


def test_it_refuses_an_announced_length_without_reading_the_body(owner: Any, settings: Any) -> None:
    class Unreadable:
        def read(self, *args: Any) -> bytes:
            raise AssertionError("the body was read")

        readline = read

    settings.UPLOAD_MAX_BYTES = 1000
    extra = {"CONTENT_LENGTH": "999999999", "CONTENT_TYPE": "multipart/form-data; boundary=x", "wsgi.input": Unreadable()}
    answer = Client().generic("POST", "/api/upload", headers={"Authorization": f"Token {token_of(owner)}"}, **extra)
    assert answer.status_code == 413


def test_it_throttles_uploads(api: Client, settings: Any) -> None:
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"upload": "2/min"}
    answers = [api.post("/api/upload", {"csv": export()}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert 0 < int(answers[2]["Retry-After"]) <= 60


@pytest.mark.django_db(transaction=True)
@pytest.mark.once
def test_waiting_ends_when_the_import_does(settings: Any) -> None:
    owner = make_user()
    client = Client(headers={"Authorization": f"Token {token_of(owner)}"})

    def finish() -> None:
        for _ in range(100):
            if library_import := LibraryImport.objects.first():
                break
            time.sleep(0.05)
        make_row(library_import, 1, state=State.SUCCEEDED)
        make_row(library_import, 2, state=State.FAILED)
        LibraryImport.objects.filter(pk=library_import.pk).update(
            state=State.SUCCEEDED, stage="done", ended_at=library_import.created_at, finishes=1
        )

    worker = threading.Thread(target=finish)
    worker.start()
    start = time.monotonic()
    answer = client.post("/api/upload?wait=20", {"csv": export()})
    worker.join()
    body = answer.json()
    assert answer.status_code == 200
    assert time.monotonic() - start < 10
    assert (body["status"], body["books_processed"], body["successful_enrichments"], body["failed_enrichments"]) == ("complete", 2, 1, 1)
    assert body["success_rate"] == body["statistics"]["success_rate"] == 50.0


@pytest.mark.django_db(transaction=True)
def test_waiting_too_short_answers_202(api: Client) -> None:
    answer = api.post("/api/upload?wait=0.2", {"csv": export()})
    assert answer.status_code == 202


@pytest.mark.parametrize("wait", ["nan", "-1", "soon", "inf", ""])
def test_a_wait_that_is_no_time_is_refused_before_anything_begins(api: Client, wait: str) -> None:
    answer = api.post(f"/api/upload?wait={wait}", {"csv": export()})
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, ["wait"])
    assert not LibraryImport.objects.exists()


def test_status_speaks_the_seeds_words(api: Client, owner: Any) -> None:
    library_import = make_import(owner, file_size=123)
    make_row(library_import, 1, state=State.SUCCEEDED, reason="", outcome="matched")
    make_row(library_import, 2, state=State.FAILED, reason="timeout")
    make_row(library_import, 3, state=State.PENDING, reason="")
    body = api.get(f"/api/status/{library_import.pk}").json()
    assert body["status"] == "processing"
    assert body["progress"] == {"total_books": 3, "processed_books": 2, "percent_complete": 66.7}
    assert body["error_categories"] == {"api_timeout": 1}
    assert body["message"] == "Enriched 2 of 3 books."
    assert body["estimated_completion"] is None
    assert "data_url" not in body


def test_status_forecasts_the_end_once_enough_was_looked_up(api: Client, owner: Any) -> None:
    now = timezone.now()
    library_import = make_import(owner, started_at=now - timedelta(minutes=1))
    for number in range(1, 12):
        make_row(library_import, number, state=State.SUCCEEDED, reason="", chunk=1, ended_at=now)
    make_row(library_import, 12, state=State.PENDING, reason="")
    assert datetime.fromisoformat(api.get(f"/api/status/{library_import.pk}").json()["estimated_completion"]) > now


@pytest.mark.parametrize(("state", "word"), [(State.SUCCEEDED, "complete"), (State.CANCELLED, "error")])
def test_status_of_an_ended_import_names_its_data(state: State, word: str, api: Client, owner: Any) -> None:
    library_import = make_finished_import(owner, state=state)
    body = api.get(f"/api/status/{library_import.pk}").json()
    assert (body["status"], body["data_url"]) == (word, f"/api/data/{library_import.pk}")
    assert body["completion_time"]


def test_status_of_a_failed_import_says_why(api: Client, owner: Any) -> None:
    library_import = make_import(owner, state=State.FAILED, detail="31 of 40 rows failed; tolerated were 50%.", stage="done")
    body = api.get(f"/api/status/{library_import.pk}").json()
    assert body["status"] == "error"
    assert body["error_message"] == "Processing failed: 31 of 40 rows failed; tolerated were 50%."
    assert "data_url" not in body
