"""Free what lost its worker, ring again what was not heard, end what is done."""

from __future__ import annotations

import json
import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from bookops.sweep import sweep_for_ever, sweep_once


class Command(BaseCommand):
    help = "Sweep once and say what was moved, or with --loop every SWEEP_SECONDS until a signal ends it. Several may run."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--loop", action="store_true")
        parser.add_argument("--json", action="store_true")

    def handle(self, *, loop: bool, **options: Any) -> None:
        if loop:
            stop = threading.Event()
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: stop.set())
            sweep_for_ever(should_stop=stop.is_set)
            return
        moved = sweep_once()
        if options["json"]:
            self.stdout.write(json.dumps(moved))
            return
        for name, count in moved.items():
            self.stdout.write(f"{count:6} {name.replace('_', ' ')}")
