"""Load language models with their prices and limits."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from bookops.language_models import LanguageModel, load_models


class Command(BaseCommand):
    help = "Write the language models, prices and limits that come with bookops into the database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--overwrite", action="store_true", help="also where staff have changed them")

    def handle(self, *, overwrite: bool, **_: Any) -> None:
        changed = load_models(overwrite=overwrite)
        self.stdout.write(f"{LanguageModel.objects.count()} language models are known; {changed} rows were written.")
