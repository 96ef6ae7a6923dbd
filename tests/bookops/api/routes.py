"""Who may reach the addresses that every API of the project shares."""

from __future__ import annotations

import uuid
from typing import Any

from knox.models import AuthToken

from bookops.notices import Notice
from bookops.webhooks import Webhook
from tests.api.access import OWN, OWNED, PUBLIC, Part, Route, Things
from tests.api.clients import json_body

ROUTES: dict[str, list[Route]] = {
    "api/login": [Route(PUBLIC, "POST", lambda: json_body(username="nobody", password="wrong"), status=401)],
    "api/schema": [Route(PUBLIC)],
    "api/docs": [Route(PUBLIC)],
    "": [Route(PUBLIC, status=302)],
    "favicon.ico": [Route(PUBLIC, status=302)],
    "healthz": [Route(PUBLIC)],
    "readyz": [Route(PUBLIC, status=503)],
    "metrics": [Route(PUBLIC)],  # by its own rule: a token, or a private address; see tests/bookops/test_metrics.py
    "api/tokens": [Route(OWN), Route(OWN, "POST", json_body, status=201)],
    "api/tokens/<str:key>": [Route(OWNED, "DELETE", status=204)],
    "api/tickets": [Route(OWN, "POST", json_body, status=201)],
    "api/notices": [Route(OWN)],
    "api/notices/choice": [Route(OWN), Route(OWN, "PATCH", lambda: json_body(by_email=True))],
    "api/notices/<uuid:pk>/read": [Route(OWNED, "POST", json_body)],
    "api/webhooks": [Route(OWN), Route(OWN, "POST", lambda: json_body(url="https://hooks.example.org/"), status=201)],
    "api/webhooks/<uuid:pk>": [
        Route(OWNED),
        Route(OWNED, "PATCH", lambda: json_body(active=False)),
        Route(OWNED, "DELETE", status=204),
    ],
    "api/webhooks/<uuid:pk>/secret": [Route(OWNED, "POST", json_body)],
    "api/sources": [Route(OWN)],
}


def furnish(owner: Any) -> Things:
    """Give an owner a token, a notice and a webhook."""
    key = AuthToken.objects.create(owner)[0].token_key
    notice = Notice.objects.create(owner=owner, run_id=uuid.uuid4(), outcome="succeeded", subject="Done")
    webhook = Webhook.objects.create(owner=owner, url="https://hooks.example.org/")

    def check_untouched() -> None:
        assert Webhook.objects.get(pk=webhook.pk).active
        assert Notice.objects.get(pk=notice.pk).read_at is None
        assert AuthToken.objects.filter(user=owner, token_key=key).exists()

    values = {"api/tokens": {"key": key}, "api/notices": {"pk": notice.pk}, "api/webhooks": {"pk": webhook.pk}}
    return Things(values, [owner.username, key, str(notice.pk), str(webhook.pk)], check_untouched)


PART = Part(ROUTES, furnish)
