"""Make the staff groups viewer, editor and admin, each with the permissions it lacks."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from bookops.staff_groups import make_groups


class Command(BaseCommand):
    """Make staff groups."""

    help = "Make the staff groups viewer, editor and admin, or give them the permissions they lack; what staff added to one stays."

    def handle(self, *args: Any, **options: Any) -> None:
        """Say what each group got."""
        for name, count in make_groups().items():
            self.stdout.write(f"{name}: {count} permission{'s' if count != 1 else ''} added.")
