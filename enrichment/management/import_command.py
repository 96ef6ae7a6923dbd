"""What the commands about one import share: its number as argument, the look-up, and the answer as text or JSON."""

from __future__ import annotations

import json
import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from bookops.asked_wrongly import AskedWrongly
from enrichment.models import LibraryImport


class ImportCommand(BaseCommand):
    """Call `act` with the import that was named and print what it returns.

    Not complete by itself: a command says in `act` what to do and returns the facts to print. Exit code 0 when it was done, 1 when
    it could not be done, 2 when there is no such import.
    """

    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("import_id", type=uuid.UUID, metavar="UUID")
        parser.add_argument("--json", action="store_true", help="print the answer as JSON")

    def handle(self, *, import_id: uuid.UUID, **options: Any) -> None:
        self.answer(self.act(self.import_of(import_id), **options), as_json=options["json"])

    def act(self, library_import: LibraryImport, **options: Any) -> dict[str, Any]:
        """Do what the command is for and return what to print."""
        raise NotImplementedError

    def import_of(self, import_id: uuid.UUID) -> LibraryImport:
        """Return the import; raises AskedWrongly when there is none."""
        found = LibraryImport.objects.filter(pk=import_id).first()
        if found is None:
            raise AskedWrongly(f"There is no import {import_id}.")
        return found

    def answer(self, facts: dict[str, Any], *, as_json: bool) -> None:
        """Print the facts, a line each or as one line of JSON."""
        if as_json:
            self.stdout.write(json.dumps(facts, default=str, ensure_ascii=False))
            return
        for name, value in facts.items():
            self.stdout.write(f"{name.replace('_', ' ')}: {value}")
