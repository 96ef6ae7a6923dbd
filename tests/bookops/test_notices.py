"""How a run ended is told once, on the ways its owner chose, until it arrives."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends import locmem
from django.db import connections
from django.utils import timezone

from bookops.notices import Delivery, Notice, NoticeChoice, notify, send_due_notices
from bookops.outbound.errors import Refused, TryAgain
from bookops.runs import State
from bookops.webhooks import Webhook, signature
from tests.api.clients import make_user
from tests.enrichment.api.factories import make_import

pytestmark = pytest.mark.django_db


@dataclass
class Door:
    """Keep what is posted; raise what it is given, one error a call."""

    errors: list[Exception] = field(default_factory=list)
    posted: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)

    def post(self, url: str, body: bytes, headers: dict[str, str]) -> None:
        """Take a message."""
        self.posted.append((url, body, headers))
        if self.errors:
            raise self.errors.pop(0)


def told(owner: Any, **changes: Any) -> Notice | None:
    """Tell the owner that an import has ended."""
    return notify(make_import(owner), **{"outcome": "succeeded", "subject": "library.csv: succeeded", "facts": {"books": 3}} | changes)


def test_an_end_is_told_once() -> None:
    library_import = make_import(make_user())
    values = {"outcome": "succeeded", "subject": "Done", "facts": {}}
    assert notify(library_import, **values)
    assert notify(library_import, **values) is None
    library_import.reopenings = 1
    assert notify(library_import, **values)
    assert Notice.objects.count() == 2


def test_an_owner_chooses_what_and_how() -> None:
    owner = make_user()
    Webhook.objects.create(owner=owner, url="https://hooks.example.org/")
    NoticeChoice.objects.create(owner=owner, by_email=True, by_webhook=False, on_success=False, in_app=False)
    assert told(owner) is None
    notice = told(owner, outcome="failed")
    assert notice is not None and not notice.in_app
    assert [delivery.channel for delivery in notice.deliveries.all()] == ["email"]


def test_a_webhook_gets_a_signed_message() -> None:
    owner = make_user()
    webhook = Webhook.objects.create(owner=owner, url="https://hooks.example.org/x")
    Webhook.objects.create(owner=owner, url="https://hooks.example.org/off", active=False)
    Webhook.objects.create(owner=make_user(), url="https://hooks.example.org/other")
    notice = told(owner)
    door = Door()
    assert send_due_notices(door) == 1
    [(url, body, headers)] = door.posted
    assert url == "https://hooks.example.org/x"
    assert json.loads(body)["facts"] == {"books": 3}
    assert headers["X-Bookops-Delivery"] == str(notice.pk)
    expected = hmac.new(webhook.secret.encode(), headers["X-Bookops-Timestamp"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["X-Bookops-Signature"] == f"v1={expected}"
    assert send_due_notices(door) == 0
    assert Delivery.objects.get().state == State.SUCCEEDED


def test_a_mail_goes_to_the_owner_and_nobody_else() -> None:
    owner = make_user(email="ann@example.org")
    NoticeChoice.objects.create(owner=owner, by_email=True)
    told(owner, subject="evil.csv\r\nBcc: everyone@example.org: succeeded")
    assert send_due_notices(Door()) == 1
    [message] = mail.outbox
    assert message.recipients() == ["ann@example.org"]
    assert "\n" not in message.subject and "Bcc" not in message.message()
    assert "books: 3" in message.body


def test_what_did_not_arrive_is_tried_again_until_its_attempts_are_used_up(settings: Any) -> None:
    owner = make_user()
    Webhook.objects.create(owner=owner, url="https://hooks.example.org/")
    told(owner)
    door = Door(errors=[TryAgain("HTTP 503", retry_after=1e9, reason="http_503")] * 5)
    for attempt in range(1, 6):
        assert send_due_notices(door) == 0
        delivery = Delivery.objects.get()
        assert delivery.attempts == attempt
        if attempt < 5:
            assert delivery.state == State.PENDING
            assert timezone.now() < delivery.next_at <= timezone.now() + timedelta(hours=1)
        Delivery.objects.update(next_at=timezone.now())
    assert (delivery.state, delivery.reason) == (State.DEAD, "http_503")
    assert len(door.posted) == 5


def test_an_address_that_is_not_allowed_is_not_tried_again() -> None:
    owner = make_user()
    Webhook.objects.create(owner=owner, url="https://hooks.example.org/")
    told(owner)
    send_due_notices(Door(errors=[Refused("the host is not public", reason="forbidden_address")]))
    assert (Delivery.objects.get().state, Delivery.objects.get().reason) == (State.FAILED, "forbidden_address")


def test_two_senders_send_once() -> None:
    owner = make_user()
    Webhook.objects.create(owner=owner, url="https://hooks.example.org/")
    told(owner)

    class Meddler(Door):
        def post(self, url: str, body: bytes, headers: dict[str, str]) -> None:
            """Let another sender come round in the middle."""
            super().post(url, body, headers)
            assert send_due_notices(Door()) == 0

    door = Meddler()
    assert send_due_notices(door) == 1
    assert len(door.posted) == 1


def test_a_sender_that_died_is_replaced() -> None:
    owner = make_user()
    Webhook.objects.create(owner=owner, url="https://hooks.example.org/")
    told(owner)
    delivery = Delivery.objects.get()
    assert Delivery.objects.all().claim([delivery.pk])
    Delivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert send_due_notices(Door()) == 1


def test_a_secret_can_be_replaced_and_stands_in_no_table() -> None:
    webhook = Webhook.objects.create(owner=make_user(), url="https://hooks.example.org/")
    before = webhook.secret
    webhook.secret_version += 1
    assert webhook.secret != before
    assert before not in json.dumps(list(Webhook.objects.values()), default=str)
    assert signature(before, 1, b"x") != signature(webhook.secret, 1, b"x")


@pytest.mark.django_db(transaction=True)
def test_no_connection_is_held_while_a_receiver_is_waited_for(settings: Any) -> None:
    ours, held = connections["default"], {}

    class Watched(Door):
        def post(self, url: str, body: bytes, headers: dict[str, str]) -> None:
            """Look whether the sender holds a connection."""
            held["webhook"] = ours.connection is not None

    settings.EMAIL_BACKEND = f"{__name__}.WatchedMail"
    WatchedMail.look = lambda: held.update(email=ours.connection is not None)
    owner = make_user(email="ann@example.org")
    NoticeChoice.objects.create(owner=owner, by_email=True)
    Webhook.objects.create(owner=owner, url="https://hooks.example.org/")
    told(owner)
    assert send_due_notices(Watched()) == 2
    assert held == {"webhook": False, "email": False}


class WatchedMail(locmem.EmailBackend):
    """Look, before taking a message, at what a test says."""

    look: Callable[[], None]

    def send_messages(self, messages: Sequence[Any]) -> int:
        """Take messages."""
        type(self).look()
        return super().send_messages(messages)
