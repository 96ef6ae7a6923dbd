"""Run one step of an execution again."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bookops.asked_wrongly import AskedWrongly
from runbooks.executions import CannotRetry, retry_step
from runbooks.models import Execution
from runbooks.plan import SHOWN


class Command(BaseCommand):
    help = "Run one step of an execution again, and then what depends on it; the earlier result stays beside it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("execution", type=uuid.UUID)
        parser.add_argument("step", choices=SHOWN)
        parser.add_argument("--query", help="for a search of comparables: ask this instead")
        parser.add_argument("--model", help="for claude_analysis: ask this model instead")

    def handle(self, *, execution: uuid.UUID, step: str, **options: Any) -> None:
        found = Execution.objects.filter(pk=execution).first()
        if found is None:
            raise AskedWrongly(f"There is no execution {execution}.")
        variant = {name: options[name] for name in ("query", "model") if options[name]}
        try:
            run = retry_step(found, step, variant=variant)
        except CannotRetry as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{run.name} is sent out as run {run.number}.")
