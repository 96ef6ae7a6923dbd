"""Evaluate the listing of a link."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from bookops.asked_wrongly import AskedWrongly, user_named
from runbooks.executions import AnotherOneRuns, start_import
from runbooks.inline import evaluate_inline
from runbooks.links import BadLink
from runbooks.terminal import StepLines, follow, outcome_of, print_outcome

#: Exit code besides those of all commands.
STILL_RUNNING = 3


class Command(BaseCommand):
    help = (
        "Evaluate the listing of a link. Exit code 0: it was taken (with --wait or --inline: its runbook is saved); 1: it failed; "
        "2: the link was refused, with the remedy; 3: it had not ended after --timeout, or waits for a source, and goes on."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("url", help="the address of an eBay listing, a short link, or the item number")
        parser.add_argument("--owner", required=True, help="the user for whom it is evaluated")
        parser.add_argument("--model", help="the language model that looks at the photos")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--wait", action="store_true", help="show the steps until it has ended")
        how.add_argument("--inline", action="store_true", help="do the work here, without a broker or workers")
        parser.add_argument("--timeout", type=float, metavar="SECONDS", help="with --wait: leave it to the workers after so long")
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON, and no steps")

    def handle(self, *, url: str, owner: str, wait: bool, inline: bool, **options: Any) -> None:
        user = user_named(owner)
        console = Console(stderr=options["json"], quiet=options["json"], soft_wrap=True)
        start: dict[str, Any] = {"owner": user, "url": url, "options": {"model": options["model"]} if options["model"] else {}}
        try:
            execution = evaluate_inline(watch=StepLines(console).show, **start) if inline else start_import(**start)[0]
        except (BadLink, AnotherOneRuns) as refused:
            raise AskedWrongly(str(refused)) from refused
        if not inline and not wait:
            self.stdout.write(json.dumps(outcome_of(execution)) if options["json"] else f"Execution {execution.pk} has started.")
            return
        has_ended = follow(execution, console, timeout=options["timeout"]) if wait else execution.status != "RUNNING"
        if options["json"]:
            self.stdout.write(json.dumps(outcome_of(execution)))
        if not has_ended:
            raise CommandError(f"Execution {execution.pk} goes on.", returncode=STILL_RUNNING)
        print_outcome(execution, console)
        sys.exit(0 if execution.status == "SUCCEEDED" else 1)
