"""Send dead letters round again."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from bookops.runs import State
from enrichment.imports import redrive
from enrichment.management.import_command import ImportCommand
from enrichment.models import ImportRow, LibraryImport


class Command(ImportCommand):
    help = "Send the rows that used up their attempts round again: of one import, or with --all of every import."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("import_id", type=uuid.UUID, metavar="UUID", nargs="?")
        parser.add_argument("--all", action="store_true", dest="everything")
        parser.add_argument("--json", action="store_true", help="print the answer as JSON")

    def handle(self, *, import_id: uuid.UUID | None, **options: Any) -> None:
        if (import_id is None) != options["everything"]:
            raise CommandError("Name one import, or give --all.")
        if import_id is not None:
            imports = [self.import_of(import_id)]
        else:
            dead = ImportRow.objects.filter(state=State.DEAD).values("library_import")
            imports = list(LibraryImport.objects.filter(pk__in=dead))
        moved = sum(redrive(library_import) for library_import in imports)
        self.answer({"imports": len(imports), "rows_sent_again": moved}, as_json=options["json"])
