"""Health: /healthz says that this process answers, /readyz that the whole can do its work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from bookops import sweep
from bookops.redis_link import RedisAway, redis_link

#: A sweeper that has not come round for so long is taken for dead.
SWEEPER_SILENCE = timedelta(seconds=30)


def database_answers() -> bool:
    """Say whether the database answers a query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return cursor.fetchone() == (1,)


def broker_answers() -> bool:
    """Say whether Redis answers."""
    return bool(redis_link.run(lambda client: client.ping()))


def sweeper_sweeps() -> bool:
    """Say whether a sweeper came round lately."""
    last = sweep.last_round()
    return last is not None and timezone.now() - last < max(SWEEPER_SILENCE, timedelta(seconds=10 * settings.SWEEP_SECONDS))


def worker_works() -> bool:
    """Say whether a worker was seen lately."""
    return sweep.workers_seen() > 0


CHECKS: dict[str, Callable[[], bool]] = {
    "database": database_answers,
    "broker": broker_answers,
    "sweeper": sweeper_sweeps,
    "worker": worker_works,
}


def passes(check: Callable[[], bool]) -> bool:
    """Run a check; a part that is away has not passed."""
    try:
        return check()
    except (DatabaseError, RedisAway):
        return False


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer that the process is alive. No query, so that a database that is away restarts nobody."""
    return JsonResponse({"status": "alive"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when every part can do its work, else 503 naming those that cannot."""
    parts = {name: passes(check) for name, check in CHECKS.items()}
    ready = all(parts.values())
    body = {"status": "ready" if ready else "not ready", "parts": {name: "ok" if fine else "away" for name, fine in parts.items()}}
    return JsonResponse(body, status=200 if ready else 503, headers={} if ready else {"Retry-After": "5"})
