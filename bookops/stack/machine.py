"""What is made once for this machine and kept in var/: the secret key, the admin's password, tokens."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from django.contrib.auth import get_user_model
from django.utils import timezone
from knox.models import AuthToken
from knox.settings import CONSTANTS

ADMIN = "admin"


@dataclass(frozen=True)
class MachineSecrets:
    """Hold the secrets of one machine; the file they are kept in is readable by its owner only."""

    secret_key: str
    password: str
    flower_password: str
    token: str = ""

    @classmethod
    def load_or_make(cls, path: Path) -> MachineSecrets:
        """Read them, or make and keep new ones when there are none yet."""
        try:
            return cls(**json.loads(path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            made = cls(secret_key=secrets.token_urlsafe(48), password=secrets.token_urlsafe(12), flower_password=secrets.token_urlsafe(12))
            made.save(path)
            return made

    def save(self, path: Path) -> None:
        """Write them, never readable by others, not even for a moment."""
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(self), file, indent=1)
        draft.replace(path)


def ensure_admin(kept: MachineSecrets) -> MachineSecrets:
    """Make sure that the staff user exists and the kept token works; return the secrets, with a new token if need be.

    An existing user keeps the password that a person may have changed.
    """
    users = get_user_model().objects
    user = users.filter(username=ADMIN).first() or users.create_superuser(ADMIN, "admin@localhost", kept.password)
    known = AuthToken.objects.filter(user=user, token_key=kept.token[: CONSTANTS.TOKEN_KEY_LENGTH]).first() if kept.token else None
    if known and (known.expiry is None or known.expiry > timezone.now()):
        return kept
    _, token = AuthToken.objects.create(user=user)
    return replace(kept, token=token)
