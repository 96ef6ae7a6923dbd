"""The runbooks app."""

from django.apps import AppConfig


class RunbooksConfig(AppConfig):
    name = "runbooks"
    verbose_name = "Evaluation runbooks"

    def ready(self) -> None:
        from runbooks import invariants, sweeping  # noqa: F401 - they register with the core
