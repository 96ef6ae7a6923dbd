"""Send the failed and dead rows of an import round again."""

from __future__ import annotations

from typing import Any

from enrichment.imports import retry_failed
from enrichment.management.import_command import ImportCommand
from enrichment.models import LibraryImport


class Command(ImportCommand):
    help = "Send every failed and dead row of an import round again, with a fresh budget of attempts."

    def act(self, library_import: LibraryImport, **_: Any) -> dict[str, Any]:
        return {"import": str(library_import.pk), "rows_sent_again": retry_failed(library_import)}
