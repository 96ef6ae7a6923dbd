"""The same request under the same key is done once, however often and however many at once it is sent."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone

from bookops.api.problems import Problem
from bookops.idempotency import IdempotentRequest, claim, forget_old
from bookops.webhooks import Webhook
from enrichment.models import LibraryImport
from tests.api.clients import client_of, make_user, token_of
from tests.concurrency import at_once
from tests.enrichment.api.factories import EXPORT


@pytest.fixture(autouse=True)
def no_throttles(settings: Any) -> None:
    """Let everything pass."""
    settings.THROTTLE_RATES = dict.fromkeys(settings.THROTTLE_RATES, "1000000/min")


def upload(client: Client, key: str, text: bytes = EXPORT) -> Any:
    """Upload an export under a key."""
    return client.post("/api/upload", {"csv": SimpleUploadedFile("library.csv", text)}, headers={"Idempotency-Key": key})


@pytest.mark.django_db
def test_a_repetition_gets_the_first_answer() -> None:
    client = client_of(make_user())
    first, second = upload(client, "k"), upload(client, "k")
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert first["Location"] == second["Location"]
    assert ("Idempotency-Replayed" in first, second["Idempotency-Replayed"]) == (False, "true")
    assert LibraryImport.objects.count() == 1


@pytest.mark.django_db
def test_another_body_under_the_same_key_is_refused() -> None:
    client = client_of(make_user())
    upload(client, "k")
    answer = upload(client, "k", EXPORT + b"\n")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.django_db
def test_keys_belong_to_their_owner() -> None:
    one, other = upload(client_of(make_user()), "k"), upload(client_of(make_user()), "k")
    assert one.json()["uuid"] != other.json()["uuid"]


@pytest.mark.django_db
def test_a_refused_request_may_be_sent_again() -> None:
    client = client_of(make_user())
    assert upload(client, "k", b"no,export\n1,2\n").status_code == 422
    assert not IdempotentRequest.objects.exists()
    assert upload(client, "k").status_code == 202


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "two words", "é", "x" * 256])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    answer = upload(client_of(make_user()), key)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_idempotency_key")


@pytest.mark.django_db
@pytest.mark.parametrize("body", ["[null, null]", "7", "null", '"text"', '{"url": [1]}'])
def test_a_body_of_any_shape_is_refused_and_no_error_of_ours(body: str) -> None:
    client = client_of(make_user())
    assert client.post("/api/webhooks", body, content_type="application/json", headers={"Idempotency-Key": "k"}).status_code == 400


@pytest.mark.django_db
def test_while_the_first_is_at_work_the_second_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bookops.idempotency.PATIENCE_SECONDS", 0.2)
    owner = make_user()
    claim(owner, "/api/upload", "k", "hash")
    with pytest.raises(Problem) as refusal:
        claim(owner, "/api/upload", "k", "hash")
    assert (refusal.value.status_code, refusal.value.wait) == (409, 1)


@pytest.mark.django_db
def test_a_request_whose_process_died_is_taken_over_with_its_resource() -> None:
    owner = make_user()
    first = claim(owner, "/api/upload", "k", "hash")
    IdempotentRequest.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    second = claim(owner, "/api/upload", "k", "hash")
    assert second.status is None
    assert second.resource == first.resource
    assert second.lease_owner != first.lease_owner
    first.release()  # the dead come back too late
    assert IdempotentRequest.objects.filter(pk=second.pk).exists()


@pytest.mark.django_db
def test_after_a_day_a_key_is_new_again() -> None:
    client = client_of(make_user())
    first = upload(client, "k").json()
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert upload(client, "k").json()["uuid"] != first["uuid"]
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert forget_old() == 1


@pytest.mark.django_db
def test_a_secret_is_shown_again_and_kept_nowhere() -> None:
    client = client_of(make_user())
    body, headers = {"url": "https://hooks.example.org/x"}, {"Idempotency-Key": "w"}
    first = client.post("/api/webhooks", body, content_type="application/json", headers=headers).json()
    second = client.post("/api/webhooks", body, content_type="application/json", headers=headers).json()
    assert first == second
    assert first["secret"] == Webhook.objects.get().secret
    assert "secret" not in IdempotentRequest.objects.get().body


@pytest.mark.django_db(transaction=True)
def test_of_a_thousand_at_once_one_makes_an_import_and_all_get_its_answer() -> None:
    token = token_of(make_user())

    def send() -> tuple[int, str]:
        client = Client(headers={"Authorization": f"Token {token}"})
        while (answer := upload(client, "k")).status_code == 409:
            time.sleep(0.05)
        connection.close()  # or 40 threads would hold what a process of ours may have 10 of
        return answer.status_code, answer.json()["uuid"]

    answers = [answer for some in at_once(40, lambda: [send() for _ in range(25)]) for answer in some]
    assert len(answers) == 1000
    assert set(answers) == {(202, str(LibraryImport.objects.get().pk))}
