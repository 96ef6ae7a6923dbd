"""Tokens as REST clients send them."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from knox.auth import TokenAuthentication as KnoxAuthentication
from rest_framework.exceptions import AuthenticationFailed


class TokenAuthentication(KnoxAuthentication):
    """Let in who sends "Authorization: Token …"; knox keeps only digests."""

    def authenticate_credentials(self, token: bytes) -> Any:
        """Refuse bytes that cannot be one of our tokens before the database sees them."""
        if not token.isalnum():
            raise AuthenticationFailed("Invalid token.")
        return super().authenticate_credentials(token)

    def _cleanup_token(self, auth_token: Any) -> bool:
        """Say whether a token has expired. knox also reads all others of its user to delete old ones, which `forgetting` does by the hour."""
        return auth_token.expiry is not None and auth_token.expiry < timezone.now()


class TokenScheme(KnoxTokenScheme):
    """Tell the schema about it."""

    target_class = "bookops.api.authentication.TokenAuthentication"
    name = "token"
