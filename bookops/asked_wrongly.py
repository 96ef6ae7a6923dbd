"""What all commands answer to arguments that cannot be meant: words, and the exit code that argparse has for its own."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.management.base import CommandError

EXIT_CODE = 2


class AskedWrongly(CommandError):
    """An argument names what there is not, or what is refused. What was asked rightly and cannot be done is a CommandError, exit code 1."""

    def __init__(self, words: str) -> None:
        super().__init__(words, returncode=EXIT_CODE)


def user_named(username: str) -> User:
    """Return a user; raises AskedWrongly with the way to make one."""
    user = get_user_model().objects.filter(username=username).first()
    if user is None:
        raise AskedWrongly(f"There is no user {username!r}. Make one: manage.py createsuperuser --username {username}")
    return user
