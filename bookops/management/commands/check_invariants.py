"""Check what must hold of the tables."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from bookops.invariants import broken_invariants, rules


class Command(BaseCommand):
    help = "Check what must hold of the tables. Exit code 0 when all does, 1 with a list of what is broken."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print {rule: [what breaks it]} for all rules")

    def handle(self, **options: Any) -> None:
        broken = broken_invariants()
        if options["json"]:
            self.stdout.write(json.dumps({rule: broken.get(rule, []) for rule in rules()}, ensure_ascii=False))
        else:
            for rule in rules():
                self.stdout.write(f"{'BROKEN' if rule in broken else 'holds '}  {rule}")
                for line in broken.get(rule, []):
                    self.stdout.write(f"          {line}")
        sys.exit(1 if broken else 0)
