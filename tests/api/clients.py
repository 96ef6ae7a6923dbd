"""Users and their clients, for every test of the API."""

from __future__ import annotations

import itertools
import json
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.test import Client
from knox.models import AuthToken

_names = itertools.count(1)


def make_user(**changes: Any) -> Any:
    """Return a user with the password "correct horse"."""
    user = get_user_model()(**{"username": f"user{next(_names)}", "email": "reader@example.org"} | changes)
    user.set_password("correct horse")
    user.save()
    return user


def token_of(user: Any) -> str:
    """Return a new token of the user."""
    return AuthToken.objects.create(user)[1]


def client_of(user: Any) -> Client:
    """Return a client that sends a token of the user; errors of the server are answers, as in production."""
    return Client(raise_request_exception=False, headers={"Authorization": f"Token {token_of(user)}"})


def json_body(**values: Any) -> dict[str, Any]:
    """Return the arguments that send JSON."""
    return {"data": json.dumps(values), "content_type": "application/json"}


def body_of(answer: Any) -> bytes:
    """Return the whole body of an answer, streamed asynchronously or not."""

    async def gather() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    if not answer.streaming:
        return answer.content
    return async_to_sync(gather)() if answer.is_async else b"".join(answer.streaming_content)
