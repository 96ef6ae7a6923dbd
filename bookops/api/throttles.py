"""Throttles that count exactly, however many requests come at once; the numbers are settings.THROTTLE_RATES."""

from __future__ import annotations

import hashlib
import threading
import time
from typing import TYPE_CHECKING, Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from bookops.redis_link import RedisAway, redis_link

if TYPE_CHECKING:
    # Only named: importing it here would close a circle, since DRF's views load their settings' classes.
    from rest_framework.views import APIView

# One step in Redis, so that two requests never read the same count. The expiry is set again should it ever be missing.
COUNT = """
local n = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {n, left}
"""
SECONDS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "hour": 3600, "d": 86400, "day": 86400}


class LocalCounts:
    """Count in this process: what is left of a throttle while Redis is away."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[int, float]] = {}

    def count(self, key: str, seconds: int) -> tuple[int, float]:
        """Return the number of hits in the current window, this one included, and the seconds until it ends."""
        now = time.monotonic()
        with self._lock:
            if len(self._windows) > 10_000:
                self._windows = {name: window for name, window in self._windows.items() if window[1] > now}
            hits, ends = self._windows.get(key, (0, 0.0))
            if ends <= now:
                hits, ends = 0, now + seconds
            self._windows[key] = (hits + 1, ends)
            return hits + 1, ends - now


local_counts = LocalCounts()


def rate_of(scope: str) -> tuple[int, int]:
    """Return how many hits in how many seconds a scope allows: "10/min" is (10, 60)."""
    number, _, period = settings.THROTTLE_RATES[scope].partition("/")
    return int(number), SECONDS[period]


def key_of(scope: str, who: str) -> str:
    """Return the key under which Redis counts; hashed, so that an address or a name of any length is one of one length."""
    return f"{settings.REDIS_PREFIX}throttle:{scope}:{hashlib.sha256(who.encode()).hexdigest()[:32]}"


def hit(scope: str, who: str) -> float | None:
    """Count one request and return None if it may pass, else the seconds to wait."""
    most, seconds = rate_of(scope)
    key = key_of(scope, who)
    # Counted here too, so that a Redis that goes away in the middle of a window gives nobody a second one.
    local_hits, local_left = local_counts.count(key, seconds)
    try:
        hits, left_ms = redis_link.run(lambda client: client.eval(COUNT, 1, key, seconds * 1000))
        left = left_ms / 1000
    except RedisAway:
        hits, left = local_hits, local_left
    return None if hits <= most else max(left, 0.001)


class Throttle(BaseThrottle):
    """Limit who asks within a fixed window that begins with the first request; `scope` names the rate."""

    scope = ""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count the request; those that are exempt are not counted."""
        who = self.who(request)
        self._wait = hit(self.scope, who) if who else None
        return self._wait is None

    def wait(self) -> float | None:
        """Return the seconds for Retry-After."""
        return self._wait

    def who(self, request: Request) -> str:
        """Return whom to count: the user, else the address. "" is exempt."""
        user: Any = request.user
        return f"user:{user.pk}" if user and user.is_authenticated else f"address:{self.get_ident(request)}"


class UserThrottle(Throttle):
    """Limit one user over all requests."""

    scope = "user"

    def who(self, request: Request) -> str:
        """Leave strangers to AnonThrottle."""
        return super().who(request) if request.user and request.user.is_authenticated else ""


class AnonThrottle(Throttle):
    """Limit one address that has not logged in."""

    scope = "anon"

    def who(self, request: Request) -> str:
        """Leave users to UserThrottle."""
        return "" if request.user and request.user.is_authenticated else super().who(request)


class UploadThrottle(Throttle):
    """Limit uploads of one user."""

    scope = "upload"


class StatusThrottle(Throttle):
    """Limit how often one user asks for status and data."""

    scope = "status"


class LoginThrottle(Throttle):
    """Limit attempts to log in from one address, right or wrong."""

    scope = "login"

    def who(self, request: Request) -> str:
        """Count the address: who tries passwords is not logged in."""
        return f"address:{self.get_ident(request)}"
