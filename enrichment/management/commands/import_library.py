"""Import a library export from a file."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from bookops.asked_wrongly import AskedWrongly, user_named
from enrichment.account import account_of
from enrichment.formats import ExportRefused
from enrichment.imports import start_import
from enrichment.inline import import_inline
from enrichment.models import LibraryImport
from enrichment.terminal import ImportBar, follow, print_account

#: Exit code besides those of all commands.
STILL_RUNNING = 3


class Command(BaseCommand):
    help = (
        "Import a library export. Exit code 0: it was taken (with --wait or --inline: it succeeded and the counts add up); "
        "1: it failed; 2: the file was refused, with the line and the remedy; 3: it had not ended after --timeout and goes on."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--owner", required=True, help="the user whose library it is")
        parser.add_argument("--policy", choices=LibraryImport.Policy.values)
        parser.add_argument("--tolerated-failures", type=float, metavar="SHARE", help="fail above this share of failed rows, such as 0.1")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--wait", action="store_true", help="show progress until it has ended")
        how.add_argument("--inline", action="store_true", help="do the work here, without a broker or workers")
        parser.add_argument("--timeout", type=float, metavar="SECONDS", help="with --wait: leave it to the workers after so long")
        parser.add_argument("--json", action="store_true", help="print the account as JSON, and no bar")

    def handle(self, *, file: Path, owner: str, wait: bool, inline: bool, **options: Any) -> None:
        user = user_named(owner)
        console = Console(stderr=options["json"], quiet=options["json"], soft_wrap=True)
        try:
            with file.open("rb") as content:
                start = {
                    "owner": user,
                    "file": content,
                    "filename": file.name,
                    "policy": options["policy"],
                    "tolerated_failures": options["tolerated_failures"],
                }
                if inline:
                    with ImportBar(console) as bar:
                        library_import = import_inline(watch=bar.show, **start)
                else:
                    library_import = start_import(**start)
        except OSError as error:
            raise AskedWrongly(f"{file} cannot be read: {error.strerror}.") from error
        except ExportRefused as refused:
            raise AskedWrongly(str(refused)) from refused
        if (earlier := library_import.same_file_before()) is not None:
            console.print(f"It is the same file as {earlier.name_and_time}: its books are found again.")
        if wait and not follow(library_import, console, timeout=options["timeout"]):
            raise CommandError(
                f"Import {library_import.pk} goes on; see manage.py import_status {library_import.pk}", returncode=STILL_RUNNING
            )
        if not wait and not inline:
            self.stdout.write(json.dumps({"id": str(library_import.pk)}) if options["json"] else f"Import {library_import.pk} has started.")
            return
        account = account_of(library_import)
        if options["json"]:
            self.stdout.write(json.dumps(account.to_json()))
        print_account(account, console)
        sys.exit(0 if account.succeeded else 1)
