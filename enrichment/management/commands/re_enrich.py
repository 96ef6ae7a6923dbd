"""Work through all rows of an import again."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from enrichment.imports import re_enrich
from enrichment.management.import_command import ImportCommand
from enrichment.models import LibraryImport


class Command(ImportCommand):
    help = "Work through all ended rows of an import again, with what the sources told before."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--forget", action="store_true", help="drop what the sources told of these books, and ask them anew")

    def act(self, library_import: LibraryImport, **options: Any) -> dict[str, Any]:
        return {"import": str(library_import.pk), "rows_sent_again": re_enrich(library_import, forget=options["forget"])}
