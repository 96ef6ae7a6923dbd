"""OpenAI's webhooks: a signed message that something has ended only rings the bell earlier; without it the poller finds out itself.

Documentation: https://platform.openai.com/docs/guides/webhooks
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction

from bookops.clock import database_now
from bookops.dispatch import ring
from llmjobs.doors import open_background
from llmjobs.models import LLMJobItem, ProviderBatch, ProviderMessage
from llmjobs.polling import look_at
from llmjobs.reconciling import adopt_response

log = structlog.get_logger(__name__)

PROVIDER = "openai"
MOST_BYTES = 64 * 1024
LONGEST_ID = 100
#: Responses rung for in one round of the sweeper.
MOST = 100


class NotTheirs(Exception):
    """The message is not signed by OpenAI, or too old, or no message at all."""


class Replayed(Exception):
    """The message was taken before."""


def take_message(body: bytes, headers: Mapping[str, str]) -> str:
    """Check a message and ring for what it tells of; return its type. Nothing of it is believed but whom it is about.

    Raises NotTheirs (also where OPENAI_WEBHOOK_SECRET is unset) and Replayed. A message whose taking fails may be sent again.
    """
    event = _checked(body, headers)
    with transaction.atomic():
        message_id = _header(headers, "webhook-id")[:100]
        message, is_new = ProviderMessage.objects.get_or_create(message_id=message_id)
        if not is_new:
            raise Replayed(message_id)
        _ring_for(message, str(event.get("type", "")), _about(event))
    return str(event.get("type", ""))


def adopt(response_id: str) -> bool:
    """Ask whose a response is that nobody here knows, and let the item that it was perhaps sent for go on; False if it is nobody's.

    Raises one of the four errors when it cannot be asked.
    """
    metadata = open_background(PROVIDER).look(response_id).raw.get("metadata") or {}
    try:
        item_id, intent = int(metadata["job_item_id"]), uuid.UUID(metadata["intent"])
    except (KeyError, TypeError, ValueError, AttributeError):
        adopted = False  # the account asks other things too
    else:
        adopted = adopt_response(item_id, str(intent), response_id)
    ProviderMessage.objects.filter(response_id=response_id).update(ring_at=None)
    return adopted and look_at(item_id)


def ring_for_unknown_responses(now: datetime) -> int:
    """Ring again for responses that messages told of and nobody has found the owner of, as when the first bell was lost."""
    from llmjobs import tasks

    due = ProviderMessage.objects.filter(ring_at__lte=now)
    rung = 0
    for message_id, response_id in list(due.order_by("ring_at").values_list("pk", "response_id")[:MOST]):
        if due.filter(pk=message_id).update(ring_at=now + timedelta(seconds=settings.RING_AGAIN_SECONDS)):
            ring(tasks.adopt, response_id)
            rung += 1
    return rung


def _checked(body: bytes, headers: Mapping[str, str]) -> Mapping[str, Any]:
    from openai import OpenAIError

    if not settings.OPENAI_WEBHOOK_SECRET:
        raise NotTheirs("OPENAI_WEBHOOK_SECRET is unset.")
    if len(body) > MOST_BYTES:
        raise NotTheirs("too large")
    try:
        # Not `unwrap`, which makes an event of its own types of anything.
        _client(settings.OPENAI_WEBHOOK_SECRET).webhooks.verify_signature(body, dict(headers))
        event = json.loads(body)
    except (OpenAIError, ValueError, RecursionError) as error:
        raise NotTheirs(type(error).__name__) from None
    if not isinstance(event, dict):
        raise NotTheirs("no event")
    return event


@lru_cache(maxsize=2)
def _client(secret: str) -> Any:
    from openai import OpenAI

    return OpenAI(api_key="unused", webhook_secret=secret)


def _about(event: Mapping[str, Any]) -> str:
    data = event.get("data")
    found = data.get("id") if isinstance(data, Mapping) else None
    return found if isinstance(found, str) and len(found) <= LONGEST_ID else ""


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")


def _ring_for(message: ProviderMessage, kind: str, about: str) -> None:
    from llmjobs import tasks

    if kind.startswith("batch."):
        for batch_id in ProviderBatch.objects.filter(provider=PROVIDER, provider_id=about).values_list("pk", flat=True):
            ring(tasks.take_results, batch_id)
    elif kind.startswith("response.") and about:
        item_id = LLMJobItem.objects.filter(provider=PROVIDER, provider_task_id=about).values_list("pk", flat=True).first()
        if item_id is None:
            message.response_id, message.ring_at = about, database_now() + timedelta(seconds=settings.RING_AGAIN_SECONDS)
            message.save(update_fields=["response_id", "ring_at"])
            ring(tasks.adopt, about)
        else:
            ring(tasks.look_at, item_id)
    else:
        log.info("webhook_of_no_use", kind=kind[:60])
