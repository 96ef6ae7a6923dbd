"""Throttles."""

from rest_framework.throttling import AnonRateThrottle, UserRateThrottle


class UserThrottle(UserRateThrottle):
    """Limit one user."""


class AnonThrottle(AnonRateThrottle):
    """Limit one address that has not logged in."""
