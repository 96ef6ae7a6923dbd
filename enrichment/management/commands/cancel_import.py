"""Stop an import."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from enrichment.imports import cancel_import
from enrichment.management.import_command import ImportCommand
from enrichment.models import LibraryImport


class Command(ImportCommand):
    help = "Stop an import; what is done stays. Exit code 1 when it has ended already."

    def act(self, library_import: LibraryImport, **_: Any) -> dict[str, Any]:
        if not cancel_import(library_import):
            raise CommandError(f"Import {library_import.pk} has ended already: {library_import.state}.")
        return {"import": str(library_import.pk), "state": library_import.state}
