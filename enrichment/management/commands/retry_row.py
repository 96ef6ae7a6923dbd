"""Send one row of an import round again."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from bookops.asked_wrongly import AskedWrongly
from enrichment.imports import retry_row
from enrichment.management.import_command import ImportCommand
from enrichment.models import LibraryImport


class Command(ImportCommand):
    help = "Send one failed or dead row of an import round again, with a fresh budget of attempts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("number", type=int, help="the row, counted from 1 as the dashboard does")

    def act(self, library_import: LibraryImport, **options: Any) -> dict[str, Any]:
        row = library_import.rows.filter(number=options["number"]).first()
        if row is None:
            raise AskedWrongly(f"The import has no row {options['number']}.")
        if not retry_row(row):
            raise CommandError(f"Row {row.number} is {row.state}: only failed and dead rows that could be read are retried.")
        return {"import": str(library_import.pk), "row": row.number, "rows_sent_again": 1}
