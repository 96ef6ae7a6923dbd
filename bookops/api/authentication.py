"""Tokens as REST clients send them."""

from __future__ import annotations

from typing import Any

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


class TokenScheme(KnoxTokenScheme):
    """Tell the schema about it."""

    target_class = "bookops.api.authentication.TokenAuthentication"
    name = "token"
