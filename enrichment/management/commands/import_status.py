"""Say how an import stands."""

from __future__ import annotations

import sys
import uuid
from dataclasses import asdict
from typing import Any

from bookops.runs import ENDED, State
from enrichment.management.import_command import ImportCommand
from enrichment.status import describe

#: Exit codes of an import that did not succeed.
FAILED, RUNNING = 1, 3


class Command(ImportCommand):
    help = "Say how an import stands. Exit code 0: complete; 1: failed or cancelled; 2: there is none; 3: still running."

    def handle(self, *, import_id: uuid.UUID, **options: Any) -> None:
        library_import = self.import_of(import_id)
        status = describe(library_import)
        facts = {"import": str(import_id), "file": library_import.filename} | asdict(status)
        if not options["json"]:
            kept = ("import", "file", "state", "stage", "percent", "forecast_end", "total", "processed")
            facts = {name: facts[name] for name in kept} | {state: count for state, count in status.counts.items() if count}
            facts |= {f"waiting_for_{one['name']}": f"{one['rows']} rows until {one['until']}" for one in status.waiting}
            facts |= {f"failed_by_{reason}": count for reason, count in status.reasons.items()}
        self.answer(facts, as_json=options["json"])
        sys.exit(RUNNING if library_import.state not in ENDED else 0 if library_import.state == State.SUCCEEDED else FAILED)
