"""Idempotency keys: the same creating request, sent again, gets the first answer instead of doing its work twice."""

from __future__ import annotations

import functools
import hashlib
import json
import re
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.problems import Problem
from bookops.api.requests import OwnerRequest
from bookops.clock import database_now

KEY = re.compile(r"[\x21-\x7e]{1,255}")
#: A first request that has not ended for so long is taken for dead.
LEASE_SECONDS = 60
#: A second request waits so long for the first one's answer before it is told to come back.
PATIENCE_SECONDS = 2.0


class IdempotentRequest(models.Model):
    """Hold the first request under a key and its answer, empty while it is being worked on.

    `resource` is the id of what the request creates: known before the work, so that a repetition after a crash finds what the
    first one had already made.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    route = models.CharField(max_length=100)
    key = models.CharField(max_length=255)
    body_hash = models.CharField(max_length=64)
    resource = models.UUIDField(default=uuid.uuid4)
    lease_owner = models.UUIDField()
    lease_until = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    location = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "route", "key"], name="a_key_is_used_once_per_owner_and_route")]
        indexes = [models.Index(fields=["created_at"], name="idempotent_requests_by_age")]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"

    def finish(self, response: Response) -> None:
        """Keep the answer, unless someone has taken the request over meanwhile."""
        IdempotentRequest.objects.filter(pk=self.pk, lease_owner=self.lease_owner, status=None).update(
            status=response.status_code, body=response.data, location=response.headers.get("Location", "")
        )

    def release(self) -> None:
        """Forget a request that came to nothing, so that it may be sent again."""
        IdempotentRequest.objects.filter(pk=self.pk, lease_owner=self.lease_owner, status=None).delete()

    def replay(self) -> Response:
        """Return the kept answer."""
        headers = {"Idempotency-Replayed": "true"} | ({"Location": self.location} if self.location else {})
        return Response(self.body, status=self.status, headers=headers)


def idempotent(handler: Callable[..., Response]) -> Callable[..., Response]:
    """Honour the Idempotency-Key header of a view's handler. Keeps answers of success; a refusal may be sent again.

    The handler finds the id for what it creates as `request.resource_id`, None where no key was sent.
    """

    @functools.wraps(handler)
    def answer(view: APIView, request: OwnerRequest, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get("Idempotency-Key")
        request.resource_id = None
        if key is None:
            return handler(view, request, *args, **kwargs)
        if not KEY.fullmatch(key):
            raise Problem(
                400, "bad_idempotency_key", "The Idempotency-Key is not usable.", remedy="Send 1 to 255 visible ASCII characters."
            )
        record = claim(request.user, request.path, key, body_hash(request))
        if record.status is not None:
            return record.replay()
        request.resource_id = record.resource
        try:
            response = handler(view, request, *args, **kwargs)
        except BaseException:
            record.release()
            raise
        record.finish(response) if response.status_code < 400 else record.release()
        return response

    return answer


def claim(owner: Any, route: str, key: str, body: str) -> IdempotentRequest:
    """Return the record under this key: ours to work on while `status` is None, else finished.

    Raises a 422 Problem when the key was used for something else, a 409 one when the first request is still at work.
    """
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        now = database_now()
        ours = uuid.uuid4()
        lease_until = now + timedelta(seconds=LEASE_SECONDS)
        mine = {"owner": owner, "route": route[:100], "key": key}
        # On conflict nothing is inserted: of many at once, one finds its own mark on the row.
        IdempotentRequest.objects.bulk_create(
            [IdempotentRequest(**mine, body_hash=body, lease_owner=ours, lease_until=lease_until)], ignore_conflicts=True
        )
        record = IdempotentRequest.objects.filter(**mine).first()
        if record is None:
            continue  # released between our two queries
        if record.lease_owner == ours:
            return record
        if record.created_at < now - timedelta(hours=settings.IDEMPOTENCY_HOURS):
            IdempotentRequest.objects.filter(pk=record.pk, lease_owner=record.lease_owner).delete()
            continue
        if record.body_hash != body:
            raise Problem(
                422,
                "idempotency_key_reused",
                "This Idempotency-Key was used for another request.",
                remedy="Use a new key for a new request; the same key only to repeat the same one.",
            )
        if record.status is not None:
            return record
        unfinished = IdempotentRequest.objects.filter(pk=record.pk, lease_owner=record.lease_owner, status=None)
        if record.lease_until < now and unfinished.update(lease_owner=ours, lease_until=lease_until):
            record.lease_owner = ours
            return record
        if time.monotonic() >= give_up:
            raise Problem(
                409,
                "request_in_progress",
                "The first request with this Idempotency-Key is still being worked on.",
                remedy="Send it again after Retry-After.",
                retry_after=1,
            )
        time.sleep(0.1)


def body_hash(request: OwnerRequest) -> str:
    """Return a digest of what was sent: query, fields and files, read in pieces."""
    digest = hashlib.sha256(request.META.get("QUERY_STRING", "").encode())
    files = getattr(request, "FILES", {})
    fields: Any = request.data
    if files:
        fields = {name: fields.getlist(name) for name in fields if name not in files}
    digest.update(json.dumps(fields, sort_keys=True, default=str).encode(errors="backslashreplace"))
    for name, file in sorted(files.items()):
        digest.update(f"\0{name}\0{file.name}\0".encode(errors="backslashreplace"))
        for piece in file.chunks():
            digest.update(piece)
        file.seek(0)
    return digest.hexdigest()


def forget_old() -> int:
    """Delete the keys whose time is over and return how many."""
    old = database_now() - timedelta(hours=settings.IDEMPOTENCY_HOURS)
    return IdempotentRequest.objects.filter(created_at__lt=old).delete()[0]
