"""What is old goes, what is not stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone
from knox.models import AuthToken

from bookops.forgetting import forget_old
from enrichment.models import EditionRecord

pytestmark = pytest.mark.django_db


def make_answer(question: str, *, expires_in: timedelta) -> EditionRecord:
    now = timezone.now()
    return EditionRecord.objects.create(source="open_library", question=question, fetched_at=now, expires_at=now + expires_in)


def test_it_deletes_answers_whose_time_is_over_and_keeps_the_others() -> None:
    make_answer("isbn:1", expires_in=timedelta(seconds=-1))
    kept = make_answer("isbn:2", expires_in=timedelta(days=1))

    assert forget_old()["answers"] == 1
    assert list(EditionRecord.objects.all()) == [kept]


def test_it_deletes_expired_tokens_and_keeps_the_others() -> None:
    owner = get_user_model().objects.create(username="ada")
    AuthToken.objects.create(user=owner, expiry=timedelta(seconds=-5))
    kept, _ = AuthToken.objects.create(user=owner, expiry=timedelta(hours=1))

    assert forget_old()["tokens"] == 1
    assert list(AuthToken.objects.all()) == [kept]
