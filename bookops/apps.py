"""The core app."""

from django.apps import AppConfig

from bookops import quick_arrays


class BookopsConfig(AppConfig):
    name = "bookops"
    verbose_name = "Books and background work"

    def ready(self) -> None:
        """Have what is inserted and updated by hundreds written quickly, before the first connection is made."""
        quick_arrays.use()
