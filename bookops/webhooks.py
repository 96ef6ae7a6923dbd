"""Webhook: an address of an owner's to which notices are posted, signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.crypto import salted_hmac

from bookops.outbound.errors import Refused
from bookops.outbound.guard import parse

SIGNATURE_VERSION = "v1"


def check_url(url: str) -> None:
    """Raise ValidationError unless the address is one that a webhook may have; its DNS is judged at each delivery."""
    try:
        parse(url)
    except Refused as error:
        raise ValidationError(f"This address is not allowed: {error.detail}.", code="forbidden_address") from error


class Webhook(models.Model):
    """Hold one endpoint. Its secret is derived from SECRET_KEY, so that the table holds nothing to sign with."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=2048, validators=[check_url])
    active = models.BooleanField(default=True)
    #: Raised to get another secret.
    secret_version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(url__startswith="https://"), name="a_webhook_is_https")]

    def __str__(self) -> str:
        return self.url

    @property
    def secret(self) -> str:
        """Return what signs the deliveries; it changes with SECRET_KEY."""
        key = salted_hmac("bookops.webhooks", f"{self.pk}:{self.secret_version}", algorithm="sha256").digest()
        return "whsec_" + base64.urlsafe_b64encode(key).decode().rstrip("=")


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return the value of the signature header: HMAC-SHA256 over "timestamp.body", in hexadecimal.

    A receiver computes it anew, compares in constant time, and refuses timestamps older than a few minutes.
    """
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"{SIGNATURE_VERSION}={digest}"
