"""Load language models with their prices and limits."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from bookops.language_models import load_models


class Command(BaseCommand):
    help = "Write the language models, prices and limits that come with bookops into the database; other rows stay as they are."

    def handle(self, **_: Any) -> None:
        self.stdout.write(f"{load_models()} language models are known.")
