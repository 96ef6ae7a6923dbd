"""Go on without a source that an import waits for."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from enrichment.deciding import SOURCES
from enrichment.imports import give_up_source
from enrichment.management.import_command import ImportCommand
from enrichment.models import LibraryImport


class Command(ImportCommand):
    help = "Work through the rows that wait for a source without it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("source", choices=SOURCES)

    def act(self, library_import: LibraryImport, **options: Any) -> dict[str, Any]:
        moved = give_up_source(library_import, options["source"])
        return {"import": str(library_import.pk), "source": options["source"], "rows_sent_again": moved}
