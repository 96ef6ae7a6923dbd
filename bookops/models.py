"""The tables of the core; each is defined beside what it does."""

from bookops.books import Book, BookKey
from bookops.credentials import WatchTicket
from bookops.events import RunEvent
from bookops.idempotency import IdempotentRequest
from bookops.language_models import LanguageModel, ModelLimit, ModelPrice
from bookops.notices import Delivery, Notice, NoticeChoice
from bookops.pulse import Pulse
from bookops.source_health import SourceHealth
from bookops.spend import Account, Budget
from bookops.webhooks import Webhook

__all__ = [
    "Account",
    "Book",
    "BookKey",
    "Budget",
    "Delivery",
    "IdempotentRequest",
    "LanguageModel",
    "ModelLimit",
    "ModelPrice",
    "Notice",
    "NoticeChoice",
    "Pulse",
    "RunEvent",
    "SourceHealth",
    "WatchTicket",
    "Webhook",
]
