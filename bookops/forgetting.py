"""Delete what has outlived its use: each app registers what it lets go of."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from django.utils import timezone

log = structlog.get_logger(__name__)

#: A function that deletes what is old and returns how much that was.
Forget = Callable[[], int]
_forgets: dict[str, Forget] = {}


def register(name: str, forget: Forget) -> None:
    """Add a function to the hourly round; apps call this when they are ready."""
    _forgets[name] = forget


def forget_old() -> dict[str, int]:
    """Delete what is old everywhere and return how much, by name."""
    # Here and not above: registering must not load the API into every worker.
    from bookops.atomic_files import forget_left_files
    from bookops.credentials import forget_old_tickets
    from bookops.idempotency import forget_old as forget_old_keys

    ours = {
        "idempotency_keys": forget_old_keys,
        "tickets": forget_old_tickets,
        "tokens": forget_expired_tokens,
        "left_files": forget_left_files,
    }
    gone = {name: forget() for name, forget in (ours | _forgets).items()}
    if any(gone.values()):
        log.info("forgot", **gone)
    return gone


def forget_expired_tokens() -> int:
    """Delete API tokens that have expired and return how many."""
    from knox.models import AuthToken

    return AuthToken.objects.filter(expiry__lt=timezone.now()).delete()[0]
