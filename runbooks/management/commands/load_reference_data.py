"""Load publishers, binders, authors, eras and grades."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from bookops.asked_wrongly import user_named
from runbooks.reference_loading import give_first_wishes, load_reference_data


class Command(BaseCommand):
    help = "Write the publishers, binders, authors, eras and grades that come with bookops into the database; what staff wrote stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--overwrite", action="store_true", help="also where staff have changed them")
        parser.add_argument("--owner", help="give this user the wishes to start from, unless there are any")

    def handle(self, *, overwrite: bool, owner: str | None, **_: Any) -> None:
        user = user_named(owner) if owner else None
        written = load_reference_data(overwrite=overwrite)
        wishes = give_first_wishes(user) if user else 0
        self.stdout.write(", ".join(f"{name}: {count} rows" for name, count in [*written.items(), ("wishes", wishes)]))
