"""Say whether a part of the system was seen lately, for the health checks of containers."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from bookops import pulse


class Command(BaseCommand):
    help = "Exit with 0 if a part whose name starts so gave a sign of life within the last 45 seconds, else with 1."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("part", help="sweeper, beat, or worker:HOST")

    def handle(self, *, part: str, **_: Any) -> None:
        alive = pulse.alive(part)
        self.stdout.write(f"{part}: {alive} alive")
        sys.exit(0 if alive else 1)
