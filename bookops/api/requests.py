"""The request as the views of the API see it, for those who read and check types."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import User
from rest_framework.request import Request


class OwnerRequest(Request):
    """A request that permissions have let in: there is a user, who owns what it asks for."""

    user: User
    #: The id for what an idempotent handler creates, None where no key was sent.
    resource_id: uuid.UUID | None
