"""Print the plan of an evaluation."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from runbooks.plan import state_machine


class Command(BaseCommand):
    help = "Print the plan that evaluations run by, as a state machine in Amazon's language, to compare with what was designed."
    requires_system_checks: list[str] = []

    def handle(self, **options: Any) -> None:
        self.stdout.write(json.dumps(state_machine(), indent=2))
