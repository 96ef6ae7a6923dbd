"""Fetch the day's exchange rates."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bookops.outbound.errors import SourceError
from runbooks.doors import open_rates
from runbooks.rates import fetch_rates


class Command(BaseCommand):
    help = "Fetch the latest exchange rates now, as beat does every day; what staff wrote for that day stays."

    def handle(self, **_: Any) -> None:
        try:
            new = fetch_rates(open_rates())
        except SourceError as error:
            raise CommandError(f"No rates came: {error.detail or error.reason}. Comparables in other currencies wait for them.") from error
        self.stdout.write(f"{new} rates are new.")
